/** Bounds the values of metric labels: a known set, or the first N learned; the rest is "other". */
export interface LabelSet {
  /** Gives the label value to use for `value`. */
  of(value: string): string;
}

/** Characters that codes, rule ids, bundle names and revisions may have; anything else is not learned. */
const plain = /^[A-Za-z0-9_.:/@+-]{1,128}$/;

/** Lets only the listed values through. */
export function knownLabels(values: Iterable<string>): LabelSet {
  const known = new Set(values);
  return { of: (value) => (known.has(value) ? value : "other") };
}

/**
 * Lets the `seed` through, and the first `limit` distinct further values.
 * For values that policy authors or operators choose; never for what a caller sends.
 */
export function learnedLabels(limit: number, seed: Iterable<string> = []): LabelSet {
  const known = new Set(seed);
  const most = known.size + limit;
  return {
    of: (value) => {
      if (known.has(value)) return value;
      if (known.size >= most || !plain.test(value)) return "other";
      known.add(value);
      return value;
    },
  };
}
