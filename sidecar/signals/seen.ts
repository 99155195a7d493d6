/** Remembers which SETs have taken effect, so that one that is delivered again takes none. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import { inTime } from "../contract.js";
import type { RedisLink } from "../net/redis.js";

/**
 * INVARIANT: forgetting costs a repetition, which changes nothing: effects are looked for before they are made again.
 * Remembering what didn't take effect would lose a revocation, so nothing is remembered before it has.
 */
export interface Seen {
  has(name: string): Promise<boolean>;
  add(name: string): Promise<void>;
  /** Whether this member is the one to do what is named, for so long; true where nobody else can be asked. */
  claim(name: string, ms: number): Promise<boolean>;
  close(): void;
}

/** Most that one process remembers; the longest unseen goes. */
const most = 20_000;

/** Remembers within the process. */
export function createMemorySeen(keepMs: number): Seen {
  const known = new LRUCache<string, true>({ max: most, ttl: keepMs });
  return {
    has: (name) => Promise.resolve(known.has(name)),
    add(name) {
      known.set(name, true);
      return Promise.resolve();
    },
    claim: () => Promise.resolve(true),
    close() {
      known.clear();
    },
  };
}

export interface RedisSeenParts {
  /** Must neither queue commands while it is away nor send them again. */
  readonly redis: Pick<RedisLink, "get" | "set" | "disconnect">;
  /** Authenticates what lies in Redis; the same for the fleet. */
  readonly secret: string;
  readonly keepMs: number;
  /** Longest wait for Redis, milliseconds. */
  readonly waitMs: number;
}

/** Remembers in what the fleet shares. INVARIANT: who can write to Redis can't make a SET seem to have taken effect. */
export function createRedisSeen({ redis, secret, keepMs, waitMs }: RedisSeenParts): Seen {
  const key = createHmac("sha256", secret).update("countersign signals seen 1").digest();
  const mac = (text: string): string => createHmac("sha256", key).update(text).digest("base64url");
  const place = (use: string, name: string): string => `cs:{signals}:${use}:${mac(name)}`;
  const ask = <T>(asked: Promise<T>, otherwise: T): Promise<T> =>
    inTime(asked, waitMs, otherwise).catch(() => otherwise);
  return {
    async has(name) {
      const at = place("seen", name);
      const found = await ask(redis.get(at), null);
      return found !== null && equal(found, mac(`done ${at}`));
    },
    async add(name) {
      const at = place("seen", name);
      await ask(redis.set(at, mac(`done ${at}`), "PX", Math.ceil(keepMs)), null);
    },
    async claim(name, ms) {
      const taken = await ask<string | null | undefined>(
        redis.set(place("claim", name), "1", "PX", Math.ceil(ms), "NX"),
        undefined,
      );
      return taken !== null;
    },
    close() {
      redis.disconnect();
    },
  };
}

/** Asks this process's memory, then what the fleet shares. */
export function createLayeredSeen(near: Seen, far: Seen): Seen {
  return {
    has: async (name) => (await near.has(name)) || (await far.has(name)),
    async add(name) {
      await near.add(name);
      await far.add(name);
    },
    claim: (name, ms) => far.claim(name, ms),
    close() {
      near.close();
      far.close();
    },
  };
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}
