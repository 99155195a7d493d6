import { LRUCache } from "lru-cache";
import { atMost } from "../../at-most.js";
import type { StoreAnswer } from "../adapter.js";
import type { StoreConfig } from "../config.js";

/** What stores said lately of how they address their collections ({@link SentRequest.addressed}). */
export interface Addresses {
  get(store: StoreConfig, path: string): StoreAnswer | undefined;
  keep(store: StoreConfig, path: string, answer: StoreAnswer): void;
  drop(store: StoreConfig, path: string): void;
}

/**
 * Keeps addresses for a few seconds: what a name stands for can change at the store, and must be seen soon.
 * @param forMs how long one counts
 */
export function createAddresses(clock: () => number, forMs = 5_000): Addresses {
  const kept = new LRUCache<string, { readonly answer: StoreAnswer; readonly until: number }>(atMost(10_000));
  const key = ({ name, upstream }: StoreConfig, path: string): string =>
    JSON.stringify([name, String(upstream.url), path]);
  return {
    get(store, path) {
      const found = kept.get(key(store, path));
      return found === undefined || found.until <= clock() ? undefined : found.answer;
    },
    keep(store, path, { status, value }) {
      kept.set(key(store, path), { answer: { status, value }, until: clock() + forMs });
    },
    drop(store, path) {
      kept.delete(key(store, path));
    },
  };
}
