/** Trust bundles. Source: SPIFFE Trust Domain and Bundle section 4, X509-SVID section 6, JWT-SVID. */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { isObject, JsonNumber, parseJson, type Json, type JsonObject } from "../../contract.js";
import { secretProblem } from "../token/key-set.js";
import { readCertificate, type Certificate } from "./certificate.js";

export interface JwtKey {
  readonly kid: string;
  readonly key: KeyObject;
  /** The algorithms that the key is for, of those of JWT-SVID section 2.1. */
  readonly algorithms: readonly string[];
}

/** What a trust domain's identities are verified with. */
export interface TrustBundle {
  readonly authorities: readonly Certificate[];
  readonly keys: readonly JwtKey[];
  /** Tell whether what was verified before still holds. */
  readonly digests: { readonly x509: string; readonly jwt: string };
  readonly sequence: bigint | undefined;
  readonly refreshHintSeconds: number | undefined;
  /** Entries that aren't understood, or are of no use. */
  readonly skipped: number;
}

/** A bundle that can't be taken over. The message holds no content. */
export class BundleInvalid extends Error {
  override readonly name = "BundleInvalid";
}

const mostEntries = 128;
const mostSequence = 2n ** 64n;

/**
 * Reads a bundle: a SPIFFE bundle's JWK set, or CA certificates in PEM.
 * @throws BundleInvalid
 */
export function readBundle(bytes: Uint8Array): TrustBundle {
  const text = Buffer.from(bytes).toString("latin1");
  return text.includes("-----BEGIN ") ? readPem(text) : readJwkSet(bytes);
}

/** Makes a bundle of its parts. @throws BundleInvalid where there is nothing in it */
export function makeBundle(
  read: Pick<TrustBundle, "authorities" | "keys" | "skipped">,
  more: Partial<Pick<TrustBundle, "sequence" | "refreshHintSeconds">> = {},
): TrustBundle {
  const { authorities, keys } = read;
  if (authorities.length === 0 && keys.length === 0) throw new BundleInvalid("nothing in it");
  const jwks = keys.map(({ kid, key, algorithms }) => [kid, key.export({ format: "jwk" }), algorithms]);
  return {
    ...read,
    digests: {
      x509: digest(authorities.map(({ thumbprint }) => thumbprint)),
      jwt: digest(jwks),
    },
    sequence: more.sequence,
    refreshHintSeconds: more.refreshHintSeconds,
  };
}

