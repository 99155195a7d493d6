import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Redis } from "ioredis";
import type { CachedResult, CacheEvent, CacheLevelStore } from "./cache.js";

export interface RedisCacheParts {
  readonly redis: Redis;
  /** Shared by the fleet; authenticates what lies in Redis. */
  readonly secret: string;
  /** Longest wait for an answer, milliseconds. */
  readonly waitMs: number;
  /** Begins every key's name. */
  readonly prefix?: string;
  readonly onEvent?: (event: CacheEvent) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Failures in a row after which Redis is left alone for a while. */
const failuresToSkip = 5;
const skipMs = 1_000;

/**
 * Creates the level that a fleet shares. Redis is untrusted for integrity: a value that isn't authentic for its key
 * is a miss. Redis down, slow or full is a miss; `get` never waits longer than `waitMs`.
 */
export function createRedisCache(parts: RedisCacheParts): CacheLevelStore {
  const { redis, secret, waitMs, prefix = "countersign:d1:", onEvent = () => undefined, now } = parts;
  let failures = 0;
  let skipUntil = 0;

  const nameOf = (key: string): string => prefix + createHash("sha256").update(key).digest("base64url");
  const macOf = (key: string, payload: string): Buffer =>
    createHmac("sha256", secret).update(`${key.length}:${key}${payload}`).digest();

  const failed = (event: CacheEvent): undefined => {
    onEvent(event);
    failures++;
    if (failures >= failuresToSkip) {
      skipUntil = now() + skipMs;
      failures = 0;
    }
    return undefined;
  };

  return {
    async get(key, at) {
      if (redis.status !== "ready" || at < skipUntil) {
        onEvent("skipped");
        return undefined;
      }
      let timer: NodeJS.Timeout | undefined;
      try {
        const late = new Promise<"late">((resolve) => {
          timer = setTimeout(resolve, waitMs, "late");
        });
        const answer = redis.get(nameOf(key));
        // an answer that comes too late may still fail: that must not go unhandled
        answer.catch(() => undefined);
        const text = await Promise.race([answer, late]);
        if (text === "late") return failed("timeout");
        failures = 0;
        const value = text === null ? undefined : open(text, (payload) => macOf(key, payload));
        if (text !== null && value === undefined) onEvent("unauthentic");
        else onEvent(value === undefined ? "miss" : "hit");
        return value !== undefined && value.expiresAt > at ? value : undefined;
      } catch {
        return failed("error");
      } finally {
        clearTimeout(timer);
      }
    },
    set(key, value, at) {
      const ttl = Math.floor(value.expiresAt - at);
      if (ttl <= 0 || redis.status !== "ready" || at < skipUntil) return;
      const payload = JSON.stringify(value);
      const sealed = `1.${macOf(key, payload).toString("base64url")}.${payload}`;
      redis.set(nameOf(key), sealed, "PX", ttl).catch(() => failed("error"));
    },
    close() {
      redis.disconnect();
      return Promise.resolve();
    },
  };
}

/** Opens `1.<mac>.<payload>`; anything that isn't what we wrote for this key gives undefined. */
function open(text: string, macOf: (payload: string) => Buffer): CachedResult | undefined {
  const dot = text.indexOf(".", 2);
  if (!text.startsWith("1.") || dot < 0) return undefined;
  const payload = text.slice(dot + 1);
  const mac = Buffer.from(text.slice(2, dot), "base64url");
  const expected = macOf(payload);
  if (mac.byteLength !== expected.byteLength || !timingSafeEqual(mac, expected)) return undefined;
  return JSON.parse(payload) as CachedResult;
}
