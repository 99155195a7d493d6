/** Strings. Source: OPA, v1/topdown/strings.go. */
import type { RegoValue } from "../../engine/value.js";
import { charactersIn, placesOf } from "./find.js";
import { BuiltinLimit } from "../limit.js";
import { fault, integerOperand, itemsOf, stringOperand, stringsOperand, typeFault } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

/** Items of the longest list that a call gives. */
const mostItems = 100_000;

function bounded<T>(list: readonly T[]): readonly T[] {
  if (list.length > mostItems) throw new BuiltinLimit("a list that is too long");
  return list;
}

/** Positions count characters, not code units; overlapping ones count, too. */
const indexOfN: NodeBuiltin = (_context, base, search) => {
  const text = stringOperand(base, 1);
  const part = stringOperand(search, 2);
  if (part === "") throw fault("empty search character");
  const found: number[] = [];
  let [characters, from] = [0, 0];
  for (const at of placesOf(text, part, true)) {
    characters += charactersIn(text, from, at);
    from = at;
    found.push(characters);
    bounded(found);
  }
  return found;
};

const count: NodeBuiltin = (_context, base, search) => {
  const text = stringOperand(base, 1);
  const part = stringOperand(search, 2);
  if (part === "") return charactersIn(text) + 1;
  const places = placesOf(text, part, false);
  let found = 0;
  while (places.next().done !== true) found++;
  return found;
};

/** The first n parts, or the last -n. */
const splitN: NodeBuiltin = (_context, base, delimiter, size) => {
  const text = stringOperand(base, 1);
  const parts = splitAll(text, stringOperand(delimiter, 2));
  const n = integerOperand(size, 3);
  return bounded(n >= 0n ? parts.slice(0, Number(n)) : parts.slice(Math.max(parts.length + Number(n), 0)));
};

function splitAll(text: string, delimiter: string): readonly string[] {
  // an empty delimiter parts characters, not code units
  if (delimiter === "") return [...text];
  const parts: string[] = [];
  let from = 0;
  for (const at of placesOf(text, delimiter, false)) {
    parts.push(text.slice(from, at));
    from = at + delimiter.length;
  }
  return [...parts, text.slice(from)];
}

/** Characters of all strings of one list. */
const mostCharacters = 4 * 2 ** 20;

function anyMatch(end: "prefix" | "suffix"): NodeBuiltin {
  return (_context, search, base) => {
    const texts = typeof search === "string" ? [search] : stringItems(search, 1);
    const affixes = typeof base === "string" ? [base] : stringItems(base, 2);
    for (const list of [texts, affixes]) {
      const size = list.reduce((sum, text) => sum + text.length + 1, 0);
      if (size > mostCharacters) throw new BuiltinLimit("strings that are too long");
    }
    if (end === "suffix" && (texts.length === 1 || affixes.length === 1)) {
      return texts.some((text) => affixes.some((affix) => text.endsWith(affix)));
    }
    return end === "prefix"
      ? anyPrefix(texts, affixes)
      : anyPrefix(texts.map(reversed), affixes.map(reversed));
  };
}

/** Strings that begin alike stand together when sorted, the first right where their beginning would stand. */
function anyPrefix(texts: readonly string[], prefixes: readonly string[]): boolean {
  if (texts.length === 1 || prefixes.length === 1) {
    return texts.some((text) => prefixes.some((prefix) => text.startsWith(prefix)));
  }
  const sorted = [...texts].sort();
  return prefixes.some((prefix) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] ?? "") < prefix) low = middle + 1;
      else high = middle;
    }
    return sorted[low]?.startsWith(prefix) ?? false;
  });
}

/** By code units: only ever compared with others that are reversed so. */
function reversed(text: string): string {
  return Buffer.from(text, "utf16le").swap16().reverse().toString("utf16le");
}

function stringItems(value: RegoValue | undefined, place: number): readonly string[] {
  if (itemsOf(value) === undefined) throw typeFault(place, value, "string", "set", "array");
  return stringsOperand(value, place);
}

export const strings: readonly (readonly [string, NodeBuiltin])[] = [
  ["indexof_n", indexOfN],
  ["strings.count", count],
  ["strings.split_n", splitN],
  ["strings.any_prefix_match", anyMatch("prefix")],
  ["strings.any_suffix_match", anyMatch("suffix")],
];
