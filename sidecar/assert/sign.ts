/** Signs tokens with a fleet's key of the moment. Source: RFC 7515, RFC 7519. */
import type { KeyObject } from "node:crypto";
import { sign } from "node:crypto";
import type { JsonObject } from "../contract.js";
import { stringifyJson } from "../contract.js";
import type { AssertionAlgorithm, SigningKey } from "./keys.js";

/** Signs claims as a compact JWT of a type; undefined while there is no key to sign with. */
export type SignToken = (
  type: string,
  claims: JsonObject,
) => { readonly token: string; readonly kid: string } | undefined;

/** Creates what signs; types are few, and known when the program is written. */
export function createSignToken(signer: () => SigningKey | undefined): SignToken {
  const headOf = createHeads();
  return (type, claims) => {
    const key = signer();
    if (key === undefined) return undefined;
    const signed = `${headOf(key, type)}.${Buffer.from(stringifyJson(claims)).toString("base64url")}`;
    return { token: `${signed}.${signWith(key.algorithm, key.privateKey, signed)}`, kid: key.kid };
  };
}

/** JWS signatures over ECDSA are r and s in 64 bytes (RFC 7518 section 3.4), not DER. */
function signWith(algorithm: AssertionAlgorithm, key: KeyObject, text: string): string {
  const data = Buffer.from(text);
  const signature =
    algorithm === "ES256" ? sign("sha256", data, { key, dsaEncoding: "ieee-p1363" }) : sign(null, data, key);
  return signature.toString("base64url");
}

/** Protected headers, kept for as long as their key is. */
function createHeads(): (key: SigningKey, type: string) => string {
  const heads = new WeakMap<SigningKey, Map<string, string>>();
  return (key, typ) => {
    let known = heads.get(key);
    if (known === undefined) heads.set(key, (known = new Map()));
    let head = known.get(typ);
    if (head === undefined) {
      head = Buffer.from(JSON.stringify({ alg: key.algorithm, typ, kid: key.kid })).toString("base64url");
      known.set(typ, head);
    }
    return head;
  };
}
