/** Until when what a policy read of the clock stays the same. */

/** Shortened by each look at the clock. */
export interface Bounds {
  /**
   * Epoch milliseconds. INVARIANT: rounded down, so that what was read is the same at every instant from the decision's own
   * until before this one, as long as the clock isn't set back.
   */
  until: number;
}

export function createBounds(): Bounds {
  return { until: Infinity };
}

const perMs = 1_000_000n;
/** Milliseconds that are left on each side, for what doubles lose of nanoseconds since 1970. */
const slack = 0.001;

/**
 * Notes that the result is another one from a moment on which lies between two distances from now (milliseconds, below zero for
 * the past). Where that may be now, the result is good for this very instant only.
 */
export function noteMoment(bounds: Bounds, nowNs: bigint, least: number, most: number): void {
  if (most < -slack) return;
  if (least <= slack) return noteUnknown(bounds, nowNs);
  bounds.until = Math.min(bounds.until, Math.floor(Number(nowNs) / 1e6 + least - slack));
}

/** Notes that the result may be another one so many nanoseconds from now. */
export function noteDistance(bounds: Bounds, nowNs: bigint, ns: bigint): void {
  bounds.until = Math.min(bounds.until, Number(floorMs(nowNs + ns)));
}

/** Notes that the result is good for this very instant only. */
export function noteUnknown(bounds: Bounds, nowNs: bigint): void {
  noteDistance(bounds, nowNs, 0n);
}

function floorMs(ns: bigint): bigint {
  const ms = ns / perMs;
  return ns < 0n && ms * perMs !== ns ? ms - 1n : ms;
}
