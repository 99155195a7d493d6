import type { CachedResult, CacheLevelStore } from "./cache.js";
import type { MemoryCache } from "./memory.js";

export interface Found {
  readonly level: "l1" | "l2";
  readonly value: CachedResult;
}

export interface DecisionCache {
  /** Looks a key up; synchronous unless Redis is asked. */
  lookup(key: string, entrypoint: string): Found | undefined | Promise<Found | undefined>;
  store(key: string, value: CachedResult, entrypoint: string): void;
  /** Tells what an evaluation of the entrypoint cost, in microseconds; `auto` decides by it. */
  noteEvaluation(entrypoint: string, micros: number): void;
  close(): Promise<void>;
}

export interface DecisionCacheParts {
  readonly l1: MemoryCache;
  readonly l2?: CacheLevelStore;
  /** `auto`: Redis is asked only where that is faster than evaluating, as measured. */
  readonly l2Mode: "auto" | "always" | "never";
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Microseconds of a monotonic clock. */
  readonly micros: () => number;
}

/** Weight of the newest measurement. */
const weight = 0.05;
/** What asking Redis is taken to cost until it has been measured, microseconds. */
const assumedWait = 200;

/** Joins the levels. Concurrent lookups of one key in Redis share one request. */
export function createDecisionCache({ l1, l2, l2Mode, now, micros }: DecisionCacheParts): DecisionCache {
  const costs = new Map<string, number>();
  const flights = new Map<string, Promise<Found | undefined>>();
  let wait = assumedWait;

  const asksL2 = (entrypoint: string): boolean => {
    if (l2 === undefined || l2Mode === "never") return false;
    return l2Mode === "always" || (costs.get(entrypoint) ?? 0) > wait;
  };

  const fetchL2 = async (store: CacheLevelStore, key: string): Promise<Found | undefined> => {
    const from = micros();
    try {
      const value = await store.get(key, now());
      wait += weight * (micros() - from - wait);
      if (value === undefined) return undefined;
      l1.set(key, value, now());
      return { level: "l2", value };
    } finally {
      flights.delete(key);
    }
  };

  return {
    lookup(key, entrypoint) {
      const value = l1.get(key, now());
      if (value !== undefined) return { level: "l1", value };
      if (l2 === undefined || !asksL2(entrypoint)) return undefined;
      const known = flights.get(key);
      if (known !== undefined) return known;
      const flight = fetchL2(l2, key);
      flights.set(key, flight);
      return flight;
    },
    store(key, value, entrypoint) {
      l1.set(key, value, now());
      if (l2 !== undefined && asksL2(entrypoint)) l2.set(key, value, now());
    },
    noteEvaluation(entrypoint, cost) {
      const known = costs.get(entrypoint);
      costs.set(entrypoint, known === undefined ? cost : known + weight * (cost - known));
    },
    async close() {
      await Promise.all([l1.close(), l2?.close()]);
    },
  };
}
