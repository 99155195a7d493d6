import type { Log } from "../../record/log.js";
import type { StateConfig } from "../config.js";
import type { Engine } from "./engine.js";
import { createFleetEngine } from "./fleet.js";
import type { EngineEvent, MemoryEngine } from "./memory.js";
import { createMemoryEngine } from "./memory.js";
import { connectRedis } from "../../net/redis.js";
import { readStateSecret } from "../secret.js";
import { createRedisEngine } from "./redis.js";

export interface OpenEngineParts {
  readonly config: StateConfig;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: Log;
  readonly onEvent?: (event: EngineEvent, count: number) => void;
}

/**
 * Opens what tasks and limits are remembered in: Redis where there is one, else this process. Start-up doesn't wait for it.
 * @throws Error where the secret's file can't be read or is too short
 */
export function openEngine({ config, now, log, onEvent: tell = () => undefined }: OpenEngineParts): Engine {
  const warnedAt = new Map<EngineEvent, number>();
  const onEvent = (event: EngineEvent, count: number): void => {
    tell(event, count);
    const [what, at] = [warnings[event], now()];
    if (what === undefined || Math.abs(at - (warnedAt.get(event) ?? -Infinity)) < warnEvery) return;
    warnedAt.set(event, at);
    log.warn(what, { count });
  };
  const { redisAt } = config;
  const secret = readStateSecret(config);
  if (redisAt === undefined || secret === undefined) return createMemoryEngine({ ...config, now, onEvent });
  const redis = connectRedis(redisAt, {
    onUp: () => {
      log.info("redis connected, for tasks and limits");
    },
    onDown: (error) => {
      log.warn("redis unavailable, for tasks and limits", { code: codeOf(error) });
    },
  });
  const store = createRedisEngine({ ...config, redis, secret, now, onEvent });
  const makeLocal = (): MemoryEngine => createMemoryEngine({ ...config, now, onEvent });
  return createFleetEngine({
    ...{ store, now, onEvent, most: Math.min(config.maxEntries, 20_000) },
    ...(config.onUnavailable === "local" ? { makeLocal } : {}),
  });
}

/** Milliseconds between two warnings of one kind. */
const warnEvery = 60_000;

/** What operators should hear of. */
const warnings: Partial<Readonly<Record<EngineEvent, string>>> = {
  full: "tasks or limits find no room, and are denied: see state.max_entries",
  dropped: "counts of tasks could not be written to redis, and are gone",
  unauthentic: "redis holds what is not authentic: someone else writes there",
  restored: "redis had lost what is known of tasks and limits here: it was written back",
};

/** Names an error: the system's code, or the word that Redis begins its errors with; never the message. */
function codeOf({ code, message = "" }: { readonly code?: string; readonly message?: string }): string {
  return code ?? /^[A-Z]{3,32}(?= )/.exec(message)?.[0] ?? "unknown";
}
