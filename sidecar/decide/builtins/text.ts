import { JsonNumber } from "../../contract.js";
import type { RegoValue } from "../engine/value.js";
import { RegoObject, RegoSet } from "../engine/value.js";
import { goQuote } from "./quote.js";

/**
 * Writes a value as OPA's `opa_value_parse` reads it: JSON, with sets as `{a, b}` or `set()` and keys of any type.
 * Source: OPA, wasm/src/json.c.
 */
export function writeValue(value: RegoValue): string {
  return written(value, JSON.stringify, ",", ":");
}

/** Writes a value as Go's `ast.Term.String()` does. */
export function termText(value: RegoValue): string {
  return written(value, goQuote, ", ", ": ");
}

function written(value: RegoValue, quote: (text: string) => string, comma: string, colon: string): string {
  if (typeof value === "string") return quote(value);
  if (value === null || typeof value !== "object") return Object.is(value, -0) ? "-0" : String(value);
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof RegoSet)
    return value.items.length === 0 ? "set()" : `{${listed(value.items, quote, comma, colon)}}`;
  if (value instanceof RegoObject) {
    let out = "{";
    for (const [key, member] of value.entries) {
      if (out.length > 1) out += comma;
      out += written(key, quote, comma, colon) + colon + written(member, quote, comma, colon);
    }
    return `${out}}`;
  }
  return `[${listed(value as readonly RegoValue[], quote, comma, colon)}]`;
}

function listed(
  items: readonly RegoValue[],
  quote: (text: string) => string,
  comma: string,
  colon: string,
): string {
  let out = "";
  for (const [i, item] of items.entries()) {
    if (i > 0) out += comma;
    out += written(item, quote, comma, colon);
  }
  return out;
}
