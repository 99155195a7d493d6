import { inTime } from "../../contract.js";
import type { RedisLink } from "../../net/redis.js";
import type { CachedResult, CacheEvent, CacheLevelStore } from "./cache.js";
import { createCircuit } from "./circuit.js";
import { createGauge } from "./gauge.js";
import { createSeal } from "./seal.js";

export interface RedisCacheParts {
  readonly redis: RedisLink;
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
  const { redis, secret, waitMs, maxLifeMs = 86_400_000, prefix = "countersign:d2:", now } = parts;
  const { onEvent = () => undefined } = parts;
  const seal = createSeal(secret);
  const circuit = createCircuit({ failures: 5, pauseMs: 1_000 });
  const gauge = createGauge(redis, prefix);
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

  /** Opens what came for a name; a value that is stale, foreign or garbage is none. */
  const read = (name: string, sealed: Buffer, at: number): CachedResult | undefined => {
    const value = sealed.byteLength === 0 ? "foreign" : seal.open(name, sealed);
    if (typeof value === "string") {
      onEvent(value === "foreign" ? "miss" : value);
      return undefined;
    }
    const expiresAt = Math.min(value.expiresAt, at + maxLifeMs);
    onEvent(expiresAt > at ? "hit" : "miss");
    return expiresAt > at ? { ...value, expiresAt } : undefined;
  };

  return {
    available,
    cpu: gauge.cpu,
    async get(key, at) {
      if (!available(at)) {
        onEvent("skipped");
        return undefined;
      }
      circuit.begin();
      try {
        const name = seal.nameOf(key);
        // a range, so that a value of any size costs a bounded read; a key that isn't there reads as ""
        const sealed = await inTime(
          send(() => redis.getrangeBuffer(prefix + name, 0, maxValue - 1)),
          waitMs,
          "late" as const,
        );
        if (sealed === "late") return failed("timeout", at);
        circuit.succeeded();
        return read(name, sealed, at);
      } catch {
        return failed("error", at);
      }
    },
    set(key, value, at) {
      const ttl = Math.floor(value.expiresAt - at);
      if (!(ttl > 0) || !available(at)) return;
      const name = seal.nameOf(key);
      const sealed = seal.close(name, value);
      if (sealed === undefined || sealed.byteLength > maxValue) return;
      // a Redis that is full or takes no writes can still be read: this doesn't count against it
      send(() => redis.set(prefix + name, sealed, "PX", ttl)).catch(() => {
        onEvent("error");
      });
    },
    async claim(key, ms) {
      if (!available(now())) return undefined;
      try {
        const name = `${prefix}claim:${seal.nameOf(key)}`;
        const taken = await inTime(
          send(() => redis.set(name, "1", "PX", Math.max(1, Math.ceil(ms)), "NX")),
          waitMs,
          "late" as const,
        );
        return taken === "late" ? undefined : taken === "OK";
      } catch {
        return undefined;
      }
    },
    close() {
      gauge.close();
      redis.disconnect();
      return Promise.resolve();
    },
  };
}
