/** Finds the fence that a call runs into, in a time that doesn't depend on how many there are. */
import type { FenceKind, FenceMatch, Handle } from "../../contract.js";
import { fenceKinds, handleOf, oldestIssued } from "../../contract.js";
import type { Fence } from "./fences.js";

/** Most combinations of kinds that fences may name together: each is one more look. */
export const mostShapes = 64;
/** Most combinations of a call's values that are looked up: chains and tokens are short. */
const mostCombined = 64;

export interface FenceIndex {
  add(fence: Fence): void;
  remove(fence: Fence): void;
  /** @param now epoch milliseconds */
  check(handles: readonly Handle[], now: number): Fence | undefined;
  /** Fences that name just this. */
  same(match: FenceMatch): Iterable<Fence>;
  /** Whether there is room for fences of this combination of kinds. */
  takes(match: FenceMatch): boolean;
}

/** Fences that name the same. */
type Same = Map<string, Fence>;

interface Shape {
  readonly kinds: readonly FenceKind[];
  /** Of handles, one for each kind. */
  readonly prefixes: readonly string[];
  /** By the values of all kinds, a line each: what a fence names holds no line breaks. */
  readonly table: Map<string, Same>;
}

/**
 * Creates the index. Fences of one kind stand under their handle; those of several, under all their values together, one
 * table for each combination of kinds that is in use.
 */
export function createFenceIndex(): FenceIndex {
  const singles = new Map<Handle, Same>();
  const shapes = new Map<string, Shape>();

  const placeOf = (match: FenceMatch): { table: Map<string, Same>; key: string; shape?: string } => {
    const kinds = kindsOf(match);
    const [kind = "everything"] = kinds;
    if (kinds.length === 1) return { table: singles, key: handleOf(kind, match[kind] ?? "") };
    const shape = kinds.join(" ");
    let found = shapes.get(shape);
    if (found === undefined) {
      found = { kinds, prefixes: kinds.map((one) => handleOf(one, "")), table: new Map() };
      shapes.set(shape, found);
    }
    return { table: found.table, key: kinds.map((one) => match[one]).join("\n"), shape };
  };

  const combined = (handles: readonly Handle[], now: number): Fence | undefined => {
    for (const shape of shapes.values()) {
      const found = tryAll(shape, handles, now);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  return {
    add(fence) {
      const { table, key } = placeOf(fence.match);
      const same = table.get(key);
      if (same === undefined) table.set(key, new Map([[fence.id, fence]]));
      else same.set(fence.id, fence);
    },
    remove(fence) {
      const { table, key, shape } = placeOf(fence.match);
      const same = table.get(key);
      same?.delete(fence.id);
      if (same?.size === 0) table.delete(key);
      if (shape !== undefined && table.size === 0) shapes.delete(shape);
    },
    check(handles, now) {
      const all = singles.get("everything:*");
      const everything = all === undefined ? undefined : inForce(all, handles, now);
      if (everything !== undefined) return everything;
      if (singles.size > 0) {
        for (const handle of handles) {
          const same = singles.get(handle);
          const found = same === undefined ? undefined : inForce(same, handles, now);
          if (found !== undefined) return found;
        }
      }
      return shapes.size === 0 ? undefined : combined(handles, now);
    },
    same(match) {
      const { table, key, shape } = placeOf(match);
      if (shape !== undefined && table.size === 0) shapes.delete(shape);
      return table.get(key)?.values() ?? [];
    },
    takes(match) {
      const kinds = kindsOf(match);
      if (kinds.length === 1 || shapes.has(kinds.join(" "))) return true;
      // there are very many of several kinds; who uses them up leaves room for the usual ones
      const several = [...shapes.values()].filter((one) => one.kinds.length > 2).length;
      return shapes.size < mostShapes && (kinds.length === 2 || several < mostShapes / 2);
    },
  };
}

function kindsOf(match: FenceMatch): FenceKind[] {
  return fenceKinds.filter((kind) => match[kind] !== undefined);
}

function inForce(same: Same, handles: readonly Handle[], now: number): Fence | undefined {
  let issued: number | undefined;
  for (const fence of same.values()) {
    if (fence.expires !== undefined && fence.expires <= now) continue;
    if (fence.issued_before === undefined) return fence;
    issued ??= oldestIssued(handles);
    if (issued < fence.issued_before) return fence;
  }
  return undefined;
}

/** Looks up each combination of the values that a call has of a shape's kinds: mostly one. */
function tryAll(shape: Shape, handles: readonly Handle[], now: number): Fence | undefined {
  const { prefixes, table } = shape;
  let keys: string[] | undefined;
  for (const prefix of prefixes) {
    const some = valuesOf(handles, prefix);
    if (some.length === 0) return undefined;
    if (keys === undefined) keys = some;
    else if (keys.length * some.length > mostCombined) return bySearch(shape, handles, now);
    else keys = keys.flatMap((key) => some.map((value) => `${key}\n${value}`));
  }
  for (const key of keys ?? []) {
    const same = table.get(key);
    const found = same === undefined ? undefined : inForce(same, handles, now);
    if (found !== undefined) return found;
  }
  return undefined;
}

function valuesOf(handles: readonly Handle[], prefix: string): string[] {
  const values: string[] = [];
  for (const handle of handles) if (handle.startsWith(prefix)) values.push(handle.slice(prefix.length));
  return values;
}

/** INVARIANT: a call with too many handles to combine is looked at all the same, only slower. */
function bySearch({ kinds, table }: Shape, handles: readonly Handle[], now: number): Fence | undefined {
  const all = new Set(handles);
  for (const same of table.values()) {
    const fence = inForce(same, handles, now);
    if (fence === undefined) continue;
    if (kinds.every((kind) => all.has(handleOf(kind, fence.match[kind] ?? "")))) return fence;
  }
  return undefined;
}
