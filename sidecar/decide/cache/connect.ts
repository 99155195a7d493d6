import type { SidecarConfig } from "../../config.js";
import { connectRedis } from "../../net/redis.js";
import type { Log } from "../../record/log.js";
import type { CacheEvent, CacheLevelStore } from "./cache.js";
import type { DecisionCache } from "./layered.js";
import { createDecisionCache } from "./layered.js";
import { createMemoryCache } from "./memory.js";
import { createRedisCache } from "./redis.js";

export interface ConnectParts {
  readonly config: SidecarConfig["cache"];
  readonly now: () => number;
  readonly micros: () => number;
  readonly log: Log;
  /** Whether what others keep in Redis may be used now. */
  readonly ready?: () => boolean;
  readonly onL2?: (event: CacheEvent) => void;
}

/** Creates the cache that the configuration asks for; start-up doesn't wait for Redis. */
export function connectCache({
  config,
  now,
  micros,
  log,
  ready = () => true,
  onL2,
}: ConnectParts): DecisionCache {
  const l1 = createMemoryCache(config);
  if (config.redisAt === undefined || config.secret === undefined || config.l2 === "never") {
    return createDecisionCache({ l1, l2Mode: "never", now, micros });
  }
  const redis = connectRedis(config.redisAt, {
    onUp: () => {
      log.info("redis connected");
    },
    onDown: (error) => {
      log.warn("redis unavailable, deciding without it", { code: codeOf(error) });
    },
  });
  let warnedAt = -Infinity;
  const onEvent = (event: CacheEvent): void => {
    onL2?.(event);
    if (event !== "unauthentic" || now() - warnedAt < warnEvery) return;
    warnedAt = now();
    log.warn("redis holds a decision that is not authentic: someone else writes there", {});
  };
  const l2 = createRedisCache({
    redis,
    secret: config.secret,
    waitMs: config.waitMs,
    maxLifeMs: config.ttl * 1_000,
    now,
    onEvent,
  });
  // INVARIANT: what others may use is kept and used under numbers that the fleet gave out
  const guarded: CacheLevelStore = {
    ...l2,
    available(at) {
      const is = ready() && l2.available?.(at) !== false;
      if (!is) onEvent("skipped");
      return is;
    },
    set(key, value, at) {
      if (ready()) l2.set(key, value, at);
    },
  };
  return createDecisionCache({ l1, l2: guarded, l2Mode: config.l2, now, micros });
}

/** Milliseconds between two warnings of one kind. */
const warnEvery = 60_000;

/** Names an error: the system's code, or the word that Redis begins its errors with; never the message. */
function codeOf({ code, message = "" }: { readonly code?: string; readonly message?: string }): string {
  return code ?? /^[A-Z]{3,32}(?= )/.exec(message)?.[0] ?? "unknown";
}
