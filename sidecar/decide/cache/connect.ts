import { Redis } from "ioredis";
import type { SidecarConfig } from "../../config.js";
import type { Log } from "../../record/log.js";
import type { CacheEvent } from "./cache.js";
import type { DecisionCache } from "./layered.js";
import { createDecisionCache } from "./layered.js";
import { createMemoryCache } from "./memory.js";
import { createRedisCache } from "./redis.js";

export interface ConnectParts {
  readonly config: SidecarConfig["cache"];
  readonly now: () => number;
  readonly micros: () => number;
  readonly log: Log;
  readonly onL2?: (event: CacheEvent) => void;
}

/** Creates the cache that the configuration asks for; start-up doesn't wait for Redis. */
export function connectCache({ config, now, micros, log, onL2 }: ConnectParts): DecisionCache {
  const l1 = createMemoryCache(config);
  if (config.redisUrl === undefined || config.secret === undefined || config.l2 === "never") {
    return createDecisionCache({ l1, l2Mode: "never", now, micros });
  }
  const redis = new Redis(config.redisUrl, {
    // a lookup must never queue behind a connection that isn't there
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(100 * 2 ** Math.min(attempt, 5), 3_000),
  });
  let up: boolean | undefined;
  redis.on("ready", () => {
    up = true;
    log.info("redis connected");
  });
  redis.on("error", (error: { code?: string }) => {
    // once per outage: it comes again with every attempt
    if (up !== false) log.warn("redis unavailable, deciding without it", { code: error.code ?? "unknown" });
    up = false;
  });
  const l2 = createRedisCache({
    redis,
    secret: config.secret,
    waitMs: config.waitMs,
    now,
    ...(onL2 === undefined ? {} : { onEvent: onL2 }),
  });
  return createDecisionCache({ l1, l2, l2Mode: config.l2, now, micros });
}
