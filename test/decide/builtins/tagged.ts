/** Rego values as JSON: numbers as `{"n": text}`, sets as `{"s": items}`, objects as `{"o": entries}`, other bytes than UTF-8 as `{"x": hex}`. */
import { JsonNumber } from "../../../sidecar/contract.js";
import { numberOf } from "../../../sidecar/decide/engine/read-value.js";
import type { RegoValue } from "../../../sidecar/decide/engine/value.js";
import { objectOf, RegoObject, RegoSet, setOf } from "../../../sidecar/decide/engine/value.js";

export type Tagged =
  | null
  | boolean
  | string
  | readonly Tagged[]
  | { readonly n: string }
  | { readonly s: readonly Tagged[] }
  | { readonly o: readonly (readonly [Tagged, Tagged])[] }
  | { readonly x: string };

export function fromTagged(value: Tagged): RegoValue {
  if (value === null || typeof value !== "object") return value;
  if ("n" in value) return numberOf(value.n);
  if ("s" in value) return setOf(value.s.map(fromTagged));
  if ("o" in value) return objectOf(value.o.map(([key, item]) => [fromTagged(key), fromTagged(item)]));
  if ("x" in value) return Buffer.from(value.x, "hex").toString();
  return value.map(fromTagged);
}

export function toTagged(value: RegoValue): Tagged {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return { n: Object.is(value, -0) ? "-0" : String(value) };
  if (value instanceof JsonNumber) return { n: value.text };
  if (value instanceof RegoSet) return { s: value.items.map(toTagged) };
  if (value instanceof RegoObject) return { o: value.entries.map(([k, v]) => [toTagged(k), toTagged(v)]) };
  return (value as readonly RegoValue[]).map(toTagged);
}
