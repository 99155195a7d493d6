/** All bumps that are known here, by what they reach. */
import type { EpochMatch, Handle } from "../../contract.js";
import { bumpedHandles } from "../../contract.js";
import type { Bump } from "./epochs.js";

export interface EpochTable {
  of(handles: readonly Handle[]): number;
  /** Takes a bump where it is the newest of what it names; gives whether it was. */
  take(bump: Bump): boolean;
  /** The newest of what this names. */
  get(id: string): Bump | undefined;
  all(): IterableIterator<Bump>;
  readonly size: number;
  /** The greatest number so far; it stays when bumps go. */
  readonly highest: number;
  /** Forgets a bump on which nothing depends any more. */
  forget(bump: Bump): void;
}

/** The id of a bump of everything. */
export const everything = "everything:*";

/** Names what a bump is of, so that the same is the same text. */
export function idOf(match: EpochMatch): string {
  return bumpedHandles(match)[0] ?? "";
}

export function createEpochTable(): EpochTable {
  const bumps = new Map<string, Bump>();
  /** By each handle: the greatest number. */
  const numbers = new Map<Handle, number>();
  /** How many bumps hold only in a tenant. */
  let within = 0;
  let ofAll = 0;
  let highest = 0;
  /** Changes with each bump: what was remembered before doesn't count. */
  let version = 0;
  const remembered = new WeakMap<readonly Handle[], { readonly version: number; readonly number: number }>();

  const look = (handles: readonly Handle[]): number => {
    let number = ofAll;
    for (const handle of handles) {
      const found = numbers.get(handle);
      if (found !== undefined && found > number) number = found;
    }
    if (within === 0) return number;
    for (const tenant of handles) {
      if (!tenant.startsWith("tenant:")) continue;
      for (const handle of handles) {
        const found = numbers.get(`${tenant}\n${handle}`);
        if (found !== undefined && found > number) number = found;
      }
    }
    return number;
  };

  return {
    of(handles) {
      if (numbers.size === 0) return ofAll;
      const known = remembered.get(handles);
      if (known?.version === version) return known.number;
      const number = look(handles);
      if (Object.isFrozen(handles)) remembered.set(handles, { version, number });
      return number;
    },
    take(bump) {
      const id = idOf(bump.match);
      const before = bumps.get(id);
      if (before !== undefined && before.number >= bump.number) return false;
      version++;
      bumps.set(id, bump);
      highest = Math.max(highest, bump.number);
      if (bump.match.everything !== undefined) {
        ofAll = bump.number;
        return true;
      }
      if (before === undefined && id.includes("\n")) within++;
      for (const handle of bumpedHandles(bump.match)) numbers.set(handle, bump.number);
      return true;
    },
    get: (id) => bumps.get(id),
    all: () => bumps.values(),
    get size() {
      return bumps.size;
    },
    get highest() {
      return highest;
    },
    forget({ match, number }) {
      const id = idOf(match);
      // INVARIANT: that of everything stays: all numbers that were given since rest on it
      if (match.everything !== undefined || bumps.get(id)?.number !== number) return;
      version++;
      bumps.delete(id);
      if (id.includes("\n")) within--;
      for (const handle of bumpedHandles(match)) numbers.delete(handle);
    },
  };
}
