/** `graph.reachable_paths`. Source: OPA, v1/topdown/reachable.go. */
import type { RegoValue } from "../../engine/value.js";
import { RegoSet } from "../../engine/value.js";
import { numbered } from "./ids.js";
import { BuiltinLimit } from "../limit.js";
import { itemsOf, objectOperand, typeFault } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

/** Nodes of all paths, walked or given. */
const mostSteps = 50_000;

type Path = readonly number[];

const reachablePaths: NodeBuiltin = (_context, graph, initial) => {
  const { entries } = objectOperand(graph, 1);
  const starts = itemsOf(initial);
  if (starts === undefined) throw typeFault(2, initial, "{array, set}");
  const targets = entries.flatMap(([, edges]) => itemsOf(edges) ?? []);
  const ids = numbered([...entries.map(([node]) => node), ...targets, ...starts]);
  const edgesOf = new Map(entries.map(([node, edges]) => [ids.of(node), (itemsOf(edges) ?? []).map(ids.of)]));
  const paths = pathsFrom(starts.map(ids.of), edgesOf);
  return new RegoSet(inOrder(paths).map((path) => path.map((id): RegoValue => ids.values[id] ?? null)));
};

/** @throws BuiltinLimit where there are too many */
function pathsFrom(starts: Path, edgesOf: ReadonlyMap<number, Path>): readonly Path[] {
  const paths: Path[] = [];
  let left = mostSteps;
  const count = (steps: number): void => {
    left -= steps;
    if (left < 0) throw new BuiltinLimit("too many paths");
  };
  const follow = (node: number, before: Path): void => {
    const edges = edgesOf.get(node);
    count(before.length + (edges?.length ?? 0) + 1);
    if (edges === undefined) {
      paths.push(before);
      return;
    }
    const path = [...before, node];
    if (edges.length === 0) paths.push(path);
    for (const next of edges) {
      count(path.length);
      // OPA ends a path where it would meet itself
      if (path.includes(next)) paths.push(path);
      else follow(next, path);
    }
  };
  for (const start of starts) {
    const edges = edgesOf.get(start);
    if (edges?.length === 0) paths.push([start]);
    for (const next of edges ?? []) follow(next, [start]);
  }
  return paths;
}

/** In OPA's order of arrays, equal ones merged. */
function inOrder(paths: readonly Path[]): readonly Path[] {
  const sorted = [...paths].sort(compare);
  return sorted.filter((path, i) => i === 0 || compare(sorted[i - 1] ?? [], path) !== 0);
}

function compare(a: Path, b: Path): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = (a[i] ?? 0) - (b[i] ?? 0);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export const graphs: readonly (readonly [string, NodeBuiltin])[] = [
  ["graph.reachable_paths", reachablePaths],
];
