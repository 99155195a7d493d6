import { JsonNumber } from "../../contract.js";
import type { RegoValue } from "../engine/value.js";
import { RegoObject, RegoSet } from "../engine/value.js";

/**
 * Writes a value as Go's `json.Marshal` does: sets as arrays, keys of any type as strings, in order, HTML escaped.
 * Source: OPA, `ast.JSON`.
 */
export function marshalGo(value: RegoValue): string {
  if (typeof value === "string") return quoteGo(value);
  if (value === null || typeof value !== "object") return String(value);
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof RegoSet) return `[${value.items.map(marshalGo).join(",")}]`;
  if (value instanceof RegoObject) {
    const members = new Map(value.entries.map(([key, member]) => [keyText(key), marshalGo(member)]));
    const keys = [...members.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return `{${keys.map((key) => `${quoteGo(key)}:${members.get(key) ?? "null"}`).join(",")}}`;
  }
  return `[${(value as readonly RegoValue[]).map(marshalGo).join(",")}]`;
}

function keyText(key: RegoValue): string {
  return typeof key === "string" ? key : marshalGo(key);
}

function quoteGo(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const piece = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Reads nanoseconds, or a duration as Go writes it (`1m30.5s`), as nanoseconds; undefined where it is neither. */
export function parseDuration(text: string): number | undefined {
  if (/^[-+]?\d{1,18}$/.test(text)) return Number(text);
  const [sign = ""] = /^[-+]/.exec(text) ?? [];
  let total = 0;
  piece.lastIndex = sign.length;
  for (let at = sign.length; at < text.length; at = piece.lastIndex) {
    const match = piece.exec(text);
    if (match === null) return undefined;
    total += Number(match[1]) * (nanoseconds[match[2] ?? ""] ?? Number.NaN);
  }
  if (text.length === sign.length || !(total < 2 ** 63)) return undefined;
  return sign === "-" ? -total : total;
}
