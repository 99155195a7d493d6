import type { Fields, Problems } from "../../contract.js";
import { readRedis } from "../../net/read-redis.js";
import type { RedisAt } from "../../net/redis-place.js";
import type { DpopConfig } from "./dpop.js";
import { proofAlgorithms } from "./proof-key.js";

/** Where proofs are remembered. */
export interface ReplayConfig {
  /** Shared by the fleet; absent: each process remembers by itself. */
  readonly redis?: RedisAt;
  readonly max_entries: number;
  /** Longest wait for Redis, milliseconds. */
  readonly wait_ms: number;
}

export interface DpopSection extends DpopConfig {
  /** Makes nonces; shared by the fleet. Absent: random for each process. */
  readonly nonce_secret?: string;
  readonly nonce_seconds: number;
}

const usual = ["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256"];

/** Parses `identity.dpop`; undefined where it is absent. */
export function parseDpop(identity: Fields, problems: Problems): DpopSection | undefined {
  if (identity.raw("dpop") === undefined) return undefined;
  const fields = identity.nested("dpop");
  const enabled = fields.boolean("enabled") ?? true;
  const algorithms = fields.strings("algorithms") ?? usual;
  if (algorithms.length === 0 || !algorithms.every((name) => proofAlgorithms.has(name))) {
    problems.add(fields.at("algorithms"), `must be some of ${[...proofAlgorithms.keys()].join(", ")}`);
  }
  const secret = fields.string("nonce_secret");
  if (secret !== undefined && secret.length < 32) {
    problems.add(fields.at("nonce_secret"), "must have at least 32 characters, the same for the whole fleet");
  }
  const config: DpopSection = {
    algorithms,
    max_age_seconds: fields.integer("max_age_seconds", 5, 600) ?? 60,
    clock_skew_seconds: fields.integer("clock_skew_seconds", 0, 60) ?? 10,
    nonce: fields.boolean("nonce") ?? false,
    nonce_seconds: fields.integer("nonce_seconds", 30, 3_600) ?? 300,
    ...(secret === undefined ? {} : { nonce_secret: secret }),
  };
  fields.end();
  return enabled ? config : undefined;
}

/** Parses `identity.replay`. */
export function parseReplay(identity: Fields, problems: Problems): ReplayConfig {
  const fields = identity.nested("replay");
  const redis = readRedis(fields, problems);
  const config = {
    ...(redis === undefined ? {} : { redis }),
    max_entries: fields.integer("max_entries", 100, 10_000_000) ?? 400_000,
    wait_ms: fields.integer("wait_ms", 1, 1_000) ?? 50,
  };
  fields.end();
  return config;
}
