/**
 * API keys as text: `<prefix>_<id>_<secret><checksum>`, e.g. `cs_live_4fK…_9sD…`. All of it is letters, digits and `_`, so
 * that a double click selects the whole key and scanners of repositories know it by prefix, length and checksum.
 */
import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idLength = 12;
/** 256 bits in base 62. */
const secretLength = 43;
/** 32 bits in base 62. */
const checksumLength = 6;
/** Longest prefix. */
export const longestPrefix = 32;

export const prefixForm = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
const keyForm = new RegExp(
  `^([a-z][a-z0-9_]{0,${longestPrefix - 1}})_([0-9A-Za-z]{${idLength}})_[0-9A-Za-z]{${secretLength}}([0-9A-Za-z]{${checksumLength}})$`,
);

export interface KeyText {
  readonly prefix: string;
  /** Names the key; not secret. */
  readonly id: string;
}

/** Makes a key with 256 bits of randomness. */
export function makeKey(prefix: string): { readonly key: string; readonly id: string } {
  const id = base62(randomBytes(idLength), idLength);
  const body = `${prefix}_${id}_${base62(randomBytes(32), secretLength)}`;
  return { key: body + checksumOf(body), id };
}

/** Takes a key apart; undefined where its form or checksum is wrong, which needs no look at any store. */
export function readKey(key: string): KeyText | undefined {
  const [, prefix = "", id = "", checksum = ""] = keyForm.exec(key) ?? [];
  if (id === "" || checksumOf(key.slice(0, -checksumLength)) !== checksum) return undefined;
  return { prefix, id };
}

/**
 * Digests a key for the file. A plain SHA-256 is right for a secret of 256 random bits: no dictionary holds it, so a slow
 * hash (needed for passwords) would add nothing but a lever for those who send many wrong keys.
 */
export function digestKey(key: string): string {
  return hash("sha256", key, "base64url");
}

/** CRC-32 (ISO 3309): finds typing errors and cut-off keys; says nothing about who made the key. */
function checksumOf(body: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return base62(bytes, checksumLength);
}

/** Writes bytes as a number in base 62, its last `length` digits. */
function base62(bytes: Buffer, length: number): string {
  let rest = BigInt(`0x${bytes.toString("hex")}`);
  let out = "";
  for (let i = 0; i < length; i++) {
    out = (digits[Number(rest % 62n)] ?? "") + out;
    rest /= 62n;
  }
  return out;
}
