/** Go's strings are bytes. Here, such a string has one character (U+0000–U+00FF) for each byte. */
import { isUtf8 } from "node:buffer";
import { goQuote } from "../quote.js";
import { toGo } from "./to-go.js";

/** A string with one character for each byte. */
export type Bytes = string;

export function toBytes(text: string): Bytes {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text).toString("latin1");
}

/** Gives the text, or {@link toGo} where the bytes are no UTF-8. */
export function fromBytes(bytes: Bytes): string | typeof toGo {
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, "latin1");
  return isUtf8(buffer) ? buffer.toString() : toGo;
}

/** Quotes as `strconv.Quote`: bytes that are no UTF-8 as `\xff`. */
export function quoteBytes(bytes: Bytes): string {
  const text = fromBytes(bytes);
  if (text !== toGo) return goQuote(text);
  let out = "";
  for (let at = 0; at < bytes.length;) {
    const size = sizeOfRune(bytes, at);
    out +=
      size === 0
        ? `\\x${hexOf(bytes, at)}`
        : goQuote(String(fromBytes(bytes.slice(at, at + size)))).slice(1, -1);
    at += size || 1;
  }
  return `"${out}"`;
}

/** Quotes as Go's package time does: whatever isn't printable ASCII as `\xff`. */
export function quoteTimeBytes(bytes: Bytes): string {
  return `"${bytes.replace(/["\\]|[^ -\x7f]/g, (sign) =>
    sign === '"' || sign === "\\" ? `\\${sign}` : `\\x${hexOf(sign, 0)}`,
  )}"`;
}

function sizeOfRune(bytes: Bytes, at: number): number {
  const lead = bytes.charCodeAt(at);
  const size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  return isUtf8(Buffer.from(bytes.slice(at, at + size), "latin1")) ? size : 0;
}

function hexOf(bytes: Bytes, at: number): string {
  return bytes.charCodeAt(at).toString(16).padStart(2, "0");
}
