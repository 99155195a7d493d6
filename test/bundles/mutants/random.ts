/** Chances that come out the same for the same seed. */
export interface Random {
  /** A whole number from 0, below `end`. */
  below(end: number): number;
  one<T>(of: readonly T[]): T;
}

/** Source: mulberry32, public domain. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return {
    below,
    one<T>(of: readonly T[]): T {
      return of[below(of.length)] as T;
    },
  };
}
