import { connectRedis } from "../../net/redis.js";
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
  const { redis: at, max_entries, wait_ms, keepMs, now, onEvent } = parts;
  const memory = createMemoryReplay({ keepMs, maxEntries: max_entries, now });
  if (at === undefined) return memory;
  let told: ReplayEvent["kind"] | undefined;
  const tell = (kind: ReplayEvent["kind"]): void => {
    if (told !== kind) onEvent({ kind });
    told = kind;
  };
  const redis = connectRedis(at, {
    onUp: () => {
      tell("replay_store_connected");
    },
    onDown: () => {
      tell("replay_store_failed");
    },
  });
  return createLayeredReplay(memory, createRedisReplay({ redis, keepMs, waitMs: wait_ms }));
}
