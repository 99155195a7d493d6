import { createHash } from "node:crypto";
import type { CachedResult, CacheLevelStore, Kept, Outcome, Preparation, Prepared } from "./cache.js";
import { Entry, findVictim, insert, remove, Tenant } from "./entries.js";
import type { HashText } from "./hash.js";
import { createTextHash } from "./hash.js";
import { attach, hold, outcomeOf, release, SharedOutcome } from "./outcomes.js";
import { createRanking } from "./shares.js";
import { weighText } from "./weigh.js";

export interface MemoryCacheLimits {
  /** Each entry counts for at least its part of the bytes, so that there are never more. */
  readonly maxEntries: number;
  /** Bytes of the process's heap. */
  readonly maxBytes: number;
  /** Finds the place of a key; one with a secret of its own unless given. */
  readonly hash?: HashText;
}

export interface MemoryCache extends CacheLevelStore {
  /** Gives what is kept under a key and still counts, and notes that it was asked for. */
  get(key: string, now: number): Kept | undefined;
  /** Keeps a result on a tenant's account; gives it as it is kept, or would be where it is too large or over. */
  set(key: string, value: CachedResult, now: number, tenant?: string): Kept;
  /** Adds a kind of thing that is kept with outcomes, as long as they are. */
  prepare<T>(make: (outcome: Outcome) => Prepared<T>): Preparation<T>;
  /** Forgets all. */
  clear(): void;
  figures(): MemoryFigures;
}

export interface MemoryFigures {
  readonly entries: number;
  /** As accounted, of `maxBytes`. */
  readonly bytes: number;
  readonly tenants: number;
  /** Entries that made room for others, since the start. */
  readonly evicted: number;
  /** Results that weren't kept because of their size, since the start. */
  readonly refused: number;
}

/** The part of the bytes that one entry, its outcome, or what was prepared of it may take. */
const largest = 8;
/** What an entry takes besides its key: the object with its time, and its place in the map. */
const entryBytes = 184;
/** What a tenant takes: the object, its map of outcomes and its place in another. */
const tenantBytes = 640;
/** Keys with more characters are kept by their SHA-256: they would take too much, and the hash doesn't look at all of them. */
const longKey = 8_192;
/** Entries looked at per new one for whether their time is over. */
const sweptPerEntry = 4;

/**
 * Creates a bounded cache in this process; a hit costs no promise. A key is found by a hash with a secret (hash.ts) and compared
 * whole; of two keys with one hash one is kept. So a hash that is met on purpose costs no time, and gives no wrong answer.
 *
 * INVARIANT: what is given up is the most used tenant's: none that has less than its even part (1.1 % of doubt: shares.ts) loses
 * anything to another. All that a tenant makes us keep is on its own account: keys, outcomes, and what is prepared of these.
 */
