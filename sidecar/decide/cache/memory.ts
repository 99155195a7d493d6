import { LRUCache } from "lru-cache";
import type { Json } from "../../contract.js";
import { stringifyJson } from "../../contract.js";
import type { CachedResult, CacheLevelStore } from "./cache.js";

export interface MemoryCacheLimits {
  readonly maxEntries: number;
  /** Bytes, estimated: twice the characters of keys and of results, of which equal ones count once. */
  readonly maxBytes: number;
}

export interface MemoryCache extends CacheLevelStore {
  get(key: string, now: number): CachedResult | undefined;
}

/** What a decision came to; many come to the same. */
type Outcome = Pick<CachedResult, "result" | "rules">;

/** The part of the bytes that outcomes may take. */
const share = 4;
/** What an entry takes besides its texts. */
const overhead = 200;

/**
 * Creates a bounded LRU cache in this process; a hit costs no promise.
 *
 * INVARIANT: one object answers many requests, so it is frozen all through: no request can change another's decision.
 */
export function createMemoryCache({ maxEntries, maxBytes }: MemoryCacheLimits): MemoryCache {
  const forOutcomes = Math.max(1, Math.floor(maxBytes / share));
  const entries = new LRUCache<string, CachedResult>({
    max: maxEntries,
    maxSize: Math.max(1, maxBytes - forOutcomes),
  });
  const outcomes = new LRUCache<string, Outcome>({ max: maxEntries, maxSize: forOutcomes });

  /** Gives the one object for all outcomes that are equal, and what it adds to an entry where it can't be shared. */
  const shared = ({ result, rules }: CachedResult): { readonly outcome: Outcome; readonly size: number } => {
    const text = stringifyJson([result, rules as Json[]]);
    const known = outcomes.get(text);
    if (known !== undefined) return { outcome: known, size: 0 };
    const outcome = freeze({ result, rules });
    outcomes.set(text, outcome, { size: 4 * text.length + overhead });
    return { outcome, size: outcomes.has(text) ? 0 : 2 * text.length };
  };
  return {
    get(key, now) {
      const found = entries.get(key);
      if (found === undefined || found.expiresAt > now) return found;
      entries.delete(key);
      return undefined;
    },
    set(key, value, now) {
      const { expiresAt } = value;
      if (!(expiresAt > now)) return;
      const { outcome, size } = shared(value);
      const entry = Object.freeze({ result: outcome.result, rules: outcome.rules, expiresAt });
      entries.set(joined(key), entry, { size: 2 * key.length + size + overhead });
    },
    close() {
      entries.clear();
      outcomes.clear();
      return Promise.resolve();
    },
  };
}

/**
 * Copies a key to one piece. It is put together from many, and V8 keeps it as the tree of them: ten times its characters,
 * measured on the shipped policies.
 */
function joined(key: string): string {
  return JSON.parse(JSON.stringify(key)) as string;
}

/** Freezes a value all through. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}
