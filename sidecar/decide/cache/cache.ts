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

/** One level of the cache. A fault is a miss; nothing here throws or rejects. */
export interface CacheLevelStore {
  get(key: string, now: number): CachedResult | undefined | Promise<CachedResult | undefined>;
  set(key: string, value: CachedResult, now: number): void;
  /** Tells whether asking has a point now; a level without it always has. */
  available?(now: number): boolean;
  close(): Promise<void>;
}

/** What happened at a level, for metrics: counts only. */
export type CacheEvent = "hit" | "miss" | "timeout" | "unauthentic" | "error" | "skipped";
