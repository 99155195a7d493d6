/** Finds which of the fields that are keyed splits the cache most: an author's hint. */
import type { Json } from "../../contract.js";
import { stringifyJson } from "../../contract.js";
import { valueAt } from "./value-at.js";

export interface Split {
  readonly path: readonly string[];
  /** How many values it had, about; more than some ten thousand aren't told apart. */
  readonly values: number;
}

/** Bits by which a field's values are counted. */
const bits = 2_048;
/** Fields of one entrypoint that are looked at. */
const mostFields = 32;
/** The first misses are all looked at, then one of so many. */
const firstLooked = 1_000;
const lookedEach = 16;
/** Characters of a value that are looked at. */
const mostText = 1_024;

/** What one entrypoint's misses were about. INVARIANT: no value is kept, only bits of hashes. */
export class Splits {
  /** Misses that were looked at. */
  looked = 0;
  #misses = 0;
  #paths: readonly (readonly string[])[] = [];
  #fields: { readonly path: readonly string[]; readonly seen: Uint8Array }[] = [];

  /** Looks at a question that wasn't in the cache. */
  note(paths: readonly (readonly string[])[], input: Json): void {
    if (paths !== this.#paths) this.#begin(paths);
    if (++this.#misses > firstLooked && this.#misses % lookedEach !== 0) return;
    this.looked++;
    for (const { path, seen } of this.#fields) {
      const bit = hashOf(valueAt(input, path)) % bits;
      const byte = bit >> 3;
      seen[byte] = (seen[byte] ?? 0) | (1 << (bit & 7));
    }
  }

  /** Begins anew where another version of the policy reads other fields. */
  #begin(paths: readonly (readonly string[])[]): void {
    const isSame = JSON.stringify(paths) === JSON.stringify(this.#paths);
    this.#paths = paths;
    if (isSame) return;
    [this.looked, this.#misses] = [0, 0];
    this.#fields = paths.slice(0, mostFields).map((path) => ({ path, seen: new Uint8Array(bits / 8) }));
  }

  /** Gives the fields with more than one value, those with most of them first. */
  told(): Split[] {
    return this.#fields
      .map(({ path, seen }) => ({ path, values: countOf(seen) }))
      .filter(({ values }) => values > 1)
      .sort((a, b) => b.values - a.values);
  }
}

/** Linear counting: from how many bits are left. */
function countOf(seen: Uint8Array): number {
  let zeros = 0;
  for (const byte of seen) for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) === 0) zeros++;
  return Math.round(bits * Math.log(bits / Math.max(zeros, 1)));
}

/** FNV-1a, with its bits mixed at the end. */
function hashOf(value: Json | undefined): number {
  const text = value === undefined ? "" : typeof value === "string" ? `"${value}` : stringifyJson(value);
  let hash = 0x811c9dc5 ^ text.length;
  for (let i = 0; i < text.length && i < mostText; i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
