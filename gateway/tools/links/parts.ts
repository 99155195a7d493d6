import type { GatewayLog } from "../../exchange.js";
import type { Forward } from "../../forward/forward.js";

/** What links need of the gateway. */
export interface LinkParts {
  readonly forward: Forward;
  /** Gives ids that can't be guessed. */
  readonly newId: () => string;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Waits, or until the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: GatewayLog;
}
