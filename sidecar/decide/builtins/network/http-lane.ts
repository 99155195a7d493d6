/** There is no room to wait. */
export class Overloaded extends Error {
  override readonly name = "Overloaded";
}

/** Lets so many pieces of work run at once, and so many wait. */
export interface Lane {
  /**
   * Runs work in its turn; what it throws is passed on.
   * @throws Overloaded at once where too many wait; the signal's reason where it ends while waiting
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Creates a lane. */
export function createLane({ atOnce, waiting }: { readonly atOnce: number; readonly waiting: number }): Lane {
  let running = 0;
  // insertion order is the turn
  const queue = new Set<() => void>();

  const turn = (signal: AbortSignal | undefined): Promise<void> => {
    if (running < atOnce) {
      running++;
      return Promise.resolve();
    }
    if (queue.size >= waiting) return Promise.reject(new Overloaded("too many requests wait"));
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        queue.delete(start);
        reject(new Error("the wait was given up"));
      };
      queue.add(start);
      signal?.addEventListener("abort", leave, { once: true });
    });
  };
  const next = (): void => {
    const [start] = queue;
    if (start === undefined) running--;
    else {
      queue.delete(start);
      start();
    }
  };

  return {
    async run(work, signal) {
      await turn(signal);
      try {
        return await work();
      } finally {
        next();
      }
    },
  };
}
