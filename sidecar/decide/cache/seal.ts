import { createHmac, timingSafeEqual } from "node:crypto";
import type { Json } from "../../contract.js";
import { isObject, parseJson, stringifyJson } from "../../contract.js";
import type { CachedResult } from "./cache.js";

/** Names and authenticates what is kept where others can write. */
export interface Seal {
  /** Gives the name to keep a key's value under; it tells nothing about the key. */
  nameOf(key: string): string;
  /** Writes `1.<mac>.<payload>`; undefined where the value isn't JSON. Numbers keep their digits. */
  close(key: string, value: CachedResult): string | undefined;
  /** Reads a value; anything that wasn't closed for this very key gives undefined. */
  open(key: string, text: string): CachedResult | undefined;
}

const version = "1.";

/**
 * Creates the seal of a fleet from its shared secret (HMAC-SHA256, RFC 2104).
 *
 * INVARIANT: each use has a key of its own, so that nothing made for one use is valid for another; the MAC covers the
 * key with its length, so that a value can't be moved to another key.
 */
export function createSeal(secret: string): Seal {
  const derive = (use: string): Buffer =>
    createHmac("sha256", secret).update(`countersign decision cache ${use}`).digest();
  const [namesKey, valuesKey] = [derive("names"), derive("values")];

  // UTF-16, because UTF-8 makes one of all lone surrogates
  const macOf = (key: string, payload: string): Buffer =>
    createHmac("sha256", valuesKey)
      .update(`${version}${key.length}:`)
      .update(key, "utf16le")
      .update(payload)
      .digest();

  return {
    nameOf: (key) => createHmac("sha256", namesKey).update(key, "utf16le").digest("base64url"),
    close(key, value) {
      let payload: string;
      try {
        payload = stringifyJson(value as unknown as Json);
      } catch {
        // a cycle, a BigInt: not what an evaluation gives
        return undefined;
      }
      return `${version}${macOf(key, payload).toString("base64url")}.${payload}`;
    },
    open(key, text) {
      const dot = text.indexOf(".", version.length);
      if (!text.startsWith(version) || dot < 0) return undefined;
      const payload = text.slice(dot + 1);
      const mac = Buffer.from(text.slice(version.length, dot), "base64url");
      const expected = macOf(key, payload);
      if (mac.byteLength !== expected.byteLength || !timingSafeEqual(mac, expected)) return undefined;
      return parse(payload);
    },
  };
}

function parse(payload: string): CachedResult | undefined {
  let value: Json;
  try {
    value = parseJson(payload, { depth: 10_000 });
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { result, rules, expiresAt } = value as Partial<Record<keyof CachedResult, Json>>;
  if (result === undefined || typeof expiresAt !== "number") return undefined;
  if (!Array.isArray(rules) || !rules.every((rule): rule is string => typeof rule === "string"))
    return undefined;
  return { result, rules, expiresAt };
}
