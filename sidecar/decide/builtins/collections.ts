/** Objects, graphs and ranges. Source: OPA, v1/topdown/subset.go, reachable.go, numbers.go. */
import { numberOf } from "../engine/read-value.js";
import type { RegoValue } from "../engine/value.js";
import { compareValues, RegoObject, RegoSet, setOf } from "../engine/value.js";
import { BuiltinFault } from "./builtin.js";
import { BuiltinLimit } from "./limit.js";
import { bigIntegerOperand, fault, itemsOf, objectOperand, typeFault } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

type List = readonly RegoValue[];

/** Comparisons, steps or items that one call may cost. */
const mostSteps = 200_000;

/** Counts steps. @throws BuiltinLimit beyond the most */
function counter(): (steps?: number) => void {
  let left = mostSteps;
  return (steps = 1) => {
    left -= steps;
    if (left < 0) throw new BuiltinLimit("too much work for one call");
  };
}

const isList = (value: RegoValue | undefined): value is List => Array.isArray(value);
const same = (a: RegoValue, b: RegoValue): boolean => compareValues(a, b) === 0;

/** Finds by binary search where a key or item is, or would be. */
function placeOf(count: number, keyAt: (i: number) => RegoValue, key: RegoValue): number | undefined {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareValues(keyAt(middle), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low < count && same(keyAt(low), key) ? low : undefined;
}

function memberOf({ entries }: RegoObject, key: RegoValue): RegoValue | undefined {
  const place = placeOf(entries.length, (i) => entries[i]?.[0] ?? null, key);
  return place === undefined ? undefined : entries[place]?.[1];
}

const isIn = ({ items }: RegoSet, item: RegoValue): boolean =>
  placeOf(items.length, (i) => items[i] ?? null, item) !== undefined;

function isSubset(whole: RegoValue, part: RegoValue, count: () => void): boolean | undefined {
  count();
  if (whole instanceof RegoObject && part instanceof RegoObject) {
    return part.entries.every(([key, member]) => {
      const other = memberOf(whole, key);
      return other !== undefined && (same(other, member) || isSubset(other, member, count) === true);
    });
  }
  if (whole instanceof RegoSet && part instanceof RegoSet)
    return part.items.every((item) => isIn(whole, item));
  return isList(whole) && isList(part) ? hasRun(whole, part, count) : undefined;
}

/** One array stands in the other, as it is. */
function hasRun(whole: List, part: List, count: () => void): boolean {
  for (let from = 0; from + part.length <= whole.length; from++) {
    count();
    const differs = part.some((item, i) => {
      if (i > 0) count();
      return !same(item, whole[from + i] ?? null);
    });
    if (!differs) return true;
  }
  return false;
}

const subset: NodeBuiltin = (_context, whole = null, part = null) => {
  if (isList(whole) && part instanceof RegoSet) return arrayHasSet(whole, part);
  const found = isSubset(whole, part, counter());
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

const reachablePaths: NodeBuiltin = (_context, graph, initial) => {
  const nodes = objectOperand(graph, 1);
  const starts = itemsOf(initial);
  if (starts === undefined) throw typeFault(2, initial, "{array, set}");
  const count = counter();
  const paths: List[] = [];
  const edgesOf = (node: RegoValue): List | undefined => {
    const edges = memberOf(nodes, node);
    return edges === undefined ? undefined : (itemsOf(edges) ?? []);
  };
  const end = (path: List): void => {
    count(path.length);
    paths.push(path);
  };
  const follow = (node: RegoValue, before: List): void => {
    count(before.length + 1);
    const edges = edgesOf(node);
    if (edges === undefined) {
      end(before);
      return;
    }
    const path = [...before, node];
    if (edges.length === 0) end(path);
    for (const next of edges) {
      if (path.some((passed) => same(passed, next))) end(path);
      else follow(next, path);
    }
  };
  for (const start of starts) {
    const edges = edgesOf(start);
    if (edges?.length === 0) end([start]);
    for (const next of edges ?? []) follow(next, [start]);
  }
  return setOf(paths);
};

const rangeStep: NodeBuiltin = (_context, from, to, by) => {
  const first = bigIntegerOperand(from, 1);
  const last = bigIntegerOperand(to, 2);
  const step = bigIntegerOperand(by, 3);
  if (step <= 0n) throw fault("numbers.range_step: step must be a positive integer");
  const down = first > last;
  const size = (down ? first - last : last - first) / step + 1n;
  if (size > mostSteps) throw new BuiltinLimit("a range that is too long");
  const signed = down ? -step : step;
  const near = [first, last, step].every((value) => value > -(2n ** 52n) && value < 2n ** 52n);
  return Array.from({ length: Number(size) }, (_, i) =>
    near ? Number(first) + i * Number(signed) : numberOf((first + BigInt(i) * signed).toString()),
  );
};

export const collections: readonly (readonly [string, NodeBuiltin])[] = [
  ["object.subset", subset],
  ["graph.reachable_paths", reachablePaths],
  ["numbers.range_step", rangeStep],
];
