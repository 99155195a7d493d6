/** Signs a webhook. Source: Standard Webhooks specification 1.0.0, "Signature scheme", https://www.standardwebhooks.com */
import { createHmac } from "node:crypto";

const prefix = "whsec_";

/** Reads a secret; undefined where it isn't one: `whsec_` and 24 to 64 bytes in base64. */
export function readHookSecret(text: string): Buffer | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const said = text.slice(prefix.length);
  const key = Buffer.from(said, "base64");
  // one spelling only, so that what is left out isn't taken for a key
  if (key.toString("base64") !== said || key.length < 24 || key.length > 64) return undefined;
  return key;
}

/**
 * Gives the headers of one attempt; a signature for each key, so that receivers may change over.
 * @param id the same for all attempts
 * @param at epoch seconds
 */
export function signHook(
  id: string,
  at: number,
  body: string,
  keys: readonly Buffer[],
): Readonly<Record<string, string>> {
  const signatures = keys.map((key) => {
    return `v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`;
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": String(at),
    "webhook-signature": signatures.join(" "),
  };
}
