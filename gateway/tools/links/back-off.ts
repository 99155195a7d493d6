/** Waits longer and longer between tries that fail. */
export interface BackOff {
  /** Milliseconds until the next try may be made; each is longer than the one before, up to a limit. */
  next(): number;
  /** Begins anew, after something went well. */
  reset(): void;
}

/** @param random from 0 up to 1: those that fail together don't all come back together */
export function createBackOff(minMs: number, maxMs: number, random: () => number): BackOff {
  let failures = 0;
  return {
    next() {
      const ms = Math.min(maxMs, minMs * 2 ** Math.min(failures++, 30));
      return Math.round(ms * (0.75 + random() / 4));
    },
    reset() {
      failures = 0;
    },
  };
}
