import type { Json } from "../../contract.js";
import { isObject, parseJson, stringifyJson } from "../../contract.js";
import type { Patch } from "../../decide/engine/engine.js";
import type { DeltaOperation } from "../../rego/read-delta.js";
import { changeJson, indexIn, pathText } from "../change-json.js";
import { bare, createOverlay, listed, nearest, put } from "./overlay.js";

/** The documents that changes are made to, as a policy has them in its memory. */
export interface DataView {
  kind(path: readonly string[]): "object" | "array" | "scalar" | undefined;
  read(path: readonly string[]): Json | undefined;
}

export type Planned =
  | { readonly kind: "planned"; readonly patches: readonly Patch[] }
  | { readonly kind: "unfit"; readonly message: string };

/** A larger value (characters) comes after the one in its place was removed: its memory is free for it then. */
const removeFirstFrom = 65_536;

/**
 * Makes of operations the patches that carry them out, and nothing else: what is there is read only where an array is
 * changed. All of them fit, one after the other, or none is made. Source: OPA 1.22, `applyPatches` (v1/bundle/store.go).
 */
export function planDelta(operations: readonly DeltaOperation[], view: DataView): Planned {
  const overlay = createOverlay();

  /** Gives what doesn't fit. */
  const one = (operation: DeltaOperation): string | undefined => {
    const { path } = operation;
    const set = nearest(overlay, path);
    if (set !== undefined && set.depth < path.length) return inside(set.set, operation, set.depth);
    for (let depth = 1; depth < path.length; depth++) {
      const place = path.slice(0, depth);
      const kind = view.kind(place);
      if (kind === "object") continue;
      if (kind === "scalar") return `there is no object at ${pathText(place)}`;
      if (kind === undefined && operation.op !== "upsert") return `there is nothing at ${pathText(place)}`;
      put(overlay, place, kind === "array" ? view.read(place) : bare());
      const made = nearest(overlay, place);
      return made === undefined ? undefined : inside(made.set, operation, depth);
    }
    const there = set === undefined ? view.kind(path) !== undefined : set.set.value !== undefined;
    if (!there && (operation.op === "remove" || operation.op === "replace"))
      return `there is nothing at ${pathText(path)}`;
    put(overlay, path, operation.op === "remove" ? undefined : copyOf(operation.value));
    return undefined;
  };

  for (const [i, operation] of operations.entries()) {
    const unfit = one(operation);
    if (unfit !== undefined)
      return { kind: "unfit", message: `data[${i}]: ${operation.op}: ${unfit}: nothing was changed` };
  }
  const patches: Patch[] = [];
  for (const { path, value } of listed(overlay)) {
    const text = value === undefined ? undefined : stringifyJson(value);
    const isLarge = text !== undefined && text.length > removeFirstFrom;
    if ((text === undefined || isLarge) && view.kind(path) !== undefined)
      patches.push({ path, value: undefined });
    if (text !== undefined) patches.push({ path, value: text });
  }
  return { kind: "planned", patches };
}

/** Changes what was set already. Its place is `path.slice(0, depth)`. */
function inside(
  set: { value: Json | undefined },
  operation: DeltaOperation,
  depth: number,
): string | undefined {
  const { op, path } = operation;
  if (op === "upsert") {
    if (set.value === undefined) set.value = bare();
    makeObjects(set.value, path, depth);
  }
  if (set.value === undefined) return `there is nothing at ${pathText(path.slice(0, depth))}`;
  const change =
    op === "remove"
      ? ({ op, path } as const)
      : { op: op === "replace" ? op : ("add" as const), path, value: copyOf(operation.value) };
  const refused = changeJson(set.value, change, depth);
  return refused === undefined ? undefined : `${pathText(path)}: ${refused.message}`;
}

/** Makes the objects on the way to the last segment. What else is wrong there is found by who changes it. */
function makeObjects(top: Json, path: readonly string[], from: number): void {
  let at: Json | undefined = top;
  for (const key of path.slice(from, -1)) {
    if (Array.isArray(at)) {
      const index = indexIn(at, key, path);
      at = typeof index === "number" ? at[index] : undefined;
    } else if (isObject(at)) {
      const next: Json | undefined = at[key];
      at = next === undefined ? (at[key] = bare()) : next;
    } else return;
  }
}

/** A later operation may change in place what this one brought; the delta stays as it was. */
function copyOf(value: Json): Json {
  return typeof value === "object" && value !== null ? parseJson(stringifyJson(value)) : value;
}
