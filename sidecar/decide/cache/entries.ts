import type { Kept } from "./cache.js";
import type { Payer, SharedOutcome } from "./outcomes.js";
import type { Holder } from "./shares.js";

/** One key's result. The list's own fields are changed by this folder alone. */
export class Entry implements Kept {
  /** Asked for since the hand passed. */
  used = false;
  newer: Entry | undefined;
  older: Entry | undefined;
  constructor(
    readonly id: string,
    /** Of the id: where it stands in the map. */
    readonly hash: number,
    readonly tenant: Tenant,
    readonly outcome: SharedOutcome,
    readonly expiresAt: number,
    readonly bytes: number,
  ) {}
  get result(): Kept["result"] {
    return this.outcome.result;
  }
  get rules(): Kept["rules"] {
    return this.outcome.rules;
  }
}

/** A tenant's entries from the newest to the oldest, and what they take together. */
export class Tenant implements Holder, Payer {
  rank = -1;
  above: Holder | undefined;
  below: Holder | undefined;
  readonly outcomes = new Map<number, SharedOutcome>();
  newest: Entry | undefined;
  oldest: Entry | undefined;
  /** Where the search for what wasn't asked for goes on. */
  hand: Entry | undefined;
  constructor(
    readonly name: string,
    public bytes: number,
  ) {}
}

/** Entries that a search passes at most: a flood that asks for all of them doesn't make one search long. */
const mostPassed = 64;

/** Puts an entry before all others. */
export function insert(entry: Entry): void {
  const { tenant } = entry;
  entry.older = tenant.newest;
  if (tenant.newest !== undefined) tenant.newest.newer = entry;
  tenant.newest = entry;
  tenant.oldest ??= entry;
}

/** Takes an entry out. */
export function remove(entry: Entry): void {
  const { tenant, newer, older } = entry;
  if (newer === undefined) tenant.newest = older;
  else newer.older = older;
  if (older === undefined) tenant.oldest = newer;
  else older.newer = newer;
  if (tenant.hand === entry) tenant.hand = newer;
  entry.newer = entry.older = undefined;
}

/**
 * Finds the entry to give up: the oldest where its time is over, else one that wasn't asked for since the hand passed it.
 * Source: SIEVE (Zhang et al., NSDI 2024), which keeps more of what is asked for often than LRU, and moves nothing on a hit.
 */
export function findVictim(tenant: Tenant, now: number): Entry | undefined {
  const { oldest } = tenant;
  if (oldest === undefined || oldest.expiresAt <= now) return oldest;
  let at = tenant.hand ?? oldest;
  for (let passed = 0; at.used && passed < mostPassed; passed++) {
    at.used = false;
    at = at.newer ?? oldest;
  }
  tenant.hand = at;
  return at;
}
