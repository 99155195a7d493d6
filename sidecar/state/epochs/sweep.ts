/** Forgets bumps on which nothing depends any more. */
import type { Bump } from "./epochs.js";
import type { EpochTable } from "./table.js";
import { everything } from "./table.js";

export interface SweepParts {
  readonly table: EpochTable;
  /** Longest life of anything that is kept, milliseconds. */
  readonly longestMs: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
}

export interface Sweep {
  /** Tells whether nothing depends on a bump: all that was kept before it is over, or one of everything came after. */
  isOver(bump: Bump, now: number): boolean;
  sweep(now: number): void;
}

/** Milliseconds that the clocks of a fleet may be apart. */
const skewMs = 600_000;

export function createSweep({ table, longestMs, clock }: SweepParts): Sweep {
  /** When a bump was first looked at, by a clock that nobody sets. */
  const seen = new WeakMap<Bump, number>();
  const isOver = (bump: Bump, now: number): boolean => {
    if (bump.match.everything !== undefined) return false;
    if (bump.number < (table.get(everything)?.number ?? 0)) return true;
    return bump.at + longestMs + skewMs < now;
  };
  return {
    isOver,
    sweep(now) {
      const at = clock();
      const last = table.get(everything)?.number ?? 0;
      for (const bump of table.all()) {
        if (!seen.has(bump)) seen.set(bump, at);
        // INVARIANT: a clock that was set forward and back brings back what had expired: it doesn't find an old epoch, too
        const isOld = at - (seen.get(bump) ?? at) > longestMs;
        if (isOver(bump, now) && (isOld || bump.number < last)) table.forget(bump);
      }
    },
  };
}
