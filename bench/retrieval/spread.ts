/** Says a figure with its spread over the rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: sorted[Math.floor(sorted.length / 2)] ?? NaN,
    least: sorted[0] ?? NaN,
    most: sorted.at(-1) ?? NaN,
  };
}

/** Of what was measured in the same rounds. */
export function ratios<One>(of: readonly One[], to: readonly One[], pick: (one: One) => number): Spread {
  return spreadOf(of.map((one, i) => pick(one) / pick(to[i] ?? one)));
}

/** Draws `median (least–most)`. */
export function draw({ median, least, most }: Spread, write: (value: number) => string): string {
  return `${write(median)} (${write(least)}–${write(most)})`;
}