export function createMemoryCache(limits: MemoryCacheLimits): MemoryCache {
  const { maxEntries, maxBytes, hash: hashOf = createTextHash() } = limits;
  const entries = new Map<number, Entry>();
  const tenants = new Map<string, Tenant>();
  const ranking = createRanking<Tenant>();
  const least = Math.ceil(maxBytes / (maxEntries + 1));
  const most = Math.floor(maxBytes / largest);
  let bytes = 0;
  let evicted = 0;
  let refused = 0;
  let preparations = 0;
  let sweep = tenants.values();

  const charge = (tenant: Tenant, change: number): void => {
    tenant.bytes += change;
    bytes += change;
    ranking.moved(tenant);
  };
  const drop = (entry: Entry): void => {
    const { tenant, outcome } = entry;
    entries.delete(entry.hash);
    remove(entry);
    const freed = entry.bytes + release(outcome);
    if (tenant.newest !== undefined) return charge(tenant, -freed);
    bytes -= tenant.bytes;
    tenants.delete(tenant.name);
    ranking.removed(tenant);
  };
  const makeRoom = (now: number): void => {
    while (bytes > maxBytes) {
      const tenant = ranking.largest();
      const victim = tenant === undefined ? undefined : findVictim(tenant, now);
      if (victim === undefined) return;
      if (victim.expiresAt > now) evicted++;
      drop(victim);
    }
  };
  /** Looks at another tenant's oldest entries each time, so that what is over makes room though nobody asks for it. */
  const sweepOne = (now: number): void => {
    let { value: tenant } = sweep.next();
    if (tenant === undefined) {
      sweep = tenants.values();
      ({ value: tenant } = sweep.next());
    }
    for (let n = 0; n < sweptPerEntry && tenant?.oldest !== undefined; n++) {
      if (tenant.oldest.expiresAt > now) return;
      drop(tenant.oldest);
    }
  };
  const tenantOf = (name: string): Tenant => {
    const known = tenants.get(name);
    if (known !== undefined) return known;
    const cost = tenantBytes + weighText(name);
    const made = new Tenant(name, cost);
    tenants.set(name, made);
    bytes += cost;
    ranking.moved(made);
    return made;
  };
  const clear = (): void => {
    entries.clear();
    // what doors still hold is no longer on an account
    for (const { outcomes } of tenants.values()) for (const one of outcomes.values()) one.refs = 0;
    tenants.clear();
    ranking.clear();
    sweep = tenants.values();
    bytes = 0;
  };

  return {
    get(key, now) {
      const id = idOf(key);
      const entry = entries.get(hashOf(id));
      if (entry?.id !== id) return undefined;
      if (entry.expiresAt > now) {
        entry.used = true;
        return entry;
      }
      drop(entry);
      return undefined;
    },
    set(key, value, now, name = "") {
      const id = idOf(key);
      const hash = hashOf(id);
      const { expiresAt } = value;
      const before = entries.get(hash);
      const used = before?.id === id && before.used;
      // INVARIANT: a tenant that meets another's hash takes nothing from it
      const isTaken = before !== undefined && before.tenant.name !== name && before.expiresAt > now;
      if (before !== undefined && !isTaken) drop(before);
      const known = tenants.get(name);
      const tenant = known ?? new Tenant(name, 0);
      const outcome = outcomeOf(tenant, value, hashOf);
      const taken = entryBytes + weighText(id);
      const size = Math.max(least, taken);
      const fits = taken + (outcome.refs > 0 ? 0 : outcome.bytes) <= most;
      if (!(expiresAt > now) || !fits || isTaken) {
        if (expiresAt > now) refused++;
        return { result: outcome.result, rules: outcome.rules, expiresAt, outcome };
      }
      sweepOne(now);
      const owner = tenantOf(name);
      // the sweep may have let the tenant go
      const shared = owner === tenant ? outcome : outcomeOf(owner, value, hashOf);
      const entry = new Entry(id, hash, owner, shared, expiresAt, size);
      entry.used = used;
      entries.set(hash, entry);
      insert(entry);
      charge(owner, size + hold(shared));
      makeRoom(now);
      return entry;
    },
    prepare<T>(make: (outcome: Outcome) => Prepared<T>): Preparation<T> {
      const slot = preparations++;
      return (outcome) => {
        if (!(outcome instanceof SharedOutcome)) return make(outcome).value;
        const known = outcome.prepared?.[slot];
        // a slot holds what its own preparation made
        if (known !== undefined) return known as T;
        const made = make(outcome);
        const tenant = outcome.payer;
        if (outcome.refs > 0 && tenant instanceof Tenant && outcome.bytes + made.bytes <= most) {
          attach(outcome, slot, made);
          charge(tenant, made.bytes);
          makeRoom(-Infinity);
        }
        return made.value;
      };
    },
    clear,
    figures: () => ({ entries: entries.size, bytes, tenants: tenants.size, evicted, refused }),
    close() {
      clear();
      return Promise.resolve();
    },
  };
}

/** Gives what a key is kept by. A key begins with a quotation mark: none is a digest of another. */
function idOf(key: string): string {
  return key.length <= longKey ? key : `#${createHash("sha256").update(key, "utf16le").digest("base64")}`;
}
