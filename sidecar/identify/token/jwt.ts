import { compactVerify } from "jose";
import { isObject, parseJson, refuse, type JsonObject, type Refusal } from "../../contract.js";
import type { TrustedKey } from "./key-set.js";

/** A token taken apart. INVARIANT: nothing in it is trusted until {@link verifySignature} has passed. */
export interface DecodedToken {
  readonly kind: "decoded";
  readonly alg: string;
  readonly kid: string | undefined;
  /** Media type without `application/`, in lower case; empty where the header has none. */
  readonly type: string;
  readonly payload: JsonObject;
}

const compactForm = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

/** Header members that bring a key along (RFC 7515 section 4.1): a token can't say what verifies it. */
const keyMembers = ["jwk", "jku", "x5u", "x5c"] as const;

/**
 * Takes a compact JWT apart by strict JSON (a duplicate key means two readers can see two tokens).
 * Refuses `crit` (RFC 7515 section 4.1.11: no extension is understood here) and embedded keys.
 */
export function decodeToken(token: string): DecodedToken | Refusal {
  if (!compactForm.test(token)) return refuse("token_malformed");
  const parts = token.split(".");
  // the same bytes in two spellings would be two tokens to whoever counts or revokes them
  if (!parts.every(isCanonical)) return refuse("token_malformed");
  const [headerText = "", payloadText = ""] = parts;
  const header = decodePart(headerText);
  const payload = decodePart(payloadText);
  if (header === undefined || payload === undefined) return refuse("token_malformed");
  const { alg, kid, typ } = header;
  if (typeof alg !== "string") return refuse("token_malformed");
  if (kid !== undefined && typeof kid !== "string") return refuse("token_malformed");
  if (typ !== undefined && typeof typ !== "string") return refuse("token_malformed");
  if (Object.hasOwn(header, "crit")) return refuse("token_malformed", "crit");
  const embedded = keyMembers.find((name) => Object.hasOwn(header, name));
  if (embedded !== undefined) return refuse("token_malformed", embedded);
  return { kind: "decoded", alg, kid, type: mediaType(typ ?? ""), payload };
}

/** Spells a `typ` the way RFC 7515 section 4.1.9 compares it. */
export function mediaType(typ: string): string {
  return typ.toLowerCase().replace(/^application\/(?=[^/]*$)/, "");
}

/** Tells whether base64url is in its one spelling: the last letter's unused bits are zero. */
function isCanonical(text: string): boolean {
  const over = text.length % 4;
  if (over === 0) return true;
  const last = Buffer.from(`${text.slice(-1)}A`, "base64")[0] ?? 0;
  return over !== 1 && ((last >> 2) & (over === 2 ? 0b1111 : 0b11)) === 0;
}

function decodePart(text: string): JsonObject | undefined {
  try {
    const value = parseJson(Buffer.from(text, "base64url"), { depth: 16 });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The codes of jose's errors that say something about the token. */
const joseCodes = new Map<unknown, "token_signature" | "token_algorithm" | "token_malformed">([
  ["ERR_JWS_SIGNATURE_VERIFICATION_FAILED", "token_signature"],
  ["ERR_JOSE_ALG_NOT_ALLOWED", "token_algorithm"],
  ["ERR_JWS_INVALID", "token_malformed"],
  ["ERR_JOSE_NOT_SUPPORTED", "token_malformed"],
]);

/** Verifies the signature with one key and exactly the header's algorithm. Throws on bugs only. */
export async function verifySignature(
  token: string,
  decoded: DecodedToken,
  key: TrustedKey,
): Promise<Refusal | undefined> {
  const cryptoKey = key.usable.get(decoded.alg);
  if (cryptoKey === undefined) return refuse("token_algorithm");
  try {
    await compactVerify(token, cryptoKey, { algorithms: [decoded.alg] });
    return undefined;
  } catch (error) {
    const code = joseCodes.get((error as { code?: unknown } | null)?.code);
    if (code === undefined) throw error;
    return refuse(code);
  }
}
