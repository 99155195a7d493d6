import { LRUCache } from "lru-cache";
import type { JsonObject } from "../../../sidecar/contract.js";

/** What one caller asked of one collection lately. */
export interface Recent {
  /** Counts a query that found so many documents, and tells what there was in the window, this one included. */
  note(owner: string, collection: string, found: number): JsonObject;
}

/** A query that finds so few tells about each of them. */
const fewest = 3;
/** Of one caller at one collection; what is older counts no more. */
const mostKept = 1_024;

interface Asked {
  readonly at: number;
  readonly narrow: boolean;
}

/**
 * Counts queries, so that policy can bound what is found out by many narrow ones.
 * @param windowMs how far it looks back
 */
export function createRecent(clock: () => number, windowMs = 600_000): Recent {
  const kept = new LRUCache<string, Asked[]>({ max: 50_000 });
  return {
    note(owner, collection, found) {
      const now = clock();
      const key = JSON.stringify([owner, collection]);
      const before = (kept.get(key) ?? []).filter(({ at }) => now - at < windowMs);
      const asked = [...before, { at: now, narrow: found > 0 && found <= fewest }].slice(-mostKept);
      kept.set(key, asked);
      return {
        queries: asked.length,
        narrow: asked.reduce((sum, { narrow }) => sum + (narrow ? 1 : 0), 0),
        window_s: Math.round(windowMs / 1_000),
      };
    },
  };
}
