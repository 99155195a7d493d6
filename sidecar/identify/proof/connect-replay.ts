import { Redis } from "ioredis";
import { createRedisReplay } from "./redis-replay.js";
import { createLayeredReplay, createMemoryReplay, type ReplayStore } from "./replay.js";
import type { ReplayConfig } from "./parse-dpop.js";

export interface ReplayEvent {
  readonly kind: "replay_store_failed" | "replay_store_connected";
}

export interface ConnectReplayParts extends ReplayConfig {
  readonly keepMs: number;
  readonly now: () => number;
  readonly onEvent: (event: ReplayEvent) => void;
}

/** Creates the store of proofs: memory, and in front of the fleet's Redis where there is one. Start-up doesn't wait for it. */
export function connectReplay(parts: ConnectReplayParts): ReplayStore {
  const { redis_url, max_entries, wait_ms, keepMs, now, onEvent } = parts;
  const memory = createMemoryReplay({ keepMs, maxEntries: max_entries, now });
  if (redis_url === undefined) return memory;
  const redis = new Redis(redis_url, {
    // a command sent again would find its own first sending, and call a fresh proof a replayed one
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    connectTimeout: 2_000,
    socketTimeout: 2_000,
    disconnectTimeout: 200,
    retryStrategy: (attempt) => Math.min(100 * 2 ** Math.min(attempt, 5), 3_000),
  });
  let up: boolean | undefined;
  const became = (state: boolean): void => {
    // once per outage
    if (up !== state) onEvent({ kind: state ? "replay_store_connected" : "replay_store_failed" });
    up = state;
  };
  redis.on("ready", () => {
    became(true);
  });
  redis.on("error", () => {
    became(false);
  });
  return createLayeredReplay(memory, createRedisReplay({ redis, keepMs, waitMs: wait_ms }));
}
