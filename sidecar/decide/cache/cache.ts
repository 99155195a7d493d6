import type { Json } from "../../contract.js";

/** What is kept of an evaluation: nothing that depends on a token's life or on one request. */
export interface CachedResult {
  /** The entrypoint's result as JSON values. */
  readonly result: Json;
  /** Ids of the annotated rules that held. */
  readonly rules: readonly string[];
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** What evaluations came to; many come to the same, which is then one object. Frozen all through. */
export interface Outcome {
  readonly result: Json;
  readonly rules: readonly string[];
}

/** A result as it lies in this process's memory. */
export interface Kept extends CachedResult {
  readonly outcome: Outcome;
}

/** What a door made of an outcome, to give it again. It must not change any more. */
export interface Prepared<T> {
  readonly value: T;
  /** What it takes of the memory, about. */
  readonly bytes: number;
}

/** Gives what was prepared from an outcome; makes it where that is asked for first, or couldn't be kept. */
export type Preparation<T> = (outcome: Outcome) => T;

/** One level of the cache. A fault is a miss; nothing here throws or rejects. */
export interface CacheLevelStore {
  get(key: string, now: number): CachedResult | undefined | Promise<CachedResult | undefined>;
  set(key: string, value: CachedResult, now: number): void;
  /** Tells whether asking has a point now; a level without it always has. */
  available?(now: number): boolean;
  /** Microseconds of CPU that one lookup among many takes, as measured; Infinity where it couldn't be yet. */
  cpu?(): number;
  /**
   * Takes a key for evaluating, for so many milliseconds: true where nobody else in the fleet has it, false where somebody
   * has, undefined where that can't be told. A level without it shares no evaluations.
   */
  claim?(key: string, ms: number): Promise<boolean | undefined>;
  close(): Promise<void>;
}

/** What happened at a level, for metrics: counts only. */
export type CacheEvent = "hit" | "miss" | "timeout" | "unauthentic" | "error" | "skipped";
