/** The way to a Redis that decisions may not wait for. */
import { createRequire } from "node:module";
import type * as client from "ioredis";
import type { Redis } from "ioredis";

const require = createRequire(import.meta.url);

/** Loads the client, where there is a Redis to talk to: it takes some 10 MB. */
export function loadRedis(): typeof client.Redis {
  return (require("ioredis") as typeof client).Redis;
}

export interface RedisState {
  readonly onUp: () => void;
  /** Told once per outage; the error comes again with every attempt. */
  readonly onDown: (error: { readonly code?: string; readonly message?: string }) => void;
}

/**
 * Connects; start-up doesn't wait for it. INVARIANT: a command never queues behind a connection that isn't there, nor is
 * sent again when it is back, where it could find its own first sending.
 */
export function connectRedis(url: string, { onUp, onDown }: RedisState): Redis {
  const Client = loadRedis();
  const redis = new Client(url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    connectTimeout: 2_000,
    // a peer that takes commands and answers none: give the connection up, and what waits on it
    socketTimeout: 2_000,
    disconnectTimeout: 200,
    retryStrategy: (attempt) => Math.min(100 * 2 ** Math.min(attempt, 5), 3_000),
  });
  let up: boolean | undefined;
  redis.on("ready", () => {
    up = true;
    onUp();
  });
  redis.on("error", (error: { code?: string; message?: string }) => {
    const before = up;
    up = false;
    if (before !== false) onDown(error);
  });
  return redis;
}
