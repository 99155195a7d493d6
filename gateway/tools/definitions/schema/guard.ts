import { createContext, Script } from "node:vm";

/**
 * Runs code of ours on what a stranger wrote, no longer than `ms` milliseconds.
 * @throws Error where the time is up, and what `run` throws
 */
export type Guard = <T>(run: () => T, ms: number) => T;

const mostTries = 3;

/**
 * Runs what may be begun anew after it was stopped anywhere: three times at most, where the time passed while the processor
 * did something else, as it does on a machine that pauses.
 * @throws Error where it took its time of the processor, too, and what `run` throws
 */
export function guardAnew<T>(guard: Guard, run: () => T, ms: number): T {
  for (let tries = 1; ; tries++) {
    const before = process.cpuUsage();
    try {
      return guard(run, ms);
    } catch (error) {
      const { user, system } = process.cpuUsage(before);
      const paused = user + system < ms * 500;
      if (!paused || !isTimeout(error) || tries === mostTries) throw error;
    }
  }
}

const isTimeout = (error: unknown): boolean =>
  (error as { code?: unknown } | undefined)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";

/** Creates a guard: a watchdog ends what runs too long, within a match of a regular expression, too. Costs some 80 µs a time. */
export function createGuard(): Guard {
  const script = new Script("run()");
  const place: { run: () => void } = { run: () => undefined };
  const context = createContext(place);
  return (run, ms) => {
    const done: { value: ReturnType<typeof run> }[] = [];
    place.run = () => {
      done.push({ value: run() });
    };
    try {
      script.runInContext(context, { timeout: ms });
    } finally {
      place.run = () => undefined;
    }
    const [one] = done;
    if (one === undefined) throw new Error("ended before its time");
    return one.value;
  };
}
