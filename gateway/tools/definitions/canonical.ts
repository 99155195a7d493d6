/** One text for one meaning, in the manner of RFC 8785, for values whose numbers are lossless. */
import { createHash } from "node:crypto";
import type { Json } from "../../../sidecar/contract.js";
import { JsonNumber } from "../../../sidecar/contract.js";
import { decimalOf, equals } from "./schema/decimal.js";

/**
 * Writes a value so that two texts are equal where the values are: keys sorted by UTF-16 units, no white space, a number by
 * its value (`1`, `1.0` and `10e-1` are one number), not by how it is written; one that a double can't hold keeps all its digits.
 */
export function canonical(value: Json): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return Object.is(value, -0) ? "0" : String(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof JsonNumber) return canonicalNumber(value.text);
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonical(member)}`);
  }
  return `{${members.join(",")}}`;
}

function canonicalNumber(text: string): string {
  const exact = decimalOf(text);
  if (!Number.isSafeInteger(exact.exponent)) return text;
  const near = Number(text);
  if (Number.isFinite(near) && equals(decimalOf(String(near)), exact)) return near === 0 ? "0" : String(near);
  return `${exact.negative ? "-" : ""}${exact.digits}e${exact.exponent}`;
}

/** Gives the SHA-256 of a value's canonical text: `sha256:` and hexadecimal. */
export function digestOf(value: Json): string {
  return `sha256:${createHash("sha256").update(canonical(value)).digest("hex")}`;
}
