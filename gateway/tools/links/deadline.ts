/** Ends what is under way when its time is over, or when nobody waits for it any more. */
import { setMaxListeners } from "node:events";

export interface Deadline {
  readonly signal: AbortSignal;
  /** Why it ended; undefined while it hasn't. */
  why(): "timeout" | "aborted" | undefined;
  /** Ends what is under way. */
  abort(): void;
  /** Lets go of the clock and the signals; what is under way may go on. */
  settle(): void;
}

/** @param ms milliseconds; undefined: as long as it takes */
export function createDeadline(signals: readonly AbortSignal[], ms?: number): Deadline {
  const own = new AbortController();
  let why: "timeout" | "aborted" | undefined;
  const end = (because: "timeout" | "aborted"): void => {
    why ??= because;
    settle();
    own.abort();
  };
  const abort = (): void => {
    end("aborted");
  };
  const timer = ms === undefined ? undefined : setTimeout(end, ms, "timeout");
  const settle = (): void => {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener("abort", abort);
  };
  // many requests wait for the same end of their link: that is no leak
  for (const signal of signals) {
    setMaxListeners(0, signal);
    signal.addEventListener("abort", abort, { once: true });
  }
  if (signals.some(({ aborted }) => aborted)) abort();
  return { signal: own.signal, why: () => why, abort, settle };
}
