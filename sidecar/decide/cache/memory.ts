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

/** Creates a bounded LRU cache in this process; a hit costs no promise. */
export function createMemoryCache({ maxEntries, maxBytes }: MemoryCacheLimits): MemoryCache {
  const entries = new LRUCache<string, CachedResult>({
    max: maxEntries,
    maxSize: maxBytes,
    sizeCalculation: ({ result, rules }, key) =>
      2 * (key.length + JSON.stringify([result, rules]).length) + 200,
  });
  return {
    get(key, now) {
      const found = entries.get(key);
      if (found === undefined || found.expiresAt > now) return found;
      entries.delete(key);
      return undefined;
    },
    set(key, value, now) {
      if (value.expiresAt > now) entries.set(key, value);
    },
    close() {
      entries.clear();
      return Promise.resolve();
    },
  };
}
