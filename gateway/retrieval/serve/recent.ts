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
/** Of all together: some 100 MB. Who asked longest ago is forgotten first. */
const mostOfAll = 2_000_000;
/** At one collection each. */
const mostCallers = 50_000;

interface Asked {
  readonly at: number;
  readonly narrow: boolean;
}

interface Kept {
  readonly asked: Asked[];
  /** How many of them are narrow. */
  narrow: number;
}

/**
 * Counts queries, so that policy can bound what is found out by many narrow ones.
 * @param windowMs how far it looks back
 * @param most queries that are kept, of all callers
 */
export function createRecent(clock: () => number, windowMs = 600_000, most = mostOfAll): Recent {
  const kept = new LRUCache<string, Kept>({
    maxSize: most,
    sizeCalculation: ({ asked }) => asked.length,
  });
  return {
    note(owner, collection, found) {
      const now = clock();
      const key = JSON.stringify([owner, collection]);
      const one = kept.get(key) ?? { asked: [], narrow: 0 };
      const narrow = found > 0 && found <= fewest;
      one.asked.push({ at: now, narrow });
      if (narrow) one.narrow += 1;
      // the oldest is in front
      for (let [first] = one.asked; first !== undefined; [first] = one.asked) {
        if (now - first.at < windowMs && one.asked.length <= mostKept) break;
        one.asked.shift();
        if (first.narrow) one.narrow -= 1;
      }
      // another object, for the same would not be measured again
      kept.set(key, { ...one });
      if (kept.size > mostCallers) kept.pop();
      return {
        queries: one.asked.length,
        narrow: one.narrow,
        window_s: Math.round(windowMs / 1_000),
      };
    },
  };
}
