/** What a gateway's process knows of a deployment, from the requests that went there. */
import type { Breaker } from "./breaker.js";
import { createBreaker } from "./breaker.js";
import type { BreakerConfig } from "./deployment.js";

/** The weight of the newest time to first byte in the average. */
const newest = 0.3;
/** After this long without a request, half of what was known is forgotten: what was slow is tried again. Milliseconds. */
const halfLifeMs = 30_000;

export interface Health {
  readonly breaker: Breaker;
  /** Requests under way. */
  inFlight: number;
  /** Where it asked to be left alone for a while ({@link restUntil} on the same clock). */
  restUntil: number;
  /** Averages the times to the first byte, streamed and plain apart. */
  took(ms: number, stream: boolean): void;
  /** The average by now, milliseconds; 0 where nothing is known. */
  latency(stream: boolean): number;
}

export function createHealth(config: BreakerConfig, clock: () => number): Health {
  const averages = new Map<boolean, { readonly ms: number; readonly at: number }>();
  return {
    breaker: createBreaker(config, clock),
    inFlight: 0,
    restUntil: 0,
    took(ms, stream) {
      const before = averages.get(stream)?.ms ?? ms;
      averages.set(stream, { ms: before + newest * (ms - before), at: clock() });
    },
    latency(stream) {
      const average = averages.get(stream);
      return average === undefined ? 0 : average.ms * 0.5 ** ((clock() - average.at) / halfLifeMs);
    },
  };
}
