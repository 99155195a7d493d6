import { setTimeout as later } from "node:timers/promises";
import { createChooser } from "./choose.js";
import type { CachedResult, CacheLevelStore, Kept, Outcome, Preparation, Prepared } from "./cache.js";
import type { Flights } from "./flights.js";
import { createFlights } from "./flights.js";
import type { MemoryCache, MemoryFigures } from "./memory.js";
import type { Tally } from "./tally.js";
import { createTallies } from "./tally.js";

export interface Found {
  readonly level: "l1" | "l2";
  readonly value: Kept;
}

export interface DecisionCache {
  /**
   * Looks a key up; synchronous unless Redis or an evaluation under way is waited for. What is to be stored after a promise
   * gave nothing must be stored in the turn in which it settles, or told of by `wait`: lookups behind this one see it then.
   */
  lookup(key: string, entrypoint: string, tenant?: string): Found | undefined | Promise<Found | undefined>;
  /** Looks in memory alone, and counts a hit; a door that finds nothing goes on by `lookup`. */
  peek(key: string, entrypoint: string): Kept | undefined;
  /** Keeps a result on a tenant's account; gives it as it is kept: its end may be sooner. */
  store(key: string, value: CachedResult, entrypoint: string, tenant?: string): Kept;
  /** Lets lookups of a key wait for its evaluation, which goes on; it must store before it settles, and never reject. */
  wait(key: string, settled: Promise<unknown>): void;
  /** Tells what an evaluation of the entrypoint cost, in microseconds; `auto` decides by it. */
  noteEvaluation(entrypoint: string, micros: number): void;
  /** Tells for each entrypoint whether Redis is asked. */
  choices(): ReadonlyMap<string, boolean>;
  /** Adds a kind of thing that is kept with outcomes: a door's response text. */
  prepare<T>(make: (outcome: Outcome) => Prepared<T>): Preparation<T>;
  tally(entrypoint: string): Tally;
  tallies(): ReadonlyMap<string, Tally>;
  figures(): MemoryFigures;
  /** Forgets what is in memory. */
  clear(): void;
  close(): Promise<void>;
}

