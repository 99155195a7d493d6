/** Objects and ranges. Source: OPA, v1/topdown/subset.go, numbers.go. */
import { numberOf } from "../../engine/read-value.js";
import type { RegoValue } from "../../engine/value.js";
import { compareValues, RegoObject, RegoSet } from "../../engine/value.js";
import { BuiltinFault } from "../builtin.js";
import { numbered } from "./ids.js";
import { BuiltinLimit } from "../limit.js";
import { bigIntegerOperand, fault } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

type List = readonly RegoValue[];

/** Items of the longest range. */
const mostItems = 100_000;

const isList = (value: RegoValue | undefined): value is List => Array.isArray(value);

/** Finds by binary search where a key or item is. */
function placeOf(count: number, keyAt: (i: number) => RegoValue, key: RegoValue): number | undefined {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareValues(keyAt(middle), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low < count && compareValues(keyAt(low), key) === 0 ? low : undefined;
}

function memberOf({ entries }: RegoObject, key: RegoValue): RegoValue | undefined {
  const place = placeOf(entries.length, (i) => entries[i]?.[0] ?? null, key);
  return place === undefined ? undefined : entries[place]?.[1];
}

const isIn = ({ items }: RegoSet, item: RegoValue): boolean =>
  placeOf(items.length, (i) => items[i] ?? null, item) !== undefined;

/** Undefined for values of two types, or of one that has no parts. */
function isSubset(whole: RegoValue, part: RegoValue): boolean | undefined {
  if (whole instanceof RegoObject && part instanceof RegoObject) {
    return part.entries.every(([key, member]) => {
      const other = memberOf(whole, key);
      // what has parts has itself as a subset
      return other !== undefined && (isSubset(other, member) ?? compareValues(other, member) === 0);
    });
  }
  if (whole instanceof RegoSet && part instanceof RegoSet)
    return part.items.every((item) => isIn(whole, item));
  return isList(whole) && isList(part) ? hasRun(whole, part) : undefined;
}

/** One array stands in the other, as it is: found as one text in another. */
function hasRun(whole: List, part: List): boolean {
  if (part.length === 0) return true;
  if (part.length > whole.length) return false;
  const ids = numbered([...whole, ...part]);
  const wanted = part.map(ids.of);
  const borders = new Int32Array(wanted.length);
  for (let i = 1, k = 0; i < wanted.length; i++) {
    while (k > 0 && wanted[i] !== wanted[k]) k = borders[k - 1] ?? 0;
    if (wanted[i] === wanted[k]) k++;
    borders[i] = k;
  }
  let k = 0;
  return whole.some((item) => {
    const id = ids.of(item);
    while (k > 0 && id !== wanted[k]) k = borders[k - 1] ?? 0;
    if (id === wanted[k]) k++;
    return k === wanted.length;
  });
}

const subset: NodeBuiltin = (_context, whole = null, part = null) => {
  if (isList(whole) && part instanceof RegoSet) return arrayHasSet(whole, part);
  const found = isSubset(whole, part);
  if (found !== undefined) return found;
  throw new BuiltinFault(
    "eval_type_error",
    "both arguments object.subset must be of the same type or array and set",
  );
};

/** As OPA counts: an item that stands twice in the array is found twice; an empty array has no empty set. */
function arrayHasSet(whole: List, part: RegoSet): boolean {
  let left = part.items.length;
  return whole.some((item) => (isIn(part, item) && --left === 0) || left === 0);
}

const rangeStep: NodeBuiltin = (_context, from, to, by) => {
  const first = bigIntegerOperand(from, 1);
  const last = bigIntegerOperand(to, 2);
  const step = bigIntegerOperand(by, 3);
  if (step <= 0n) throw fault("numbers.range_step: step must be a positive integer");
  const down = first > last;
  const size = (down ? first - last : last - first) / step + 1n;
  if (size > mostItems) throw new BuiltinLimit("a range that is too long");
  const signed = down ? -step : step;
  const out: RegoValue[] = [];
  for (let i = 0n; i < size; i++) out.push(numberOf((first + i * signed).toString()));
  return out;
};

export const collections: readonly (readonly [string, NodeBuiltin])[] = [
  ["object.subset", subset],
  ["numbers.range_step", rangeStep],
];
