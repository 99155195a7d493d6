/** Keeps requests from a deployment that fails: closed, open for a while, then half-open for one probe. */
import type { BreakerConfig } from "./deployment.js";

export type BreakerState = "closed" | "open" | "half_open";

/** What a request told of the deployment; `begins`: an answer does, and a probe needs no more. */
export type Verdict = "begins" | "works" | "fails" | "nothing";

export interface Breaker {
  state(): BreakerState;
  /** Tells whether a request may go now. */
  admits(): boolean;
  /** Lets a request go; where half-open, as the one probe. INVARIANT: what it gives is told in the end what became of it. */
  enter(): (verdict: Verdict) => void;
  /** Milliseconds until the probe may go; 0 where it is closed or half-open. */
  wait(): number;
}

/** @param clock milliseconds of a monotonic clock */
export function createBreaker(config: BreakerConfig, clock: () => number): Breaker {
  let failures = 0;
  let openUntil: number | undefined;
  let probe: symbol | undefined;
  const state = (): BreakerState => {
    if (openUntil === undefined) return "closed";
    return clock() < openUntil ? "open" : "half_open";
  };
  const fail = (): void => {
    failures++;
    if (config.failures > 0 && failures >= config.failures) openUntil = clock() + config.coolDownMs;
  };
  return {
    state,
    admits() {
      const now = state();
      return now === "closed" || (now === "half_open" && probe === undefined);
    },
    enter() {
      const self = state() === "closed" ? undefined : Symbol("probe");
      if (self !== undefined) probe = self;
      return (verdict) => {
        const probed = self !== undefined && probe === self;
        if (probed) probe = undefined;
        // what was sent before it opened says nothing of what is now
        if (openUntil !== undefined && !probed) return;
        if (verdict === "fails") fail();
        else if (verdict === "works" || (verdict === "begins" && probed)) {
          failures = 0;
          openUntil = undefined;
        }
      };
    },
    wait: () => (openUntil === undefined ? 0 : Math.max(0, openUntil - clock())),
  };
}
