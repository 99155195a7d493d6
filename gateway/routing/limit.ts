export interface Limits {
  readonly signal: AbortSignal;
  /** Aborts after a while, unless what it gives is called before. */
  after(ms: number): () => void;
  /** Tells whether a time was up. */
  timedOut(): boolean;
  clear(): void;
}

/** Makes a signal that aborts with another one, or when a time is up. */
export function limit(outer: AbortSignal): Limits {
  const own = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  let up = false;
  const follow = (): void => {
    own.abort();
  };
  if (outer.aborted) follow();
  outer.addEventListener("abort", follow, { once: true });
  return {
    signal: own.signal,
    after(ms) {
      const timer = setTimeout(() => {
        up = true;
        own.abort();
      }, ms);
      timers.add(timer);
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    timedOut: () => up,
    clear() {
      outer.removeEventListener("abort", follow);
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
