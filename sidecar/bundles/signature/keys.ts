import type { KeyObject } from "node:crypto";
import { createPrivateKey, createPublicKey, createSecretKey } from "node:crypto";
import type { SignatureAlgorithm } from "../config.js";

/** What a key of each algorithm has to be. Source: RFC 7518, sections 3.2 to 3.5. */
type Kind =
  | { readonly kind: "secret"; readonly bytes: number }
  | { readonly kind: "rsa"; readonly types: readonly string[] }
  | { readonly kind: "ec"; readonly curve: string };

const rs: Kind = { kind: "rsa", types: ["rsa"] };
const ps: Kind = { kind: "rsa", types: ["rsa", "rsa-pss"] };
const kinds: Readonly<Record<SignatureAlgorithm, Kind>> = {
  HS256: { kind: "secret", bytes: 32 },
  HS384: { kind: "secret", bytes: 48 },
  HS512: { kind: "secret", bytes: 64 },
  RS256: rs,
  RS384: rs,
  RS512: rs,
  PS256: ps,
  PS384: ps,
  PS512: ps,
  ES256: { kind: "ec", curve: "prime256v1" },
  ES384: { kind: "ec", curve: "secp384r1" },
  ES512: { kind: "ec", curve: "secp521r1" },
};

const leastModulus = 2_048;

export const signatureAlgorithms = Object.keys(kinds) as readonly SignatureAlgorithm[];

export type KeyOutcome =
  | { readonly kind: "key"; readonly key: KeyObject }
  /** Says what is wrong, and nothing of the key. */
  | { readonly kind: "unfit"; readonly message: string };

/**
 * Reads a key for one algorithm: PEM (PKCS #1, #8, SPKI, SEC 1; to verify, a certificate, too), or the secret of HS.
 * INVARIANT: PEM is never a secret of HS, whoever mixes the two up; and what can sign is never there to verify.
 */
export function readKey(text: string, algorithm: SignatureAlgorithm, use: "sign" | "verify"): KeyOutcome {
  const needs = kinds[algorithm];
  const isPem = text.includes("-----BEGIN");
  if (needs.kind === "secret") {
    if (isPem) return unfit(`${algorithm} takes a secret, and this is PEM`);
    const secret = Buffer.from(text);
    return secret.byteLength < needs.bytes
      ? unfit(`${algorithm} takes a secret of ${needs.bytes} bytes at least`)
      : { kind: "key", key: createSecretKey(secret) };
  }
  if (!isPem) return unfit(`${algorithm} takes a key in PEM`);
  const isPrivate = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
  if (use === "verify" && isPrivate) {
    return unfit("this is a private key: to verify, the public one is enough, and all that may be here");
  }
  if (use === "sign" && !isPrivate) return unfit("to sign, a private key is needed");
  let key: KeyObject;
  try {
    key = use === "sign" ? createPrivateKey(text) : createPublicKey(text);
  } catch {
    return unfit("the PEM can't be read");
  }
  const { asymmetricKeyType: type = "", asymmetricKeyDetails: details = {} } = key;
  if (needs.kind === "ec") {
    return type === "ec" && details.namedCurve === needs.curve
      ? { kind: "key", key }
      : unfit(`${algorithm} takes an EC key on ${needs.curve}`);
  }
  if (!needs.types.includes(type)) return unfit(`${algorithm} takes an RSA key`);
  return (details.modulusLength ?? 0) < leastModulus
    ? unfit(`${algorithm} takes an RSA key of ${leastModulus} bits at least`)
    : { kind: "key", key };
}

function unfit(message: string): KeyOutcome {
  return { kind: "unfit", message };
}
