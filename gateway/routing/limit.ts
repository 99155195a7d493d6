export interface Limits {
  readonly signal: AbortSignal;
  /** Aborts after a while, unless what it gives is called before. */
  after(ms: number): () => void;
  /** Tells whether a time was up. */
  timedOut(): boolean;
  clear(): void;
}

/** No time is up where none is set: then the other signal will do. */
const unlimited = { after: () => () => undefined, timedOut: () => false, clear: () => undefined };

/**
 * Makes a signal that aborts with another one, or when a time is up.
 * @param timed whether a time is to be set
 */
export function limit(outer: AbortSignal, timed = true): Limits {
  if (!timed) return { ...unlimited, signal: outer };
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
