import { Fault } from "./fault.js";

export interface Limits {
  /** For all of it, milliseconds. */
  readonly timeoutMs: number;
  /** Until the headers of the answer are there, milliseconds. */
  readonly headerTimeoutMs: number;
  /** Between two pieces of its body, milliseconds. */
  readonly idleTimeoutMs: number;
  /** Each of them ends it. */
  readonly signals?: readonly AbortSignal[];
}

/** The times of one exchange; whichever is first ends it by the signal, whose reason is a {@link Fault}. */
export interface Deadlines {
  readonly signal: AbortSignal;
  /** The headers, or a piece of the body, have come. */
  came(): void;
  end(): void;
}

export function createDeadlines({
  timeoutMs,
  headerTimeoutMs,
  idleTimeoutMs,
  signals = [],
}: Limits): Deadlines {
  const stop = new AbortController();
  const after = (ms: number, what: string): NodeJS.Timeout =>
    setTimeout(() => stop.abort(new Fault("timeout", what)), Math.max(ms, 0));
  const stopped = (): void => stop.abort(new Fault("stopped", "it was stopped"));
  const all = after(timeoutMs, `its answer isn't complete after ${seconds(timeoutMs)}`);
  let next = after(headerTimeoutMs, `it doesn't answer within ${seconds(headerTimeoutMs)}`);
  let headers = true;
  for (const signal of signals) {
    signal.addEventListener("abort", stopped, { once: true });
    if (signal.aborted) stopped();
  }
  return {
    signal: stop.signal,
    came() {
      if (!headers) {
        next.refresh();
        return;
      }
      headers = false;
      clearTimeout(next);
      next = after(idleTimeoutMs, `nothing more of its answer has come for ${seconds(idleTimeoutMs)}`);
    },
    end() {
      clearTimeout(all);
      clearTimeout(next);
      for (const signal of signals) signal.removeEventListener("abort", stopped);
    },
  };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
