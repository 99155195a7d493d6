/** Seals what a client of the stateless era carries back, so that it serves nobody else and nothing else. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../../sidecar/contract.js";

const version = "1";

/** What a sealed state is for: each who opens it must say the same. */
export type Purpose = readonly string[];

/** Seals a value for a purpose until a moment (epoch milliseconds). */
export function seal(value: JsonObject, purpose: Purpose, until: number, secret: Uint8Array): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", keyOf(secret), nonce).setAAD(bound(purpose));
  const text = stringifyJson({ until, value });
  const bytes = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `${version}.${bytes.toString("base64url")}`;
}

/** Opens a sealed value; undefined where it isn't one, is of another purpose, or too old. */
export function unseal(
  sealed: string,
  purpose: Purpose,
  now: number,
  secret: Uint8Array,
): JsonObject | undefined {
  const [mark, text = "", ...others] = sealed.split(".");
  const bytes = Buffer.from(text, "base64url");
  if (mark !== version || others.length > 0 || bytes.length < 28 || bytes.toString("base64url") !== text)
    return undefined;
  try {
    const opener = createDecipheriv("aes-256-gcm", keyOf(secret), bytes.subarray(0, 12))
      .setAAD(bound(purpose))
      .setAuthTag(bytes.subarray(-16));
    const opened = Buffer.concat([opener.update(bytes.subarray(12, -16)), opener.final()]);
    const held = parseJson(opened);
    if (!isObject(held) || !isObject(held["value"])) return undefined;
    const { until } = held;
    return typeof until === "number" && now < until ? held["value"] : undefined;
  } catch {
    return undefined;
  }
}

const bound = (purpose: Purpose): Buffer => Buffer.from(JSON.stringify(purpose));

const keys = new WeakMap<Uint8Array, Buffer>();

function keyOf(secret: Uint8Array): Buffer {
  const known = keys.get(secret) ?? Buffer.from(hkdfSync("sha256", secret, "", "mcp state", 32));
  keys.set(secret, known);
  return known;
}
