import { importJWK, type CryptoKey } from "jose";
import { isObject, parseJson, type Json, type JsonObject } from "../../contract.js";
import { algorithms } from "./algorithms.js";

/** One public key of an issuer. */
export interface TrustedKey {
  readonly kid: string | undefined;
  /** Tells the same key in two versions of a set. */
  readonly fingerprint: string;
  /** The algorithms it may verify, of those that its issuer uses. Never empty. */
  readonly usable: ReadonlyMap<string, CryptoKey>;
  /** INVARIANT: false from the moment that the key leaves its issuer's set. */
  live: boolean;
}

export interface KeySet {
  readonly keys: readonly TrustedKey[];
  readonly skipped: number;
}

/** A key set that can't be taken over. The message holds no content. */
export class KeySetInvalid extends Error {
  override readonly name = "KeySetInvalid";
}

const maxKeys = 128;
const minModulusBits = 2048;
const publicMembers = ["kty", "crv", "x", "y", "n", "e"] as const;
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] as const;

/**
 * Reads a JWK Set (RFC 7517 section 5) for verifying with `allowed` algorithms. Keys for anything else are
 * skipped; a private or symmetric key refuses the whole set, as its issuer has lost control of it.
 * @throws KeySetInvalid
 */
export async function parseKeySet(source: Uint8Array | Json, allowed: readonly string[]): Promise<KeySet> {
  const document = source instanceof Uint8Array ? parseBytes(source) : source;
  if (!isObject(document) || !Array.isArray(document["keys"])) throw new KeySetInvalid("not a JWK set");
  const members = document["keys"];
  if (members.length > maxKeys) throw new KeySetInvalid(`more than ${maxKeys} keys`);
  const problem = members.map(secretProblem).find((found) => found !== undefined);
  if (problem !== undefined) throw new KeySetInvalid(problem);
  const read = await Promise.all(members.map((jwk) => readKey(jwk as JsonObject, allowed)));
  const keys = read.filter((key) => key !== undefined);
  return { keys, skipped: members.length - keys.length };
}

function parseBytes(bytes: Uint8Array): Json {
  try {
    return parseJson(bytes, { depth: 8 });
  } catch {
    throw new KeySetInvalid("not strict JSON");
  }
}

/** Says what makes a member unfit to stand in a public key set at all. */
export function secretProblem(jwk: Json): string | undefined {
  if (!isObject(jwk)) return "a key is not an object";
  if (jwk["kty"] === "oct") return "a symmetric key in a public key set";
  if (privateMembers.some((name) => Object.hasOwn(jwk, name))) return "a private key in a public key set";
  return undefined;
}

async function readKey(jwk: JsonObject, allowed: readonly string[]): Promise<TrustedKey | undefined> {
  const { kid, alg, use, key_ops: operations, kty, crv } = jwk;
  if (kid !== undefined && typeof kid !== "string") return undefined;
  if (use !== undefined && use !== "sig") return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) {
    return undefined;
  }
  if (kty === "RSA" && !longEnough(jwk["n"])) return undefined;
  const material: Record<string, string> = {};
  for (const name of publicMembers) {
    const member = jwk[name];
    if (typeof member === "string") material[name] = member;
  }
  const usable = new Map<string, CryptoKey>();
  for (const name of allowed) {
    const fits = algorithms.get(name);
    if (fits === undefined || fits.kty !== kty) continue;
    if (fits.crv !== undefined && fits.crv !== crv) continue;
    if (alg !== undefined && alg !== name) continue;
    const key = await importPublic(material, name);
    if (key !== undefined) usable.set(name, key);
  }
  if (usable.size === 0) return undefined;
  return { kid, fingerprint: JSON.stringify([kid ?? null, alg ?? null, material]), usable, live: true };
}

async function importPublic(material: Record<string, string>, alg: string): Promise<CryptoKey | undefined> {
  try {
    const key = await importJWK({ ...material, kty: material["kty"] ?? "" }, alg);
    return !(key instanceof Uint8Array) && key.type === "public" ? key : undefined;
  } catch {
    return undefined; // not a key of its kind, e.g. a point that isn't on the curve
  }
}

function longEnough(modulus: Json | undefined): boolean {
  if (typeof modulus !== "string") return false;
  const bytes = Buffer.from(modulus, "base64url");
  const first = bytes.findIndex((byte) => byte !== 0);
  if (first < 0) return false;
  return (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24 >= minModulusBits;
}
