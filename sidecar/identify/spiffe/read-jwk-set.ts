import { createPublicKey } from "node:crypto";
import { isObject, JsonNumber, parseJson, type Json, type JsonObject } from "../../contract.js";
import { secretProblem } from "../token/key-set.js";
import {
  BundleInvalid,
  makeBundle,
  mostEntries,
  readAuthorities,
  type JwtKey,
  type TrustBundle,
} from "./bundle.js";

const mostSequence = 2n ** 64n;

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
