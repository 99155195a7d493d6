import { JsonNumber } from "../../contract.js";
import type { RegoValue } from "../engine/value.js";
import { RegoObject, RegoSet } from "../engine/value.js";

/**
 * Writes a value as OPA's `opa_value_parse` reads it: JSON, with sets as `{a, b}` or `set()` and keys of any type.
 * Source: OPA, wasm/src/json.c.
 */
export function writeValue(value: RegoValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof RegoSet)
    return value.items.length === 0 ? "set()" : `{${value.items.map(writeValue).join(",")}}`;
  if (value instanceof RegoObject) {
    const members = value.entries.map(([key, member]) => `${writeValue(key)}:${writeValue(member)}`);
    return `{${members.join(",")}}`;
  }
  return `[${(value as readonly RegoValue[]).map(writeValue).join(",")}]`;
}

/** Writes a value as Go's `ast.Term.String()` does. */
export function termText(value: RegoValue): string {
  return writeValue(value);
}
