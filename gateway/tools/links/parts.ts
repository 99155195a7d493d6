import type { GatewayLog } from "../../exchange.js";
import type { Forward } from "../../forward/forward.js";
import type { OpenApis } from "../openapi/open-apis.js";
import type { SecretConfig } from "../../secrets/read-config.js";

/** What links need of the gateway. */
export interface LinkParts {
  readonly forward: Forward;
  /** Documents of servers that are APIs; absent: there are none. */
  readonly openApis?: OpenApis;
  /** Gives ids that can't be guessed. */
  readonly newId: () => string;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Waits, or until the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: GatewayLog;
  /** Counts starts and ends of a server's processes. */
  readonly happened?: (server: string, event: string) => void;
  /** The process's own: children are given little of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a secret as it is now. @throws Error where it can't be had */
  readonly readSecret: (source: SecretConfig) => string;
}
