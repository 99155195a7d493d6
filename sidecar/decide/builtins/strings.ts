/** Strings. Source: OPA, v1/topdown/strings.go. */
import type { RegoValue } from "../engine/value.js";
import { fault, integerOperand, itemsOf, stringOperand, stringsOperand, typeFault } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";
import { mayBeBytes, toGo } from "./to-go.js";

/** Positions count characters, not code units; overlapping ones count, too. */
const indexOfN: NodeBuiltin = (_context, base, search) => {
  const text = stringOperand(base, 1);
  const part = stringOperand(search, 2);
  if (part === "") throw fault("empty search character");
  const found: number[] = [];
  let [characters, from] = [0, 0];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    for (; from < at; from++) if (!isLowSurrogate(text.charCodeAt(from))) characters++;
    found.push(characters);
  }
  return found;
};

const isLowSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xdc00;

const count: NodeBuiltin = (_context, base, search) => {
  const text = stringOperand(base, 1);
  const part = stringOperand(search, 2);
  if (part === "") return [...text].length + 1;
  let found = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) found++;
  return found;
};

/** The first n parts, or the last -n. */
const splitN: NodeBuiltin = (_context, base, delimiter, size) => {
  const text = stringOperand(base, 1);
  const parts = splitAll(text, stringOperand(delimiter, 2));
  const n = integerOperand(size, 3);
  return n >= 0n ? parts.slice(0, Number(n)) : parts.slice(Math.max(parts.length + Number(n), 0));
};

/** INVARIANT: an empty delimiter parts characters, not code units. */
const splitAll = (text: string, delimiter: string): string[] =>
  delimiter === "" ? [...text] : text.split(delimiter);

function anyMatch(end: "prefix" | "suffix"): NodeBuiltin {
  const matches = (text: string, affix: string): boolean =>
    end === "prefix" ? text.startsWith(affix) : text.endsWith(affix);
  return (_context, search, base) => {
    const texts = typeof search === "string" ? [search] : stringItems(search, 1);
    const affixes = typeof base === "string" ? [base] : stringItems(base, 2);
    if (texts.some(mayBeBytes) || affixes.some(mayBeBytes)) return toGo;
    if (texts.length === 1 || affixes.length === 1) {
      return texts.some((text) => affixes.some((affix) => matches(text, affix)));
    }
    // by length, so that a product of two long lists costs no more than their sum
    const byLength = new Map<number, Set<string>>();
    for (const affix of affixes) {
      const same = byLength.get(affix.length) ?? new Set<string>();
      byLength.set(affix.length, same.add(affix));
    }
    return texts.some((text) =>
      [...byLength].some(
        ([length, same]) =>
          length <= text.length &&
          same.has(end === "prefix" ? text.slice(0, length) : text.slice(text.length - length)),
      ),
    );
  };
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
