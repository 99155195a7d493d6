/** URIs. Source: OPA, v1/topdown/uri.go; Go 1.26, net/url. */
import { objectOf } from "../../engine/value.js";
import { parseAddress } from "./addresses.js";
import { BuiltinFault } from "../builtin.js";
import type { Bytes } from "./bytes.js";
import { fromBytes, quoteBytes, toBytes } from "./bytes.js";
import { fault, longestName, stringOperand } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";
import { toGo } from "./to-go.js";
import { escapePart, unescapePart } from "./url-escape.js";

/** Missing parts are empty. */
interface Uri {
  readonly scheme: Bytes;
  readonly host: Bytes;
  readonly path: Bytes;
  /** As it stood, where that is not what Go would write. */
  readonly rawPath: Bytes;
  readonly query: Bytes;
  readonly fragment: Bytes;
}

const cut = (text: Bytes, at: string): readonly [Bytes, Bytes] => {
  const place = text.indexOf(at);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)];
};

/** @throws BuiltinFault in Go's words */
function parseUri(text: Bytes): Uri {
  const [whole, fragment] = cut(text, "#");
  return {
    ...prefixed(
      () => `parse ${quoteBytes(whole)}`,
      () => parseWithoutFragment(whole),
    ),
    fragment: prefixed(
      () => `parse ${quoteBytes(text)}`,
      () => unescapePart(fragment, "fragment"),
    ),
  };
}

/** Says where a fault came up. */
function prefixed<T>(where: () => string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof BuiltinFault ? fault(`${where()}: ${error.message}`) : error;
  }
}

function parseWithoutFragment(text: Bytes): Omit<Uri, "fragment"> {
  const nothing = { scheme: "", host: "", path: "", rawPath: "", query: "" };
  if (/[\0-\x1f\x7f]/.test(text)) throw fault("net/url: invalid control character in URL");
  if (text === "*") return { ...nothing, path: "*" };
  if (text.startsWith(":")) throw fault("missing protocol scheme");
  const scheme = /^([A-Za-z][A-Za-z0-9+\-.]*):/.exec(text)?.[1] ?? "";
  const [before, query] = cut(scheme === "" ? text : text.slice(scheme.length + 1), "?");
  const found = { ...nothing, scheme: scheme.toLowerCase(), query };
  if (!before.startsWith("/")) {
    // rootless paths behind a scheme are opaque
    if (scheme !== "") return found;
    if ((before.split("/")[0] ?? "").includes(":")) {
      throw fault("first path segment in URL cannot contain colon");
    }
  }
  const withHost = before.startsWith("//") && (scheme !== "" || !before.startsWith("///"));
  const slash = withHost ? before.indexOf("/", 2) : 0;
  const authority = withHost ? before.slice(2, slash < 0 ? undefined : slash) : "";
  const rawPath = slash < 0 ? "" : before.slice(slash);
  const host = withHost ? parseAuthority(found.scheme, authority) : "";
  const path = unescapePart(rawPath, "path");
  return { ...found, host, path, rawPath: escapePart(path, "path") === rawPath ? "" : rawPath };
}

function parseAuthority(scheme: Bytes, authority: Bytes): Bytes {
  const at = authority.lastIndexOf("@");
  const host = parseHost(scheme, authority.slice(at + 1));
  if (at < 0) return host;
  const user = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) throw fault("net/url: invalid userinfo");
  for (const part of cut(user, ":")) unescapePart(part, "user");
  return host;
}

function parseHost(scheme: Bytes, host: Bytes): Bytes {
  const bracket = host.lastIndexOf("[");
  if (bracket > 0) throw fault("invalid IP-literal");
  if (bracket === 0) return parseLiteral(host);
  const first = host.indexOf(":");
  if (first >= 0) {
    const strict = scheme === "http" || scheme === "https";
    refuseOtherPort(host.slice(strict ? first : host.lastIndexOf(":")));
  }
  return unescapePart(host, "host");
}

function refuseOtherPort(port: Bytes): void {
  if (!/^(:[0-9]*)?$/.test(port)) throw fault(`invalid port ${quoteBytes(port)} after host`);
}

/** `[fe80::1%25en0]:80` */
function parseLiteral(host: Bytes): Bytes {
  const close = host.lastIndexOf("]");
  if (close < 0) throw fault("missing ']' in host");
  const port = host.slice(close + 1);
  refuseOtherPort(port);
  const inside = host.slice(1, close);
  const zone = inside.indexOf("%25");
  const name =
    zone < 0
      ? unescapePart(inside, "host")
      : unescapePart(inside.slice(0, zone), "host") + unescapePart(inside.slice(zone), "zone");
  const { bytes } = prefixed(
    () => "invalid host",
    () => parseAddress(name),
  );
  if (bytes.length === 4) throw fault("invalid IP-literal");
  return `[${name}]${port}`;
}

/** Parts a host from its port. Source: Go's splitHostPort. */
function hostAndPort(host: Bytes): readonly [Bytes, Bytes] {
  const match = /^(.*):([0-9]*)$/s.exec(host);
  const [name, port] = match === null ? [host, ""] : [match[1] ?? "", match[2] ?? ""];
  return [name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name, port];
}

const parse: NodeBuiltin = (_context, value) => {
  const uri = parseUri(toBytes(stringOperand(value, 1, longestName)));
  const [hostname, port] = hostAndPort(uri.host);
  const parts = {
    scheme: uri.scheme,
    hostname,
    port,
    path: uri.path,
    raw_path: uri.path === "" || uri.rawPath !== "" ? uri.rawPath : uri.path,
    raw_query: uri.query,
    fragment: uri.fragment,
  };
  const entries: [string, string][] = [];
  for (const [name, bytes] of Object.entries(parts)) {
    const text = fromBytes(bytes);
    if (text === toGo) return toGo;
    if (text !== "") entries.push([name, text]);
  }
  return objectOf(entries);
};

const isValid: NodeBuiltin = (_context, value) => {
  if (typeof value !== "string" || value === "") return false;
  try {
    parseUri(toBytes(stringOperand(value, 1, longestName)));
    return true;
  } catch (error) {
    if (error instanceof BuiltinFault) return false;
    throw error;
  }
};

export const uri: readonly (readonly [string, NodeBuiltin])[] = [
  ["uri.parse", parse],
  ["uri.is_valid", isValid],
];
