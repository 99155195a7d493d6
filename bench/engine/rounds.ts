/**
 * Measures several ways to do the same thing in turn, so that noise of the machine meets all of them. What is measured is
 * CPU time, of all threads: a core that others use, too, makes everything take longer, and cost little more.
 */

/** One way to evaluate a policy. */
export interface Contestant {
  readonly name: string;
  /** Evaluates so many times; gives the microseconds of CPU that it took altogether. */
  run(times: number): number | Promise<number>;
}

/** Microseconds of CPU per evaluation over the rounds. */
export interface Sample {
  readonly median: number;
  readonly fastest: number;
  readonly slowest: number;
}

export interface Rounds {
  readonly rounds: number;
  /** Length of one contestant's turn, milliseconds. */
  readonly ms: number;
  /** Milliseconds before anything counts: V8 compiles WebAssembly again while it is hot. */
  readonly warmMs: number;
}

/** Measures A B C, A B C, …; medians of the rounds, by the contestant's name. */
export async function interleave(
  contestants: readonly Contestant[],
  { rounds, ms, warmMs }: Rounds,
): Promise<ReadonlyMap<string, Sample>> {
  const turns = new Map<Contestant, number>();
  for (const one of contestants) {
    let times = 1;
    let took = 0;
    for (let total = 0; total < warmMs * 1_000; total += took) {
      took = await one.run(times);
      if (took < (ms * 1_000) / 4) times *= 2;
    }
    turns.set(one, Math.max(1, Math.round((times * ms * 1_000) / took)));
  }
  const measured = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  const order = [...turns];
  // the first round doesn't count: what was compiled while another one had the core isn't warm yet
  for (let round = -1; round < rounds; round++) {
    for (const [one, times] of order) {
      const took = (await one.run(times)) / times;
      if (round >= 0) measured.get(one.name)?.push(took);
    }
    // who follows a server finds cold caches: each takes its turn at that
    order.push(...order.splice(0, 1));
  }
  return new Map([...measured].map(([name, values]) => [name, sampleOf(values)]));
}

/** Takes the median and the ends. */
export function sampleOf(values: readonly number[]): Sample {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: sorted[Math.floor(sorted.length / 2)] ?? NaN,
    fastest: sorted[0] ?? NaN,
    slowest: sorted.at(-1) ?? NaN,
  };
}

/** CPU time of this process so far, all threads, microseconds. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** A contestant that does one thing again and again; what it promises is waited for. */
export function timed(name: string, one: () => unknown): Contestant {
  return {
    name,
    async run(times) {
      const from = cpuMicros();
      for (let i = 0; i < times; i++) {
        const pending = one();
        if (pending instanceof Promise) await pending;
      }
      return cpuMicros() - from;
    },
  };
}
