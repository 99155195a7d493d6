/** Summarises times. */
export interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
  readonly count: number;
}

export function summarise(times: readonly number[]): Times {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), most: at(1), count: sorted.length };
}

/** Draws a number of milliseconds. */
export const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
