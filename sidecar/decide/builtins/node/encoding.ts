/** Encodings of strings. Source: OPA, v1/topdown/encoding.go; Go, encoding/hex. */
import { fromBytes, toBytes } from "./bytes.js";
import { fault, stringOperand } from "./operands.js";
import { isPrintable } from "../printable.js";
import type { NodeBuiltin } from "./to-go.js";

const hexDecode: NodeBuiltin = (_context, value) => {
  const bytes = toBytes(stringOperand(value, 1));
  const wrong = /[^0-9a-fA-F]/.exec(bytes)?.[0];
  if (wrong !== undefined) throw fault(`encoding/hex: invalid byte: ${unicode(wrong)}`);
  if (bytes.length % 2 === 1) throw fault("encoding/hex: odd length hex string");
  return fromBytes(Buffer.from(bytes, "hex").toString("latin1"));
};

/** Go's `%#U`. */
function unicode(sign: string): string {
  const code = sign.charCodeAt(0);
  const shown = isPrintable(code) ? ` '${sign}'` : "";
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}${shown}`;
}

export const encoding: readonly (readonly [string, NodeBuiltin])[] = [
  ["hex.encode", (_context, value) => Buffer.from(stringOperand(value, 1)).toString("hex")],
  ["hex.decode", hexDecode],
  [
    "base64url.encode_no_pad",
    (_context, value) => Buffer.from(stringOperand(value, 1)).toString("base64url"),
  ],
  ["glob.quote_meta", (_context, value) => stringOperand(value, 1).replace(/[\\*?[\]{}]/g, "\\$&")],
];
