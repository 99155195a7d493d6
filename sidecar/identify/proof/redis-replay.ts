import { hash } from "node:crypto";
import { inTime } from "../../contract.js";
import type { RedisLink } from "../../net/redis.js";
import { sameExchange, type ReplayStore, type Use } from "./replay.js";

export interface RedisReplayParts {
  /** Must neither queue commands while it is away nor send them again. */
  readonly redis: RedisLink;
  /** How long proofs are kept, milliseconds. */
  readonly keepMs: number;
  /** Longest wait for Redis, milliseconds. */
  readonly waitMs: number;
  /** Begins every key's name. */
  readonly prefix?: string;
  /** Told of what went wrong, never of content. */
  readonly onFault?: (fault: "error" | "timeout") => void;
}

/**
 * Creates the store that a fleet shares: one `SET NX PX` per proof. INVARIANT: only a `SET` that was answered with OK in
 * time makes a proof the first; Redis away, full, slow or confused is `unknown`.
 */
export function createRedisReplay(parts: RedisReplayParts): ReplayStore {
  const { redis, keepMs, waitMs, prefix = "countersign:proof:", onFault = () => undefined } = parts;

  /** One that isn't the first: its exchange tells. */
  const ask = async (key: string, exchange: string): Promise<Use> => {
    const answer = await redis.set(key, exchange === "" ? "-" : exchange, "PX", Math.ceil(keepMs), "NX");
    if (answer === "OK") return "first";
    const known = await redis.get(key);
    return known !== null && sameExchange(known, exchange) ? "again" : "replayed";
  };
  return {
    async use({ proof, exchange }) {
      if (redis.status !== "ready") return "unknown";
      try {
        // an exchange's id is hashed: what lies in Redis can't be used to join it
        const asked = ask(prefix + proof, exchange === "" ? "" : hash("sha256", exchange, "base64url"));
        const use = await inTime(asked, waitMs, "late" as const);
        if (use !== "late") return use;
        onFault("timeout");
        return "unknown";
      } catch {
        onFault("error");
        return "unknown";
      }
    },
    close() {
      redis.disconnect();
      return Promise.resolve();
    },
  };
}
