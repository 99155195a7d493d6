import type { CachedResult, CacheLevelStore } from "./cache.js";
import type { MemoryCache } from "./memory.js";

export interface Found {
  readonly level: "l1" | "l2";
  readonly value: CachedResult;
}

export interface DecisionCache {
  /**
   * Looks a key up; synchronous unless Redis is asked. What is to be stored after a promise gave nothing must be stored
   * in the turn in which it settles: lookups that wait behind this one see it then.
   */
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
/** The same for one that stands alone. */
const sampleWeight = 0.5;
/** What asking Redis is taken to cost until it has been measured, microseconds. */
const assumedWait = 200;
/** Milliseconds after which a measurement of Redis is old: one lookup then asks it, whatever it is taken to cost. */
const staleAfter = 10_000;

/**
 * Joins the levels. Concurrent lookups of one key in Redis share one request, and where Redis has nothing, they share
 * the evaluation: the first to be told evaluates and stores at once, the others find that in memory.
 */
export function createDecisionCache({ l1, l2, l2Mode, now, micros }: DecisionCacheParts): DecisionCache {
  const costs = new Map<string, number>();
  const flights = new Map<string, Promise<Found | undefined>>();
  let wait = assumedWait;
  let measuredAt = now();

  const pays = (entrypoint: string): boolean =>
    l2Mode === "always" || (l2Mode === "auto" && (costs.get(entrypoint) ?? 0) > wait);

  // without this a Redis that was once slow would never be asked again
  const isStale = (at: number): boolean =>
    l2Mode === "auto" && (at < measuredAt || at - measuredAt >= staleAfter);

  const fetchL2 = async (store: CacheLevelStore, key: string, at: number): Promise<Found | undefined> => {
    const share = isStale(at) ? sampleWeight : weight;
    // from its beginning, so that no second lookup samples beside this one
    measuredAt = at;
    const from = micros();
    try {
      const value = await store.get(key, at);
      wait += share * (micros() - from - wait);
      if (value === undefined) return undefined;
      l1.set(key, value, at);
      return { level: "l2", value };
    } finally {
      flights.delete(key);
    }
  };

  const inMemory = (key: string): Found | undefined => {
    const value = l1.get(key, now());
    return value === undefined ? undefined : { level: "l1", value };
  };

  return {
    lookup(key, entrypoint) {
      const found = inMemory(key);
      if (found !== undefined || l2 === undefined) return found;
      const known = flights.get(key);
      if (known !== undefined) return known.then((late) => late ?? inMemory(key));
      const at = now();
      if (!(pays(entrypoint) || isStale(at)) || l2.available?.(at) === false) return undefined;
      const flight = fetchL2(l2, key, at);
      flights.set(key, flight);
      return flight;
    },
    store(key, value, entrypoint) {
      const at = now();
      l1.set(key, value, at);
      if (l2 !== undefined && pays(entrypoint)) l2.set(key, value, at);
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
