import type { Fields, Problems } from "../contract.js";
import { readRedis } from "../net/read-redis.js";
import type { RedisAt } from "../net/redis-place.js";

/** The `state` section: where tasks, limits and fences are remembered. */
export interface StateConfig {
  /** Absent: each sidecar remembers for itself. */
  readonly redisAt?: RedisAt;
  /** Seals what lies in Redis; the same for the whole fleet. */
  readonly secret?: { readonly text: string } | { readonly file: string };
  /** Longest wait for Redis, milliseconds. */
  readonly waitMs: number;
  /** What happens while Redis isn't there: what needs it is denied, or each sidecar counts for itself. */
  readonly onUnavailable: "deny" | "local";
  /** Folder of what must outlive the process. */
  readonly dir?: string;
  /** Milliseconds after an enforcement point is gone until what its calls held comes back. */
  readonly graceMs: number;
  /** Milliseconds until what a sidecar that crashed held comes back. */
  readonly leaseMs: number;
  /** Milliseconds after which a call without an outcome counts as having used all that it held. */
  readonly holdMs: number;
  /** Most tasks, holders, counters and calls under way that one process keeps, each. */
  readonly maxEntries: number;
}

/** Characters of the shortest secret of its own; the decision cache's may have 16. */
const leastSecret = 32;

/** Reads the section; where it is there, the decision cache's Redis and secret are used unless others are named. */
export function readState(
  fields: Fields,
  problems: Problems,
  cache: { readonly redisAt?: RedisAt | undefined; readonly secret?: string | undefined } = {},
): StateConfig {
  const named = readRedis(fields, problems);
  const redisAt = named ?? cache.redisAt;
  const own = fields.string("secret");
  const file = fields.string("secret_file");
  const dir = fields.string("dir");
  if (own !== undefined && file !== undefined) {
    problems.add(fields.at("secret"), "give one of secret and secret_file");
  }
  if (own !== undefined && own.length < leastSecret) {
    problems.add(fields.at("secret"), `must have at least ${leastSecret} characters`);
  }
  if (redisAt === undefined && (own !== undefined || file !== undefined)) {
    problems.add(fields.at("secret"), "seals what lies in Redis: give redis_url, too");
  }
  const text = own ?? cache.secret;
  const secret = file !== undefined ? { file } : text !== undefined ? { text } : undefined;
  if (named !== undefined && secret === undefined) {
    problems.add(
      fields.at("secret"),
      `with Redis, give one of secret and secret_file: at least ${leastSecret} characters, the same for the whole fleet`,
    );
  }
  const config: StateConfig = {
    ...(redisAt === undefined ? {} : { redisAt }),
    ...(redisAt === undefined || secret === undefined ? {} : { secret }),
    waitMs: fields.integer("wait_ms", 1, 5_000) ?? 250,
    onUnavailable: fields.oneOf("on_unavailable", ["deny", "local"]) ?? "deny",
    ...(dir === undefined ? {} : { dir }),
    graceMs: fields.integer("grace_ms", 100, 60_000) ?? 3_000,
    leaseMs: fields.integer("lease_ms", 1_000, 3_600_000) ?? 30_000,
    holdMs: fields.integer("hold_ms", 10_000, 86_400_000) ?? 3_600_000,
    maxEntries: fields.integer("max_entries", 100, 10_000_000) ?? 100_000,
  };
  fields.end();
  return config;
}
