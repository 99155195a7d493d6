/** Key pairs for tests and benchmarks. */
import type { KeyObject } from "node:crypto";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/**
 * Makes a key pair that may be exported. By way of its encoding: in Node 20 the export of a key object that came straight
 * from its generation deadlocks where the garbage collector takes the generation's job meanwhile.
 */
export function makeKeyPair(
  kind: "ec" | "ed25519" | "rsa",
  size?: { curve?: string; bits?: number },
): KeyPair {
  const privateKey = createPrivateKey({ key: newKey(kind, size), format: "der", type: "pkcs8" });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

function newKey(kind: "ec" | "ed25519" | "rsa", { curve = "P-256", bits = 2048 } = {}): Buffer {
  const encodings = {
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "der" },
  };
  // the types know encodings by literals only, and keys of each kind apart
  const make = generateKeyPairSync as (kind: string, options: object) => { readonly privateKey: Buffer };
  return make(kind, { namedCurve: curve, modulusLength: bits, ...encodings }).privateKey;
}
