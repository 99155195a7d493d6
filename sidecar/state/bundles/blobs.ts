/** The archives of pushed bundles in Redis, each under its digest: what isn't what its digest says isn't believed. */
import { createHash } from "node:crypto";
import type { RedisLink } from "../../net/redis.js";

export interface Blobs {
  /** Writes an archive, to go by itself after an hour unless it is {@link keep kept}. @throws Error where Redis doesn't take it */
  put(digest: string, bytes: Uint8Array): Promise<void>;
  /** Has one stay; false where it isn't there in full. @throws Error where Redis doesn't answer */
  keep(digest: string, size: number): Promise<boolean>;
  /** `missing`: it isn't there; `damaged`: what was there isn't it, and is gone. @throws Error where Redis doesn't answer */
  get(digest: string, size: number): Promise<Uint8Array | "missing" | "damaged">;
  /** @throws Error where Redis doesn't answer */
  remove(digest: string): Promise<void>;
}

/** Bytes that go at once: Redis does nothing else meanwhile. */
const chunk = 512 * 1024;
/** Seconds of a blob that no record names. */
const loneSeconds = 3_600;

/** KEYS: blob. ARGV: offset, bytes, size, seconds. Bytes that were there already stay for as long as they would have. */
const putScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'string' or redis.call('STRLEN', KEYS[1]) > tonumber(ARGV[3]) then redis.call('DEL', KEYS[1]) end
local before = redis.call('TTL', KEYS[1])
redis.call('SETRANGE', KEYS[1], ARGV[1], ARGV[2])
if before ~= -1 then redis.call('EXPIRE', KEYS[1], ARGV[4]) end
return 1
`;

/** KEYS: blob. ARGV: size. */
const keepScript = `
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 0 end
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
redis.call('PERSIST', KEYS[1])
return 1
`;

/** @param prefix what begins the names of keys, with what Cluster keeps together in braces */
export function createBlobs(redis: RedisLink, prefix: string): Blobs {
  const keyOf = (digest: string): string => `${prefix}blob:${digest}`;
  return {
    async put(digest, bytes) {
      const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at === 0 || at < all.byteLength; at += chunk) {
        const part = all.subarray(at, at + chunk);
        await redis.eval(putScript, 1, keyOf(digest), at, part, all.byteLength, loneSeconds);
      }
    },
    async keep(digest, size) {
      return Number(await redis.eval(keepScript, 1, keyOf(digest), size)) === 1;
    },
    async get(digest, size) {
      const parts: Buffer[] = [];
      // one byte more than there may be: what is longer isn't it
      for (let at = 0; at <= size; at += chunk) {
        const part = await redis.getrangeBuffer(keyOf(digest), at, Math.min(at + chunk - 1, size));
        if (at === 0 && part.byteLength === 0) return "missing";
        parts.push(part);
        if (part.byteLength < chunk) break;
      }
      const bytes = Buffer.concat(parts);
      if (bytes.byteLength === size && createHash("sha256").update(bytes).digest("hex") === digest)
        return bytes;
      // who has it writes it again
      await redis.del(keyOf(digest));
      return "damaged";
    },
    async remove(digest) {
      await redis.del(keyOf(digest));
    },
  };
}
