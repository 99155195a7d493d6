import {
  createPublicKey,
  hash,
  verify,
  constants,
  type KeyObject,
  type VerifyKeyObjectInput,
} from "node:crypto";
import { LRUCache } from "lru-cache";
import { isObject, type Json, type JsonObject } from "../../contract.js";

interface Algorithm {
  readonly kty: "EC" | "OKP" | "RSA";
  readonly crv?: string;
  readonly digest: string | null;
  readonly options: Omit<VerifyKeyObjectInput, "key">;
  /** Length of a signature, bytes; a DER signature has another one. */
  readonly bytes?: number;
}

const ec = (crv: string, digest: string, bytes: number): Algorithm => ({
  ...{ kty: "EC", crv, digest, bytes },
  options: { dsaEncoding: "ieee-p1363" },
});
const rs = (digest: string): Algorithm => ({
  ...{ kty: "RSA", digest },
  options: { padding: constants.RSA_PKCS1_PADDING },
});
const ps = (digest: string): Algorithm => ({
  ...{ kty: "RSA", digest },
  options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
});
const ed: Algorithm = { kty: "OKP", crv: "Ed25519", digest: null, options: {}, bytes: 64 };

/** Asymmetric algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864), each with the one kind of key that it takes. */
export const proofAlgorithms: ReadonlyMap<string, Algorithm> = new Map([
  ["ES256", ec("P-256", "sha256", 64)],
  ["ES384", ec("P-384", "sha384", 96)],
  ["ES512", ec("P-521", "sha512", 132)],
  ["EdDSA", ed],
  ["Ed25519", ed],
  ["RS256", rs("sha256")],
  ["RS384", rs("sha384")],
  ["RS512", rs("sha512")],
  ["PS256", ps("sha256")],
  ["PS384", ps("sha384")],
  ["PS512", ps("sha512")],
]);

/** A public key that a caller says is its own. */
export interface ProofKey {
  /** RFC 7638 thumbprint, base64url of SHA-256. */
  readonly jkt: string;
  readonly algorithm: Algorithm;
  /** The members that make the key, in the order of RFC 7638. */
  readonly material: Readonly<Record<string, string>>;
}

const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] as const;
const certificateMembers = ["x5u", "x5c", "x5t", "x5t#S256"] as const;
/** RFC 7638 section 3.2: the required members, in lexicographic order. */
const required = { EC: ["crv", "kty", "x", "y"], OKP: ["crv", "kty", "x"], RSA: ["e", "kty", "n"] } as const;

/** Reads a public JWK that is to verify by `alg`; a text says what is wrong with it. Imports nothing. */
export function readProofKey(jwk: Json | undefined, alg: string): ProofKey | string {
  const algorithm = proofAlgorithms.get(alg);
  if (algorithm === undefined) return "alg";
  if (!isObject(jwk)) return "jwk is not an object";
  if (privateMembers.some((name) => Object.hasOwn(jwk, name))) return "jwk holds a private or symmetric key";
  if (certificateMembers.some((name) => Object.hasOwn(jwk, name))) return "jwk holds a certificate";
  if (jwk["kty"] !== algorithm.kty || jwk["crv"] !== algorithm.crv) return "jwk is not a key for alg";
  if (jwk["alg"] !== undefined && jwk["alg"] !== alg) return "jwk is for another alg";
  if (jwk["use"] !== undefined && jwk["use"] !== "sig") return "jwk is not for signatures";
  const material: Record<string, string> = {};
  for (const name of required[algorithm.kty]) {
    const value = jwk[name];
    if (typeof value !== "string" || !/^[\w-]+$/.test(value)) return "jwk lacks a member";
    material[name] = value;
  }
  if (algorithm.kty === "RSA" && !bearable(jwk)) return "jwk's size";
  return { jkt: hash("sha256", JSON.stringify(material), "base64url"), algorithm, material };
}

/** Moduli of 2,048 to 4,096 bits and short exponents: others are too weak, or too dear to verify. */
function bearable({ n, e }: JsonObject): boolean {
  const modulus = Buffer.from(String(n), "base64url");
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  return bits >= 2048 && bits <= 4096 && Buffer.from(String(e), "base64url").length <= 4;
}

export interface SignatureCheck {
  /** Tells whether the key made the signature. */
  holds(key: ProofKey, signed: Buffer, signature: Buffer): boolean;
}

/**
 * Creates the check of signatures, which keeps imported keys: the import costs as much as a verification.
 * Synchronous: a turn through the thread pool costs more than the signature.
 */
export function createSignatureCheck(keptKeys = 2_000): SignatureCheck {
  const imported = new LRUCache<string, KeyObject>({ max: keptKeys });
  return {
    holds({ jkt, algorithm, material }, signed, signature) {
      if (algorithm.bytes !== undefined && signature.length !== algorithm.bytes) return false;
      let key = imported.get(jkt);
      try {
        if (key === undefined) {
          key = createPublicKey({ key: material, format: "jwk" });
          imported.set(jkt, key);
        }
        return verify(algorithm.digest, signed, { key, ...algorithm.options }, signature);
      } catch {
        return false; // not a key of its kind, e.g. a point that isn't on the curve
      }
    },
  };
}
