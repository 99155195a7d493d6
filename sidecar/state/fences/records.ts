/** All records of fences that are known here: in force, lifted and lately expired. */
import type { Handle } from "../../contract.js";
import type { Fence } from "./fences.js";
import type { FenceIndex } from "./index-fences.js";
import { createFenceIndex } from "./index-fences.js";
import { textOfFence } from "./seal.js";

/** Milliseconds for which a lifted fence that would not expire is remembered: an older Redis may bring it back after that. */
const keepLiftedMs = 30 * 86_400_000;
/** The same of one that was set by no person: signals set and lift very many, and those in force must have room. */
const keepOwnMs = 86_400_000;
/** Who sets fences without a person. */
export const automatic = /^(?:rule|policy|signal):/;
/** Milliseconds that an expired fence stays, for replicas whose clocks are behind. */
export const keepExpiredMs = 3_600_000;

export interface FenceRecords {
  get(id: string): Fence | undefined;
  /** Takes a record where it is newer than what is known; gives whether it was. */
  take(fence: Fence): boolean;
  all(): IterableIterator<Fence>;
  readonly size: number;
  /** Fences in force. @param now epoch milliseconds */
  inForce(now: number): readonly Fence[];
  check(handles: readonly Handle[], now: number): Fence | undefined;
  /** Another number after each change; 0 while no record is one of a fence in force. */
  mark(): number;
  takes: FenceIndex["takes"];
  same: FenceIndex["same"];
  /** Forgets what need not be known any more. */
  sweep(now: number): void;
}

export function createFenceRecords(): FenceRecords {
  const records = new Map<string, Fence>();
  const index = createFenceIndex();
  let changes = 0;
  let active = 0;
  const add = (fence: Fence): void => {
    index.add(fence);
    active++;
  };
  const remove = (fence: Fence): void => {
    index.remove(fence);
    active--;
  };
  return {
    mark: () => (active === 0 ? 0 : changes),
    get: (id) => records.get(id),
    take(fence) {
      const before = records.get(fence.id);
      if (before !== undefined && !isNewer(fence, before)) return false;
      changes++;
      if (before?.state === "active") remove(before);
      records.set(fence.id, fence);
      if (fence.state === "active") add(fence);
      return true;
    },
    all: () => records.values(),
    get size() {
      return records.size;
    },
    inForce: (now) =>
      [...records.values()].filter(
        ({ state, expires }) => state === "active" && (expires === undefined || expires > now),
      ),
    check: index.check,
    takes: index.takes,
    same: index.same,
    sweep(now) {
      for (const fence of records.values()) {
        if (!isOver(fence, now)) continue;
        if (fence.state === "active") remove(fence);
        records.delete(fence.id);
      }
    },
  };
}

/**
 * Tells which of two records of one fence counts: the higher version; of two that came to be apart, the one in force.
 * INVARIANT: a total order, so that all replicas come to the same, in whatever order they learn of them.
 */
export function isNewer(one: Fence, other: Fence): boolean {
  if (one.version !== other.version) return one.version > other.version;
  if (one.state !== other.state) return one.state === "active";
  return textOfFence(one) > textOfFence(other);
}

/** Tells whether nothing depends on a record any more. */
export function isOver({ state, expires, lift, at, by }: Fence, now: number): boolean {
  if (expires !== undefined && expires + keepExpiredMs <= now) return true;
  const kept = automatic.test(by) ? keepOwnMs : keepLiftedMs;
  return state === "lifted" && expires === undefined && (lift?.at ?? at) + kept <= now;
}
