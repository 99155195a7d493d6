import { LRUCache } from "lru-cache";
import type { CachedResult, CacheLevelStore } from "./cache.js";

export interface MemoryCacheLimits {
  readonly maxEntries: number;
  /** Bytes, estimated: twice the characters of key and result. */
  readonly maxBytes: number;
}

export interface MemoryCache extends CacheLevelStore {
  get(key: string, now: number): CachedResult | undefined;
}

/**
 * Creates a bounded LRU cache in this process; a hit costs no promise.
 *
 * INVARIANT: one object answers many requests, so it is frozen all through: no request can change another's decision.
 */
export function createMemoryCache({ maxEntries, maxBytes }: MemoryCacheLimits): MemoryCache {
  const entries = new LRUCache<string, CachedResult>({ max: maxEntries, maxSize: maxBytes });
  return {
    get(key, now) {
      const found = entries.get(key);
      if (found === undefined || found.expiresAt > now) return found;
      entries.delete(key);
      return undefined;
    },
    set(key, value, now) {
      if (!(value.expiresAt > now)) return;
      entries.set(key, value, { size: 2 * (key.length + freeze(value)) + 200 });
    },
    close() {
      entries.clear();
      return Promise.resolve();
    },
  };
}

/** Freezes a value all through; gives about as many characters as its JSON has. */
function freeze(value: unknown): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "object" || value === null) return 8;
  let size = 2;
  if (Array.isArray(value)) for (const item of value) size += freeze(item) + 1;
  else for (const [name, member] of Object.entries(value)) size += name.length + 4 + freeze(member);
  Object.freeze(value);
  return size;
}
