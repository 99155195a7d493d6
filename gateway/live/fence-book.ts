/** The fences in force, as the sidecar told of them. */
import type { ActiveFence, FenceChange, FenceMatch, Handle } from "../../sidecar/contract.js";
import { reachesBack } from "../../sidecar/contract.js";

export interface FenceBook {
  /** Takes a change; gives the fences that are in force since. */
  take(change: FenceChange): readonly ActiveFence[];
  /** Finds one that forbids what is known by these handles; looks no longer where there are more fences. */
  find(handles: ReadonlySet<Handle>): ActiveFence | undefined;
  readonly size: number;
}

/** What fits everything. */
export const everything: Handle = "everything:*";

/** Gives all handles that must be there for a fence to fit. */
export function wantedBy(match: FenceMatch): Handle[] {
  return Object.entries(match).map(([kind, value]) => `${kind}:${value}`);
}

interface Kept {
  readonly fence: ActiveFence;
  readonly wanted: readonly Handle[];
}

/** @param now epoch milliseconds */
export function createFenceBook(now: () => number): FenceBook {
  const byId = new Map<string, Kept>();
  /** By one of the handles that each wants: all must be there, so that one finds it. */
  const byHandle = new Map<Handle, Set<Kept>>();
  const isOver = ({ expires }: ActiveFence): boolean => expires !== undefined && expires <= now();
  const forget = (id: string): void => {
    const kept = byId.get(id);
    if (kept === undefined) return;
    byId.delete(id);
    const key = keyOf(kept.wanted);
    const others = byHandle.get(key);
    others?.delete(kept);
    if (others?.size === 0) byHandle.delete(key);
  };
  return {
    take({ kind, fences }) {
      if (kind === "all") {
        byId.clear();
        byHandle.clear();
      }
      for (const { id } of fences) forget(id);
      if (kind !== "all" && kind !== "added") return [];
      // one that names nothing is none
      const since = fences.filter((one) => !isOver(one) && wantedBy(one.match).length > 0);
      for (const fence of since) {
        const kept = { fence, wanted: wantedBy(fence.match) };
        byId.set(fence.id, kept);
        const key = keyOf(kept.wanted);
        const others = byHandle.get(key);
        if (others === undefined) byHandle.set(key, new Set([kept]));
        else others.add(kept);
      }
      return since;
    },
    find(handles) {
      if (byId.size === 0) return undefined;
      const fits = (key: Handle): ActiveFence | undefined => {
        for (const { fence, wanted } of byHandle.get(key) ?? []) {
          if (!wanted.every((one) => one === everything || handles.has(one))) continue;
          if (!reachesBack(fence.issued_before, handles)) continue;
          if (!isOver(fence)) return fence;
          forget(fence.id);
        }
        return undefined;
      };
      for (const handle of handles) {
        const found = fits(handle);
        if (found !== undefined) return found;
      }
      return fits(everything);
    },
    get size() {
      return byId.size;
    },
  };
}

/** A tenant has many; what is named beside it tells more. */
function keyOf(wanted: readonly Handle[]): Handle {
  const telling = wanted.find((one) => one !== everything && !one.startsWith("tenant:"));
  return telling ?? wanted.find((one) => one !== everything) ?? everything;
}
