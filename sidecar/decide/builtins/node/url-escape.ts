/** Escapes in URLs. Source: Go 1.26, net/url. */
import type { Bytes } from "./bytes.js";
import { quoteBytes } from "./bytes.js";
import { fault } from "./operands.js";

/** A part of a URL. */
export type Part = "path" | "host" | "zone" | "user" | "query" | "fragment";

const host = "!$&'()*+,;=:[]<>\"";
const beside: Readonly<Record<Part, string>> = {
  path: "$&+,/:;=@",
  host,
  zone: host,
  user: "$&+,;=",
  query: "",
  fragment: "$&+,/:;=?@!()*",
};

/** By byte: what stands for itself; other bytes are escaped. */
const plain: Readonly<Record<Part, readonly boolean[]>> = {
  path: plainIn("path"),
  host: plainIn("host"),
  zone: plainIn("zone"),
  user: plainIn("user"),
  query: plainIn("query"),
  fragment: plainIn("fragment"),
};

function plainIn(part: Part): readonly boolean[] {
  const signs = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~${beside[part]}`;
  return Array.from({ length: 256 }, (_, byte) => signs.includes(String.fromCharCode(byte)));
}

const [percent, plus, space] = [0x25, 0x2b, 0x20];
const upperHex = Buffer.from("0123456789ABCDEF");

export function escapePart(bytes: Bytes, part: Part): Bytes {
  const itself = plain[part];
  const out = Buffer.allocUnsafe(bytes.length * 3);
  let size = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    if (itself[byte] === true) out[size++] = byte;
    else if (byte === space && part === "query") out[size++] = plus;
    else {
      out[size++] = percent;
      out[size++] = upperHex[byte >> 4] ?? 0;
      out[size++] = upperHex[byte & 15] ?? 0;
    }
  }
  return out.toString("latin1", 0, size);
}

/** @throws BuiltinFault for a malformed escape, or a character that a host can't have */
export function unescapePart(bytes: Bytes, part: Part): Bytes {
  const inHost = part === "host" || part === "zone";
  if (!inHost && !bytes.includes("%") && !(part === "query" && bytes.includes("+"))) return bytes;
  const out = Buffer.allocUnsafe(bytes.length);
  let size = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    if (byte === percent) {
      out[size++] = escaped(bytes, i, part);
      i += 2;
    } else if (byte === plus && part === "query") out[size++] = space;
    else if (inHost && byte < 0x80 && plain[part][byte] !== true) {
      throw fault(`invalid character ${quoteBytes(bytes.charAt(i))} in host name`);
    } else out[size++] = byte;
  }
  return out.toString("latin1", 0, size);
}

function escaped(bytes: Bytes, at: number, part: Part): number {
  const code = hexDigit(bytes.charCodeAt(at + 1)) * 16 + hexDigit(bytes.charCodeAt(at + 2));
  // a host may escape only what isn't ASCII; a zone only what it could have as it is
  const allowed =
    code === percent ||
    (part === "host" ? code >= 0x80 : part !== "zone" || code === space || plain.host[code] === true);
  if (Number.isNaN(code) || !allowed) {
    throw fault(`invalid URL escape ${quoteBytes(bytes.slice(at, at + 3))}`);
  }
  return code;
}

/** NaN for what is none. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}
