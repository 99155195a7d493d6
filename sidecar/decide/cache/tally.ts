/** Counts what became of an entrypoint's lookups, and what its evaluations cost. */
import { Splits } from "./splits.js";

/** Why a question went past the cache, or its result wasn't kept. */
export const bypassReasons = [
  /** The cache is off, or there is no input. */
  "off",
  "no_input",
  /** A built-in whose result isn't a function of its arguments. */
  "nondeterministic",
  /** A bundle that says nothing of what it reads. */
  "foreign",
  /** METADATA says 0. */
  "ttl",
  /** METADATA keeps results to a subject or a task, and the asker names none. */
  "scope",
  /** The result's own `ttl` is 0, or what it rests on is over at once. */
  "result_ttl",
  "undefined",
  "failed",
  /** The data changed while it was evaluated. */
  "changed",
  "too_large",
] as const;
export type BypassReason = (typeof bypassReasons)[number];

/** Steps of the histogram within a doubling. */
const steps = 4;
/** Up to 2^32 microseconds. */
const buckets = 32 * steps;
/** The first lookups are all looked at closely, then one of this many. INVARIANT: a power of two. */
const sampled = 128;
const firstSampled = 1_000;

/** One entrypoint's figures. Doors count their own hits: `tally.l1++`. */
export class Tally {
  /** Hits by level. */
  l1 = 0;
  l2 = 0;
  /** Lookups that found nothing. */
  misses = 0;
  /** Hits that were taken for misses, so that the result is renewed before its time is over. */
  early = 0;
  /** What misses were about. */
  readonly splits = new Splits();
  readonly bypassed = new Map<BypassReason, number>();
  evaluations = 0;
  /** Microseconds, together. */
  spent = 0;
  readonly #histogram = new Uint32Array(buckets);
  #turn = 0;

  bypass(reason: BypassReason): void {
    this.bypassed.set(reason, (this.bypassed.get(reason) ?? 0) + 1);
  }

  evaluated(micros: number): void {
    this.evaluations++;
    this.spent += micros;
    const at = micros < 1 ? 0 : Math.min(buckets - 1, Math.floor(Math.log2(micros) * steps));
    this.#histogram[at] = (this.#histogram[at] ?? 0) + 1;
  }

  /** Tells whether this lookup is one to be looked at closely. */
  due(): boolean {
    const turn = ++this.#turn;
    return turn <= firstSampled || (turn & (sampled - 1)) === 0;
  }

  /** Microseconds that so large a part of evaluations didn't exceed, within 19 %. */
  quantile(part: number): number {
    let left = part * this.evaluations;
    for (let at = 0; at < buckets; at++) {
      left -= this.#histogram[at] ?? 0;
      if (left <= 0 && this.evaluations > 0) return 2 ** ((at + 1) / steps);
    }
    return 0;
  }
}

/** Entrypoints that are counted, at most: they come and go with bundles. */
const mostTallies = 4_096;

/** Gives each entrypoint's tally, the same as long as there aren't too many. */
export function createTallies(): { of(entrypoint: string): Tally; all(): ReadonlyMap<string, Tally> } {
  const tallies = new Map<string, Tally>();
  return {
    of(entrypoint) {
      const known = tallies.get(entrypoint);
      if (known !== undefined) return known;
      if (tallies.size >= mostTallies) tallies.clear();
      const made = new Tally();
      tallies.set(entrypoint, made);
      return made;
    },
    all: () => tallies,
  };
}
