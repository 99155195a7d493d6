import { createHmac, timingSafeEqual } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Json } from "../../contract.js";
import { isObject, parseJson, stringifyJson } from "../../contract.js";
import type { CachedResult } from "./cache.js";

/** Names and authenticates what is kept where others can write. */
export interface Seal {
  /** Gives the name to keep a key's value under: 43 characters that tell nothing about the key. */
  nameOf(key: string): string;
  /** Writes a value for a name; undefined where it isn't JSON, or is too large. Numbers keep their digits. */
  close(name: string, value: CachedResult): Buffer | undefined;
  /** Reads a value; `foreign`: another version's; `unauthentic`: it wasn't closed for this very name. */
  open(name: string, sealed: Buffer): CachedResult | "foreign" | "unauthentic";
}

/** Of the form: version, kind, MAC, payload. */
export const sealVersion = 2;
const kinds = { plain: 0, deflated: 1 } as const;
const macBytes = 32;
const headBytes = 2 + macBytes;

/** Bytes of JSON from which it is deflated: less of it costs more time than bytes (docs/redis.md#what-it-costs). */
export const deflatedFrom = 4_096;
/** Bytes of the largest value, as JSON: what a deflated one may become, whoever wrote it. */
export const mostPlain = 262_144;

/**
 * Creates the seal of a fleet from its shared secret (HMAC-SHA256, RFC 2104).
 *
 * INVARIANT: each use has a key of its own, so that nothing made for one use is valid for another; the MAC covers the
 * name, which is an HMAC of the whole key, so that a value can't be moved to another key. What isn't authentic is neither inflated
 * nor parsed.
 */
export function createSeal(secret: string): Seal {
  const derive = (use: string): Buffer =>
    createHmac("sha256", secret).update(`countersign decision cache ${use}`).digest();
  const [namesKey, valuesKey] = [derive("names"), derive("values 2")];

  /** @param name always of the same length: what follows can't be taken for a part of it */
  const macOf = (name: string, kind: number, payload: Uint8Array): Buffer =>
    createHmac("sha256", valuesKey).update(`${sealVersion}${kind}${name}`, "latin1").update(payload).digest();

  return {
    // UTF-16, because UTF-8 makes one of all lone surrogates
    nameOf: (key) => createHmac("sha256", namesKey).update(key, "utf16le").digest("base64url"),
    close(name, value) {
      let plain: Buffer;
      try {
        const { result, rules, expiresAt } = value;
        plain = Buffer.from(stringifyJson({ result, rules: rules as Json, expiresAt }));
      } catch {
        // a cycle, a BigInt: not what an evaluation gives
        return undefined;
      }
      if (plain.byteLength > mostPlain) return undefined;
      const small = plain.byteLength < deflatedFrom ? plain : deflateRawSync(plain, { level: 1 });
      // where it gains little it isn't worth being inflated by all who read it
      const isSmaller = small.byteLength < 0.75 * plain.byteLength;
      const [kind, payload] = isSmaller ? [kinds.deflated, small] : [kinds.plain, plain];
      return Buffer.concat([Buffer.of(sealVersion, kind), macOf(name, kind, payload), payload]);
    },
    open(name, sealed) {
      if (sealed[0] !== sealVersion) return "foreign";
      const kind = sealed[1] ?? 0xff;
      const payload = sealed.subarray(headBytes);
      const mac = sealed.subarray(2, headBytes);
      if (mac.byteLength !== macBytes || !timingSafeEqual(mac, macOf(name, kind, payload)))
        return "unauthentic";
      const plain = kind === kinds.deflated ? inflate(payload) : payload;
      return (plain === undefined ? undefined : parse(plain)) ?? "unauthentic";
    },
  };
}

function inflate(payload: Buffer): Buffer | undefined {
  try {
    return inflateRawSync(payload, { maxOutputLength: mostPlain });
  } catch {
    // damaged before it was sealed, or more than any of us writes
    return undefined;
  }
}

function parse(payload: Buffer): CachedResult | undefined {
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
