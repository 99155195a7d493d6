/** Says what values take of V8's heap. Measured on Node 20 (test/decide/cache/memory-bytes.test.ts holds it against the heap). */
import type { Json } from "../../contract.js";
import { JsonNumber } from "../../contract.js";

const wide = /[^\0-\xff]/;

/**
 * Gives the bytes of a text. It also makes one piece of it: a key is put together from many, and V8 keeps it as the tree of
 * them, ten times its characters, until somebody looks through it.
 */
export function weighText(text: string): number {
  return 16 + (wide.test(text) ? 2 : 1) * text.length;
}

/** Gives the bytes of a JSON value, as `parseJson` makes it, rather too many than too few. */
export function weighValue(value: Json): number {
  switch (typeof value) {
    case "string":
      return weighText(value) + 8;
    case "number":
      return 16;
    case "object":
      break;
    default:
      return 0;
  }
  if (value === null) return 0;
  if (value instanceof JsonNumber) return 40 + weighText(value.text);
  let bytes = 0;
  if (Array.isArray(value)) {
    for (const item of value) bytes += weighValue(item);
    // arrays that grew have room for half as many more
    return bytes + 32 + 16 + 12 * value.length + (value.length > 0 ? 136 : 0);
  }
  const names = Object.keys(value);
  for (const name of names) bytes += weighValue(value[name] ?? null);
  return bytes + 56 + (names.length > mostFast ? tableBytes(names.length) : 8 * names.length);
}

/** Objects with more members are kept as hash tables. */
const mostFast = 12;

/** A hash table has room for a power of two that is at least one and a half times what it holds. */
function tableBytes(members: number): number {
  return 72 + 24 * 2 ** Math.ceil(Math.log2(1.5 * members));
}
