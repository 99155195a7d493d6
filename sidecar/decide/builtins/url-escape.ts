/** Escapes in URLs. Source: Go 1.26, net/url. */
import type { Bytes } from "./bytes.js";
import { quoteBytes } from "./bytes.js";
import { fault } from "./operands.js";

/** A part of a URL. */
export type Part = "path" | "host" | "zone" | "user" | "query" | "fragment";

/** Of ASCII, what stands for itself; others are escaped. */
const unescaped: Readonly<Record<Part, RegExp>> = {
  path: /[A-Za-z0-9\-_.~$&+,/:;=@]/,
  host: /[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]/,
  zone: /[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]/,
  user: /[A-Za-z0-9\-_.~$&+,;=]/,
  query: /[A-Za-z0-9\-_.~]/,
  fragment: /[A-Za-z0-9\-_.~$&+,/:;=?@!()*]/,
};

export function escapePart(bytes: Bytes, part: Part): Bytes {
  let out = "";
  for (const byte of bytes) {
    if (unescaped[part].test(byte)) out += byte;
    else if (byte === " " && part === "query") out += "+";
    else out += `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** @throws BuiltinFault for a malformed escape, or a character that a host can't have */
export function unescapePart(bytes: Bytes, part: Part): Bytes {
  refuseMalformed(bytes, part);
  const spaced = part === "query" ? bytes.replaceAll("+", " ") : bytes;
  return spaced.replace(/%(..)/gs, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function refuseMalformed(bytes: Bytes, part: Part): void {
  const inHost = part === "host" || part === "zone";
  if (!inHost && !bytes.includes("%")) return;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charAt(i);
    if (byte === "%") {
      const escape = bytes.slice(i, i + 3);
      if (!/^%[0-9a-fA-F]{2}$/.test(escape)) throw escapeFault(escape);
      const code = Number.parseInt(escape.slice(1), 16);
      const character = String.fromCharCode(code);
      // a host may escape only what isn't ASCII; a zone only what it could have as it is
      if (part === "host" && code < 0x80 && escape !== "%25") throw escapeFault(escape);
      if (part === "zone" && escape !== "%25" && code !== 0x20 && !unescaped.host.test(character)) {
        throw escapeFault(escape);
      }
      i += 2;
    } else if (inHost && byte < "\x80" && byte !== "+" && !unescaped[part].test(byte)) {
      throw fault(`invalid character ${quoteBytes(byte)} in host name`);
    }
  }
}

function escapeFault(escape: Bytes) {
  return fault(`invalid URL escape ${quoteBytes(escape)}`);
}
