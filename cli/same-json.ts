import type { Json } from "../sidecar/contract.js";
import { JsonNumber, isObject, stringifyJson } from "../sidecar/contract.js";

/** Gives a text that is the same for two documents that say the same: the order of keys doesn't count, nor how a number is written. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof JsonNumber) return numberOf(value.text);
  if (!isObject(value)) return stringifyJson(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${stringifyJson(key)}:${canonical(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

/** `1.50` is `1.5`; a number that JavaScript can't hold stays as it is written. */
function numberOf(text: string): string {
  const plain = /^-?\d+\.\d*?0*$/.test(text) ? text.replace(/\.?0+$/, "") : text;
  return plain === "-0" ? "0" : plain;
}
