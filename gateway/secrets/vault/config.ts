/** A field of a secret in HashiCorp Vault's KV engine, and how the gateway gets in (docs/gateway-credentials.md). */
import type { Fields, Problems } from "../../../sidecar/contract.js";
import type { PlainSource } from "../read-config.js";
import { readPlainSource } from "../read-config.js";

/** How a token is had. */
export type VaultAuth =
  | { readonly kind: "token"; readonly token: PlainSource }
  | { readonly kind: "kubernetes"; readonly mount: string; readonly role: string; readonly jwt: PlainSource }
  | {
      readonly kind: "approle";
      readonly mount: string;
      readonly roleId: PlainSource;
      readonly secretId: PlainSource;
    };

/** One vault, one way in: places that share these share a token. */
export interface VaultServer {
  /** Origin. */
  readonly address: string;
  readonly namespace?: string;
  readonly auth: VaultAuth;
  /** PEM of the CAs that its certificate must come from; absent: the public ones. */
  readonly caFile?: string;
  /** For one question and its answer, milliseconds. */
  readonly timeoutMs: number;
}

export interface VaultPlace {
  readonly server: VaultServer;
  readonly mount: string;
  readonly path: string;
  readonly field: string;
  readonly kvVersion: 1 | 2;
}

const accountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** Reads a `vault` section. */
export function readVaultPlace(fields: Fields, problems: Problems): VaultPlace {
  const namespace = fields.string("namespace");
  const path = (name: string, fallback?: string): string => {
    const text = fallback === undefined ? fields.required(name) : (fields.string(name) ?? fallback);
    return checkPath(text, fields.at(name), problems);
  };
  const tls = fields.nested("tls");
  const caFile = tls.string("ca_file");
  tls.end();
  const server: VaultServer = {
    address: readAddress(fields.required("address"), fields.at("address"), problems),
    ...(namespace === undefined
      ? {}
      : { namespace: checkPath(namespace.replace(/\/$/, ""), fields.at("namespace"), problems) }),
    auth: readAuth(fields.nested("auth"), problems),
    ...(caFile === undefined ? {} : { caFile }),
    timeoutMs: fields.integer("timeout_ms", 1, 60_000) ?? 5_000,
  };
  const place: VaultPlace = {
    server,
    mount: path("mount", "secret"),
    path: path("path"),
    field: fields.required("field"),
    kvVersion: fields.integer("kv_version", 1, 2) === 1 ? 1 : 2,
  };
  fields.end();
  return place;
}

function readAuth(fields: Fields, problems: Problems): VaultAuth {
  const none: PlainSource = { value: "" };
  const source = (parent: Fields, name: string, fallback: PlainSource): PlainSource => {
    const nested = parent.nested(name);
    // a token in the configuration itself would be in everything that holds the configuration
    const read = readPlainSource(nested, problems, undefined, ["env", "file"]);
    nested.end();
    return read ?? fallback;
  };
  const kinds = ["token", "kubernetes", "approle"].filter((kind) => fields.has(kind));
  if (kinds.length !== 1) problems.add(fields.at("token"), "give one of token, kubernetes, approle");
  const [kind] = kinds;
  if (kind === "kubernetes") {
    const nested = fields.nested("kubernetes");
    const mount = checkPath(nested.string("mount") ?? "kubernetes", nested.at("mount"), problems);
    const jwt = { file: nested.string("jwt_file") ?? accountToken };
    const auth: VaultAuth = { kind, mount, role: nested.required("role"), jwt };
    nested.end();
    fields.end();
    return auth;
  }
  if (kind === "approle") {
    const nested = fields.nested("approle");
    const mount = checkPath(nested.string("mount") ?? "approle", nested.at("mount"), problems);
    const roleId = nested.required("role_id");
    const secretId = source(nested, "secret_id", none);
    nested.end();
    fields.end();
    return { kind, mount, roleId: { value: roleId }, secretId };
  }
  const token = kind === "token" ? source(fields, "token", none) : none;
  fields.end();
  return { kind: "token", token };
}

/** INVARIANT: a token travels over TLS, or not beyond this machine (Vault's own agent and proxy listen there). */
function readAddress(text: string, place: string, problems: Problems): string {
  if (text === "") return "https://invalid.invalid";
  if (!URL.canParse(text)) problems.add(place, "must be a URL");
  else {
    const url = new URL(text);
    const local = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
    if (url.username !== "" || url.password !== "") problems.add(place, "must not hold credentials");
    else if (url.pathname !== "/" || url.search !== "" || url.hash !== "")
      problems.add(place, "must be an origin: no path, no query");
    else if (url.protocol === "https:" || (url.protocol === "http:" && local)) return url.origin;
    else problems.add(place, "must be https (http on this machine only)");
  }
  return "https://invalid.invalid";
}

/** A path of Vault's: segments that can't climb, and don't end in a period (its API refuses those). */
function checkPath(text: string, place: string, problems: Problems): string {
  const segments = text.split("/");
  const wrong = segments.some((one) => one === "" || one.endsWith(".") || /[\x00-\x1f\x7f%?#\\]/.test(one));
  if (text !== "" && (wrong || text.length > 512)) problems.add(place, "is no path in Vault");
  return text;
}