/** Reads certificates of DER, one after the other, as the Workload API gives them. @throws BundleInvalid */
export function readConcatenated(bytes: Uint8Array): Buffer[] {
  const found: Buffer[] = [];
  let rest = Buffer.from(bytes);
  while (rest.length > 0) {
    const length = lengthOf(rest);
    if (length === undefined || length > rest.length || found.length >= mostEntries) {
      throw new BundleInvalid("not certificates of DER");
    }
    found.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return found;
}

/** Reads CA certificates, leaving out what can't be read. */
export function readAuthorities(list: readonly Uint8Array[]): Pick<TrustBundle, "authorities" | "skipped"> {
  const authorities = list.map(readCertificate).filter((one) => one !== undefined && one.ca);
  return { authorities: authorities as Certificate[], skipped: list.length - authorities.length };
}

/** Reads the keys for JWT-SVIDs of a JWK set. @throws BundleInvalid */
export function readJwkSet(bytes: Uint8Array): TrustBundle {
  const { keys, sequence, refreshHintSeconds } = readDocument(bytes);
  const certificates: Uint8Array[] = [];
  const jwtKeys: JwtKey[] = [];
  let skipped = 0;
  for (const jwk of keys) {
    if (secretProblem(jwk) !== undefined || !isObject(jwk))
      throw new BundleInvalid("a key that isn't public");
    const [certificate, key] = jwk["use"] === "x509-svid" ? [readX5c(jwk)] : [undefined, readJwtKey(jwk)];
    if (certificate !== undefined) certificates.push(certificate);
    else if (key !== undefined) jwtKeys.push(key);
    else skipped += 1;
  }
  const kids = new Set(jwtKeys.map(({ kid }) => kid));
  if (kids.size !== jwtKeys.length) throw new BundleInvalid("two keys of one kid");
  const read = readAuthorities(certificates);
  const all = { authorities: read.authorities, keys: jwtKeys, skipped: skipped + read.skipped };
  return makeBundle(all, { sequence, refreshHintSeconds });
}

function readDocument(
  bytes: Uint8Array,
): Pick<TrustBundle, "sequence" | "refreshHintSeconds"> & { keys: Json[] } {
  let document: Json;
  try {
    document = parseJson(bytes, { depth: 8 });
  } catch {
    throw new BundleInvalid("not strict JSON");
  }
  if (!isObject(document) || !Array.isArray(document["keys"])) throw new BundleInvalid("not a JWK set");
  const { keys, spiffe_sequence: sequence, spiffe_refresh_hint: hint } = document;
  if (keys.length > mostEntries) throw new BundleInvalid(`more than ${mostEntries} keys`);
  return {
    keys,
    sequence: sequence === undefined ? undefined : wholeNumber(sequence),
    refreshHintSeconds: hint === undefined ? undefined : Number(wholeNumber(hint)),
  };
}

/** A number that may be larger than a double holds exactly (section 4.1.1). */
function wholeNumber(value: Json): bigint {
  const text = value instanceof JsonNumber ? value.text : typeof value === "number" ? String(value) : "";
  const number = /^\d{1,20}$/.test(text) ? BigInt(text) : mostSequence;
  if (number >= mostSequence) throw new BundleInvalid("a number that isn't whole");
  return number;
}

function readX5c({ x5c }: JsonObject): Uint8Array | undefined {
  const first = Array.isArray(x5c) ? x5c[0] : undefined;
  return typeof first === "string" ? Buffer.from(first, "base64") : undefined;
}

const byCurve: Record<string, string> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };
const byRsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

function readJwtKey(jwk: JsonObject): JwtKey | undefined {
  const { use, kid, kty, alg } = jwk;
  if (use !== "jwt-svid" || typeof kid !== "string" || kid === "") return undefined;
  const members = ["kty", "crv", "x", "y", "n", "e"].filter((name) => typeof jwk[name] === "string");
  const material = Object.fromEntries(members.map((name) => [name, String(jwk[name])]));
  const curve = byCurve[material["crv"] ?? ""];
  const fits = kty === "RSA" ? byRsa : kty === "EC" && curve !== undefined ? [curve] : [];
  const algorithms = fits.filter((name) => alg === undefined || alg === name);
  if (algorithms.length === 0) return undefined;
  try {
    const key = createPublicKey({ key: material, format: "jwk" });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits < 2_048 ? undefined : { kid, key, algorithms };
  } catch {
    return undefined; // not a key of its kind, e.g. a point that isn't on the curve
  }
}

function readPem(text: string): TrustBundle {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g)];
  if (blocks.length === 0 || blocks.length > mostEntries) throw new BundleInvalid("not PEM");
  if (blocks.some(([, label]) => label !== "CERTIFICATE")) throw new BundleInvalid("not only certificates");
  const read = readAuthorities(blocks.map(([, , body = ""]) => Buffer.from(body, "base64")));
  return makeBundle({ ...read, keys: [] });
}

/** Bytes of the first DER value: its tag, its length and what it holds; undefined where that can't be read. */
function lengthOf(bytes: Buffer): number | undefined {
  const first = bytes[1];
  if (bytes[0] !== 0x30 || first === undefined) return undefined;
  if (first < 0x80) return 2 + first;
  const size = first - 0x80;
  return size >= 1 && size <= 3 && bytes.length >= 2 + size
    ? 2 + size + bytes.readUIntBE(2, size)
    : undefined;
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}
