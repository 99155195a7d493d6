/** The gateway's own signatures on the cards that it gives out. Sources: A2A 1.0, section 8.4.2; RFC 7515. */
import type { KeyObject } from "node:crypto";
import { createPrivateKey, createPublicKey } from "node:crypto";
import type { JWK } from "jose";
import { calculateJwkThumbprint, FlattenedSign } from "jose";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import type { Secrets } from "../../secrets/open-secrets.js";
import type { SecretConfig } from "../../secrets/read-config.js";
import { signedForms } from "./canonical.js";

export interface CardSigner {
  /** The public key, for the gateway's key set. */
  readonly publicKey: JsonObject;
  /** @param keysUrl where the key set lies */
  sign(card: JsonObject, keysUrl: string): Promise<JsonObject>;
}

/**
 * Reads the key that cards are signed with: a private JWK, on one line. It stays as it is for the life of the process.
 * @throws Error where it can't be had, or can't sign
 */
export async function openCardSigner(source: SecretConfig, secrets: Secrets): Promise<CardSigner> {
  const open = await secrets.open([source]);
  const [text] = open.of(source).values();
  open.close();
  return createCardSigner(text);
}

export async function createCardSigner(text: string): Promise<CardSigner> {
  const key = readKey(text);
  const alg = algorithmOf(key);
  const jwk = createPublicKey(key).export({ format: "jwk" }) as JWK;
  const kid = await calculateJwkThumbprint(jwk);
  return {
    publicKey: { ...(jwk as unknown as JsonObject), kid, alg, use: "sig" },
    async sign(card, keysUrl) {
      const header = { alg, typ: "JOSE", kid, jku: keysUrl };
      const signatures = await Promise.all(
        signedForms(card).map(async (form): Promise<Json> => {
          const made = await new FlattenedSign(Buffer.from(form)).setProtectedHeader(header).sign(key);
          return { protected: made.protected ?? "", signature: made.signature };
        }),
      );
      return { ...card, signatures };
    },
  };
}

function readKey(text: string): KeyObject {
  try {
    return createPrivateKey({ key: JSON.parse(text) as JWK, format: "jwk" } as never);
  } catch {
    // what the parser says could quote the key
    throw new Error("agents_card_key is no private JWK");
  }
}

/** @throws Error for a key that cards can't be signed with */
export function algorithmOf(key: KeyObject): string {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "ed25519") return "EdDSA";
  if (key.asymmetricKeyType === "ec" && namedCurve === "prime256v1") return "ES256";
  if (key.asymmetricKeyType === "ec" && namedCurve === "secp384r1") return "ES384";
  if (key.asymmetricKeyType === "rsa") return "RS256";
  throw new Error("agents_card_key must be an Ed25519, P-256, P-384 or RSA key");
}
