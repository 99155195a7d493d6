/**
 * Rego values in JavaScript: JSON plus sets and objects whose keys may be of any type. Numbers keep their digits: what
 * a double can't hold without change is a {@link JsonNumber}.
 */
import { JsonNumber } from "../../contract.js";

export type RegoValue =
  null | boolean | number | JsonNumber | string | readonly RegoValue[] | RegoSet | RegoObject;

/** A set. INVARIANT: sorted by {@link compareValues}, no two items equal. Made by {@link setOf}. */
export class RegoSet {
  constructor(readonly items: readonly RegoValue[]) {}
}

/** An object. INVARIANT: sorted by key, no two keys equal. Made by {@link objectOf}. */
export class RegoObject {
  constructor(readonly entries: readonly (readonly [RegoValue, RegoValue])[]) {}
  /** Gives the value at a string key. */
  get(key: string): RegoValue | undefined {
    return this.entries.find(([name]) => name === key)?.[1];
  }
}

/** Makes a set of items in any order, equal ones merged. */
export function setOf(items: Iterable<RegoValue>): RegoSet {
  const sorted = [...items].sort(compareValues);
  return new RegoSet(
    sorted.filter((item, i) => i === 0 || compareValues(sorted[i - 1] as RegoValue, item) !== 0),
  );
}

/** Makes an object of entries in any order; the last of equal keys counts. */
export function objectOf(entries: Iterable<readonly [RegoValue, RegoValue]>): RegoObject {
  // the sort is stable, so that the last of equal keys stands last
  const sorted = [...entries].sort(([a], [b]) => compareValues(a, b));
  return new RegoObject(
    sorted.filter(([key], i) => {
      const next = sorted[i + 1];
      return next === undefined || compareValues(key, next[0]) !== 0;
    }),
  );
}

export type TypeName = "null" | "boolean" | "number" | "string" | "array" | "object" | "set";

/** In OPA's order: null < boolean < number < string < array < object < set (`ast.Compare`). */
const rank: Readonly<Record<TypeName, number>> = {
  null: 0,
  boolean: 1,
  number: 2,
  string: 3,
  array: 4,
  object: 5,
  set: 6,
};

/** Names the type as Rego's `type_name` does. */
export function typeName(value: RegoValue): TypeName {
  if (value === null) return "null";
  switch (typeof value) {
    case "boolean":
      return "boolean";
    case "number":
      return "number";
    case "string":
      return "string";
    default:
      break;
  }
  if (value instanceof JsonNumber) return "number";
  if (value instanceof RegoSet) return "set";
  return value instanceof RegoObject ? "object" : "array";
}

/** Orders any two values as OPA does: by type, then by value; strings by their UTF-8 bytes. */
export function compareValues(a: RegoValue, b: RegoValue): number {
  const type = typeName(a);
  const difference = rank[type] - rank[typeName(b)];
  if (difference !== 0) return difference;
  switch (type) {
    case "null":
      return 0;
    case "boolean":
      return Number(a) - Number(b);
    case "number":
      return compareNumbers(a as number | JsonNumber, b as number | JsonNumber);
    case "string":
      return compareStrings(a as string, b as string);
    case "array":
      return compareLists(a as readonly RegoValue[], b as readonly RegoValue[]);
    case "set":
      return compareLists((a as RegoSet).items, (b as RegoSet).items);
    case "object":
      return compareObjects(a as RegoObject, b as RegoObject);
  }
}

/** Code unit order, save that surrogates stand above the rest of the plane: the order of UTF-8 bytes. */
function compareStrings(a: string, b: string): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      const highX = x >= 0xd800 && x <= 0xdfff;
      const highY = y >= 0xd800 && y <= 0xdfff;
      return highX === highY ? x - y : highX ? 1 : -1;
    }
  }
  return a.length - b.length;
}

function compareLists(a: readonly RegoValue[], b: readonly RegoValue[]): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) {
    const order = compareValues(a[i] as RegoValue, b[i] as RegoValue);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Pairwise: first differing key decides, else the first differing value, else the length (`ast.Compare`). */
function compareObjects(a: RegoObject, b: RegoObject): number {
  const size = Math.min(a.entries.length, b.entries.length);
  for (let i = 0; i < size; i++) {
    const [keyA, valueA] = a.entries[i] as readonly [RegoValue, RegoValue];
    const [keyB, valueB] = b.entries[i] as readonly [RegoValue, RegoValue];
    const order = compareValues(keyA, keyB) || compareValues(valueA, valueB);
    if (order !== 0) return order;
  }
  return a.entries.length - b.entries.length;
}

function compareNumbers(a: number | JsonNumber, b: number | JsonNumber): number {
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  const x = decimalOf(a);
  const y = decimalOf(b);
  if (x.negative !== y.negative) return x.negative ? -1 : 1;
  const sign = x.negative ? -1 : 1;
  if (x.digits === "" || y.digits === "") return sign * (x.digits.length - y.digits.length);
  // compared by magnitude first, so that 1e400000 costs no 400,000 zeros
  if (x.point !== y.point) return sign * (x.point - y.point);
  const size = Math.max(x.digits.length, y.digits.length);
  const left = x.digits.padEnd(size, "0");
  const right = y.digits.padEnd(size, "0");
  return left === right ? 0 : sign * (left < right ? -1 : 1);
}

/** 0.DIGITS × 10^point, without leading or trailing zeros; zero has no digits. */
function decimalOf(value: number | JsonNumber): { negative: boolean; digits: string; point: number } {
  const text = typeof value === "number" ? String(value) : value.text;
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const negative = mantissa.startsWith("-");
  const [whole = "", fraction = ""] = mantissa.replace(/^[-+]/, "").split(".");
  const all = whole + fraction;
  const leading = /^0*/.exec(all)?.[0].length ?? 0;
  const digits = all.slice(leading).replace(/0+$/, "");
  if (digits === "") return { negative: false, digits, point: 0 };
  return { negative, digits, point: whole.length - leading + Number(exponent) };
}
