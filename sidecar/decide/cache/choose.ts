/** Chooses for each entrypoint whether what a fleet shares is asked before evaluating. */

export interface Chooser {
  /** Tells whether Redis is asked, and told. */
  pays(entrypoint: string): boolean;
  /** Tells whether this lookup asks Redis though it isn't known to pay: to measure it. */
  samples(entrypoint: string, at: number): boolean;
  /** Notes that a lookup begins; the same lookup's end is noted by {@link Chooser.asked}. */
  begins(at: number): void;
  /** Notes what asking took, microseconds, and whether there was something. */
  asked(entrypoint: string, micros: number, found: boolean, at: number): void;
  /** Notes what an evaluation took, microseconds. */
  evaluated(entrypoint: string, micros: number): void;
  /** Microseconds that an evaluation takes; 0 until that is known. */
  costOf(entrypoint: string): number;
  /** The choice for each entrypoint that was evaluated. */
  choices(): ReadonlyMap<string, boolean>;
}

export interface ChooserParts {
  readonly mode: "auto" | "always" | "never";
  /** Microseconds of CPU that one lookup takes, as measured. */
  readonly cpu: () => number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

interface Known {
  evaluations: number;
  /** Microseconds. */
  cost: number;
  /** The part of lookups in Redis that find something. */
  ratio: number;
  /** When it was found not to pay, for want of hits. */
  barrenAt: number | undefined;
}

/** Weight of the newest measurement. */
const weight = 0.05;
const ratioWeight = 0.02;
/** Evaluations before anything is chosen; of so many, the least counts: the first ones are those of cold code. */
const fewest = 3;
const first = 16;
/** A longer one counts as so many times what is known: a pause of the process is no evaluation. */
const most = 4;
/** What asking is taken to cost until it has been measured, microseconds. */
const assumedWait = 200;
/** Milliseconds after which a measurement of Redis is old: one lookup then asks it, whatever it is taken to cost. */
const staleAfter = 10_000;
/** Milliseconds after which what hardly ever found anything is tried again. */
const triedAgainAfter = 60_000;
/** It pays where it saves at least so many times what it takes. */
const margin = 2;
const mostEntrypoints = 4_096;

/**
 * Creates what chooses. With `auto` Redis is asked where, of an evaluation's time, the part that hits save is at least twice
 * what a lookup takes: of the CPU, and of waiting. The shortest wait of late counts: a longer one is that of a busy process, which
 * evaluating would keep waiting, too.
 */
export function createChooser({ mode, cpu, now }: ChooserParts): Chooser {
  const known = new Map<string, Known>();
  let measuredAt = now();
  let [wait, nextWait] = [assumedWait, Infinity];
  let nextSince = measuredAt;

  const of = (entrypoint: string): Known => {
    let one = known.get(entrypoint);
    if (one === undefined) {
      if (known.size >= mostEntrypoints) known.clear();
      one = { evaluations: 0, cost: 0, ratio: 1, barrenAt: undefined };
      known.set(entrypoint, one);
    }
    return one;
  };

  const pays = (entrypoint: string): boolean => {
    if (mode !== "auto") return mode === "always";
    const one = known.get(entrypoint);
    if (one === undefined || one.evaluations < fewest) return false;
    const price = margin * Math.max(cpu(), wait);
    if (one.cost <= price) return false;
    if (one.ratio * one.cost > price) return true;
    const at = now();
    one.barrenAt ??= at;
    if (Math.abs(at - one.barrenAt) < triedAgainAfter) return false;
    one.barrenAt = undefined;
    one.ratio = Math.min(1, (2 * price) / one.cost);
    return true;
  };

  // without this a Redis that was once slow would never be asked again
  const isStale = (at: number): boolean => at < measuredAt || at - measuredAt >= staleAfter;

  return {
    pays,
    samples: (entrypoint, at) =>
      mode === "auto" && isStale(at) && (known.get(entrypoint)?.evaluations ?? 0) >= fewest,
    begins(at) {
      // from its beginning, so that no second lookup samples beside this one
      measuredAt = at;
    },
    asked(entrypoint, micros, found, at) {
      const one = of(entrypoint);
      one.ratio += ratioWeight * ((found ? 1 : 0) - one.ratio);
      nextWait = Math.min(nextWait, micros);
      if (wait === assumedWait || micros < wait) wait = micros;
      if (at >= nextSince && at - nextSince < staleAfter) return;
      // what was the shortest of ten seconds is forgotten after the next ten
      wait = nextWait;
      nextWait = Infinity;
      nextSince = at;
    },
    evaluated(entrypoint, micros) {
      const one = of(entrypoint);
      one.evaluations++;
      if (one.evaluations === 1) one.cost = micros;
      else if (one.evaluations <= first) one.cost = Math.min(one.cost, micros);
      else one.cost += weight * (Math.min(micros, most * one.cost) - one.cost);
    },
    costOf: (entrypoint) => known.get(entrypoint)?.cost ?? 0,
    choices: () => new Map([...known.keys()].map((entrypoint) => [entrypoint, pays(entrypoint)])),
  };
}
