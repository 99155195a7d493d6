import type { Redis } from "ioredis";
import type { CachedResult, CacheEvent, CacheLevelStore } from "./cache.js";
import { createCircuit } from "./circuit.js";
import { createSeal } from "./seal.js";

export interface RedisCacheParts {
  readonly redis: Redis;
  /** Shared by the fleet; authenticates what lies in Redis. */
  readonly secret: string;
  /** Longest wait for an answer, milliseconds. */
  readonly waitMs: number;
  /** Longest life of a value from Redis, milliseconds: another machine's clock may be ahead. */
  readonly maxLifeMs?: number;
  /** Begins every key's name. */
  readonly prefix?: string;
  readonly onEvent?: (event: CacheEvent) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Bytes of the largest value that is written or read. */
const maxValue = 65_536;
/** Commands without an answer, at most: what a Redis that stands still can hold of our memory. */
const maxUnanswered = 512;

/**
 * Creates the level that a fleet shares. Redis is untrusted for integrity: a value that isn't authentic for its key
 * is a miss. Redis down, slow or full is a miss; `get` never waits longer than `waitMs`.
 */
export function createRedisCache(parts: RedisCacheParts): CacheLevelStore {
  const { redis, secret, waitMs, maxLifeMs = 86_400_000, prefix = "countersign:d1:", now } = parts;
  const { onEvent = () => undefined } = parts;
  const seal = createSeal(secret);
  const circuit = createCircuit({ failures: 5, pauseMs: 1_000 });
  let unanswered = 0;

  const available = (at: number): boolean =>
    redis.status === "ready" && unanswered < maxUnanswered && circuit.allows(at);

  const failed = (event: CacheEvent, begun: number): undefined => {
    onEvent(event);
    circuit.failed(begun, now());
    return undefined;
  };

  /** Sends a command and counts it until it is answered, however late; it rejects as the command does. */
  const send = async <T>(command: () => Promise<T>): Promise<T> => {
    unanswered++;
    try {
      return await command();
    } finally {
      unanswered--;
    }
  };

  /** Opens what came for a key; a value that is stale, foreign or garbage is none. */
  const read = (key: string, text: string, at: number): CachedResult | undefined => {
    const value = text === "" ? undefined : seal.open(key, text);
    const expiresAt = value === undefined ? at : Math.min(value.expiresAt, at + maxLifeMs);
    if (text !== "" && value === undefined) onEvent("unauthentic");
    else onEvent(expiresAt > at ? "hit" : "miss");
    return value !== undefined && expiresAt > at ? { ...value, expiresAt } : undefined;
  };

  return {
    available,
    async get(key, at) {
      if (!available(at)) {
        onEvent("skipped");
        return undefined;
      }
      circuit.begin();
      let timer: NodeJS.Timeout | undefined;
      try {
        const late = new Promise<"late">((resolve) => {
          timer = setTimeout(resolve, waitMs, "late");
        });
        // a range, so that a value of any size costs a bounded read; a key that isn't there reads as ""
        const answer = send(() => redis.getrange(prefix + seal.nameOf(key), 0, maxValue - 1));
        // the race handles an answer that fails after it is over, too
        const text = await Promise.race([answer, late]);
        if (text === "late") return failed("timeout", at);
        circuit.succeeded();
        return read(key, text, at);
      } catch {
        return failed("error", at);
      } finally {
        clearTimeout(timer);
      }
    },
    set(key, value, at) {
      const ttl = Math.floor(value.expiresAt - at);
      if (!(ttl > 0) || !available(at)) return;
      const sealed = seal.close(key, value);
      if (sealed === undefined || Buffer.byteLength(sealed) > maxValue) return;
      // a Redis that is full or takes no writes can still be read: this doesn't count against it
      send(() => redis.set(prefix + seal.nameOf(key), sealed, "PX", ttl)).catch(() => {
        onEvent("error");
      });
    },
    close() {
      redis.disconnect();
      return Promise.resolve();
    },
  };
}
