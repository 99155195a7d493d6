/** Opens the epochs of a sidecar: shared where there is a Redis. */
import type { RedisAt } from "../../net/redis.js";
import { connectRedis } from "../../net/redis.js";
import type { Log } from "../../record/log.js";
import type { LinkEvent } from "../replicate/link.js";
import type { Epochs } from "./epochs.js";
import { createFleetEpochs } from "./fleet.js";
import { createMemoryEpochs } from "./memory.js";

export interface OpenEpochsParts {
  /** Where a fleet shares them; absent: they are this sidecar's own. */
  readonly shared?: { readonly redisAt: RedisAt; readonly secret: string } | undefined;
  /** Longest life of a result in the decision cache, seconds. */
  readonly cacheTtl: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock?: () => number;
  readonly log: Log;
  readonly onEvent?: (event: LinkEvent) => void;
  readonly pollMs?: number;
  readonly staleAfterMs?: number;
  readonly most?: number;
}

/** Most bumps that are told apart; one more is one of everything. */
const most = 20_000;

/** Opens them; doesn't wait for Redis. */
export function openEpochs(parts: OpenEpochsParts): Epochs {
  const { shared, cacheTtl, now, log, clock = () => performance.now(), onEvent } = parts;
  const common = { longestMs: cacheTtl * 1_000, most: parts.most ?? most, now, clock };
  if (shared === undefined) return createMemoryEpochs(common);
  const state = (use: string) => ({
    onUp: () => {
      log.info("redis connected for epochs", { use });
    },
    onDown: ({ code }: { readonly code?: string }) => {
      log.warn("redis unavailable for epochs", { use, code: code ?? "unknown" });
    },
  });
  return createFleetEpochs({
    ...common,
    redis: connectRedis(shared.redisAt, state("records")),
    subscriber: connectRedis(shared.redisAt, state("news")),
    secret: shared.secret,
    pollMs: parts.pollMs ?? 250,
    staleAfterMs: parts.staleAfterMs ?? 1_000,
    onEvent: quietly(log, now, onEvent),
  });
}

/** Warns once a minute of each kind: who tampers mustn't fill the log. */
function quietly(
  log: Log,
  now: () => number,
  onEvent?: (event: LinkEvent) => void,
): (event: LinkEvent) => void {
  const told = new Map<LinkEvent["kind"], number>();
  return (event) => {
    onEvent?.(event);
    if (Math.abs(now() - (told.get(event.kind) ?? -Infinity)) < 60_000) return;
    told.set(event.kind, now());
    if (event.kind === "unauthentic")
      log.warn("redis holds epochs that are not authentic: someone else writes there", {
        count: event.count,
      });
    if (event.kind === "healed")
      log.info("epochs that redis lacked were written again", { count: event.count });
    if (event.kind === "too_many") log.error("redis holds more epochs than may be: they aren't read", {});
  };
}
