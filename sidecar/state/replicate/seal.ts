/** Authenticates records where others can write: in Redis, and in files. */
import { createHmac, timingSafeEqual } from "node:crypto";

export interface RecordSeal {
  /** Names the fleet's keys and channels; it tells nothing, and another secret gives another. */
  readonly name: string;
  /** Writes `1.<mac>.<payload>`. */
  close(payload: string): string;
  /** Gives what was closed; undefined for everything else, and for what is longer than it may be. */
  open(text: string): string | undefined;
  /** Authenticates a text for one use (a message between replicas, a line after the one before). */
  sign(use: string, text: string): string;
  verify(use: string, text: string, mac: string): boolean;
}

const version = "1.";

/**
 * Creates the seal of a fleet from its secret (HMAC-SHA256, RFC 2104).
 * INVARIANT: each use has a key of its own. A record must hold its own id: one can't stand in for another then.
 * @param of what is sealed: `fences`, `epochs`; @param longest bytes of a sealed record
 */
export function createRecordSeal(secret: string, of: string, longest: number): RecordSeal {
  const derive = (use: string): Buffer =>
    createHmac("sha256", secret).update(`countersign ${of} ${use}`).digest();
  const recordKey = derive("records");
  const signKey = derive("messages");
  const macOf = (key: Buffer, text: string): string =>
    createHmac("sha256", key).update(text).digest("base64url");
  const sign = (use: string, text: string): string => macOf(signKey, `${use.length}:${use}${text}`);
  return {
    name: derive("names").subarray(0, 12).toString("base64url"),
    close: (payload) => `${version}${macOf(recordKey, payload)}.${payload}`,
    open(text) {
      const dot = text.indexOf(".", version.length);
      if (!text.startsWith(version) || dot < 0 || text.length > longest) return undefined;
      const payload = text.slice(dot + 1);
      return equal(text.slice(version.length, dot), macOf(recordKey, payload)) ? payload : undefined;
    },
    sign,
    verify: (use, text, mac) => equal(mac, sign(use, text)),
  };
}

function equal(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