export interface DecisionCacheParts {
  readonly l1: MemoryCache;
  readonly l2?: CacheLevelStore;
  /** `auto`: Redis is asked only where that takes less than evaluating, as measured ({@link createChooser}). */
  readonly l2Mode: "auto" | "always" | "never";
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Microseconds of a monotonic clock. */
  readonly micros: () => number;
  /** From 0 to 1; spreads the ends of what was made together. */
  readonly random?: () => number;
  /** Milliseconds. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/** The part of its life by which a result may end sooner, so that what was made together doesn't end together. */
const spread = 0.1;
/** Milliseconds before its end in which a result may be renewed. */
const renewedWithin = 10_000;
/** Microseconds from which an evaluation is costly: renewed before the end, and made by one of a fleet. */
const costly = 5_000;
/** Longest wait for another of the fleet that evaluates, milliseconds, and how often it is looked for meanwhile. */
const longestWait = 200;
const looks = 5;

/**
 * Joins the levels. Concurrent lookups of one key in Redis share one request, and where Redis has nothing, they share
 * the evaluation: the first to be told evaluates and stores at once, or says that it goes on, the others find that in memory.
 *
 * INVARIANT: nothing here makes a key or prolongs a life. A result is renewed by evaluating the question of who asks, under the
 * key that is made for it then: what stands under a key of older data or of an older epoch is never asked for again.
 */
export function createDecisionCache(parts: DecisionCacheParts): DecisionCache {
  const { l1, l2, l2Mode, now, micros, random = Math.random, sleep = later } = parts;
  const chooser = createChooser({ mode: l2Mode, cpu: () => l2?.cpu?.() ?? 0, now });
  const flights: Flights<Found> = createFlights();
  const tallies = createTallies();
  const { pays, costOf } = chooser;

  /**
   * Tells whether a hit is to be taken for a miss: by one lookup of those that come near the end, the sooner the costlier.
   * Source: "Optimal Probabilistic Cache Stampede Prevention" (Vattani et al., VLDB 2015).
   */
  const isDue = (left: number, entrypoint: string): boolean => {
    if (left >= renewedWithin) return false;
    const cost = costOf(entrypoint);
    return cost >= costly && (-cost * Math.log(1 - random())) / 1000 >= left;
  };

  const fetchL2 = async (
    store: CacheLevelStore,
    key: string,
    entrypoint: string,
  ): Promise<CachedResult | undefined> => {
    const [at, from] = [now(), micros()];
    chooser.begins(at);
    const value = await store.get(key, at);
    chooser.asked(entrypoint, micros() - from, value !== undefined, at);
    return value;
  };

  /** Lets one of the fleet evaluate what is costly, and waits a while for what comes of it; a fault lets all of them. */
  const fetchOrClaim = async (
    store: CacheLevelStore,
    key: string,
    entrypoint: string,
  ): Promise<CachedResult | undefined> => {
    const value = await fetchL2(store, key, entrypoint);
    const cost = costOf(entrypoint) / 1_000;
    if (value !== undefined || store.claim === undefined || cost < costly / 1_000) return value;
    const most = Math.min(longestWait, 2 * cost);
    if ((await store.claim(key, Math.ceil(2 * cost))) !== false) return undefined;
    for (let look = 0; look < looks; look++) {
      await sleep(most / looks);
      const late = await store.get(key, now());
      if (late !== undefined) return late;
    }
    return undefined;
  };

  const inMemory = (key: string): Found | undefined => {
    const value = l1.get(key, now());
    return value === undefined ? undefined : { level: "l1", value };
  };

  return {
    lookup(key, entrypoint, tenant) {
      const tally = tallies.of(entrypoint);
      const at = now();
      const value = l1.get(key, at);
      const early = value !== undefined && isDue(value.expiresAt - at, entrypoint);
      if (value !== undefined && !early) {
        tally.l1++;
        return { level: "l1", value };
      }
      const counted = (found: Found | undefined): Found | undefined => {
        if (found === undefined) tally.misses++;
        else tally[found.level]++;
        return found;
      };
      const known = flights.get(key);
      if (known !== undefined) {
        // what is still kept answers, where it is being renewed
        if (value !== undefined) return counted({ level: "l1", value });
        const behind = (late: Found | undefined): Found | undefined => late ?? inMemory(key);
        return known
          .then(behind)
          .then((late) => late ?? flights.get(key)?.then(behind))
          .then(counted);
      }
      if (early) tally.early++;
      const asks = l2 !== undefined && !early && (pays(entrypoint) || chooser.samples(entrypoint, at));
      if (!asks || l2.available?.(at) === false) return counted(undefined);
      // counted before it is waited for: who asked first must be the first to hear
      const flight = fetchOrClaim(l2, key, entrypoint).then((found) =>
        counted(found && { level: "l2", value: l1.set(key, found, now(), tenant) }),
      );
      return flights.begin(key, flight);
    },
    peek(key, entrypoint) {
      const at = now();
      const value = l1.get(key, at);
      if (value === undefined || isDue(value.expiresAt - at, entrypoint)) return undefined;
      tallies.of(entrypoint).l1++;
      return value;
    },
    store(key, value, entrypoint, tenant) {
      const at = now();
      const life = value.expiresAt - at;
      const kept = { ...value, expiresAt: value.expiresAt - Math.floor(spread * random() * life) };
      if (l2 !== undefined && pays(entrypoint)) l2.set(key, kept, at);
      return l1.set(key, kept, at, tenant);
    },
    wait(key, settled) {
      flights.join(key, settled);
    },
    noteEvaluation(entrypoint, cost) {
      tallies.of(entrypoint).evaluated(cost);
      chooser.evaluated(entrypoint, cost);
    },
    choices: chooser.choices,
    prepare: l1.prepare,
    tally: tallies.of,
    tallies: tallies.all,
    figures: l1.figures,
    clear: l1.clear,
    async close() {
      await Promise.all([l1.close(), l2?.close()]);
    },
  };
}
