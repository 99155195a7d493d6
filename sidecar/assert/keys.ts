import type { KeyObject } from "node:crypto";
import { createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import { calculateJwkThumbprint, type JWK } from "jose";

export const assertionAlgorithms = ["ES256", "EdDSA"] as const;
export type AssertionAlgorithm = (typeof assertionAlgorithms)[number];

/** A public key as it is published. */
export type PublishedKey = JWK & { readonly kid: string };

export interface SigningKey {
  /** RFC 7638 thumbprint: the same wherever the key is. */
  readonly kid: string;
  readonly algorithm: AssertionAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: PublishedKey;
}

/**
 * Makes a key pair that never leaves memory unless sealed. By way of its encoding: in Node 20 the export of a key object
 * that came straight from its generation deadlocks where the garbage collector takes the generation's job meanwhile.
 */
export async function generateSigningKey(algorithm: AssertionAlgorithm): Promise<SigningKey> {
  const der = await generate(algorithm);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return signingKeyOf(privateKey, algorithm);
}

/** Gives a new private key as PKCS #8 DER. */
function generate(algorithm: AssertionAlgorithm): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _public: Buffer, der: Buffer): void => {
      if (error === null) resolve(der);
      else reject(error);
    };
    const publicKeyEncoding = { type: "spki", format: "der" } as const;
    const privateKeyEncoding = { type: "pkcs8", format: "der" } as const;
    if (algorithm === "EdDSA") generateKeyPair("ed25519", { publicKeyEncoding, privateKeyEncoding }, done);
    else generateKeyPair("ec", { namedCurve: "P-256", publicKeyEncoding, privateKeyEncoding }, done);
  });
}

/** Writes a private key as PKCS #8 DER. */
export function exportSigningKey({ privateKey }: SigningKey): Buffer {
  return privateKey.export({ format: "der", type: "pkcs8" });
}

/** Reads PKCS #8 DER; undefined where it isn't a key for the algorithm. */
export async function importSigningKey(
  der: Buffer,
  algorithm: AssertionAlgorithm,
): Promise<SigningKey | undefined> {
  try {
    const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const fits =
      algorithm === "EdDSA"
        ? key.asymmetricKeyType === "ed25519"
        : key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
    return fits ? await signingKeyOf(key, algorithm) : undefined;
  } catch {
    return undefined;
  }
}

async function signingKeyOf(privateKey: KeyObject, algorithm: AssertionAlgorithm): Promise<SigningKey> {
  const jwk = createPublicKey(privateKey).export({ format: "jwk" }) as JWK;
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, algorithm, privateKey, publicKey: { ...jwk, kid, alg: algorithm, use: "sig" } };
}
