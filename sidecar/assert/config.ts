import type { Fields, Problems } from "../contract.js";
import { readRedis } from "../net/read-redis.js";
import type { RedisAt } from "../net/redis-place.js";
import { assertionAlgorithms, type AssertionAlgorithm } from "./keys.js";

/** The `assertion` section of the configuration. */
export interface AssertionConfig {
  readonly issuer: string;
  readonly algorithm: AssertionAlgorithm;
  readonly lifetimeSeconds: number;
  readonly rotateHours: number;
  readonly audiences?: readonly string[];
  /** Where a fleet shares its keys, and what seals them there. */
  readonly shared?: { readonly redisAt: RedisAt } & SecretSource;
}

type SecretSource = { readonly secret: string } | { readonly secretFile: string };

/** Characters of the shortest secret that seals keys. */
export const leastSecret = 32;

/** Reads the section; the decision cache's Redis is used unless another is named. */
export function readAssertion(
  fields: Fields,
  problems: Problems,
  cacheRedisAt: RedisAt | undefined,
): AssertionConfig {
  const issuer = fields.required("issuer");
  if (fields.has("issuer") && !/^[\x21-\x7e]{1,512}$/.test(issuer)) {
    problems.add(fields.at("issuer"), "must be a URL or name without blanks");
  }
  const redisAt = readRedis(fields, problems) ?? cacheRedisAt;
  const secret = fields.string("secret");
  const secretFile = fields.string("secret_file");
  const audiences = fields.strings("audiences");
  const config = {
    issuer,
    algorithm: fields.oneOf("algorithm", assertionAlgorithms) ?? "ES256",
    lifetimeSeconds: fields.integer("lifetime_seconds", 5, 60) ?? 60,
    rotateHours: fields.integer("rotate_hours", 1, 720) ?? 24,
    ...(audiences === undefined ? {} : { audiences }),
  };
  fields.end();
  if (redisAt === undefined) {
    if (secret !== undefined || secretFile !== undefined) {
      problems.add(fields.at("secret"), "seals keys in Redis: give redis_url, too");
    }
    return config;
  }
  if ((secret === undefined) === (secretFile === undefined)) {
    problems.add(
      fields.at("secret"),
      `with Redis, give one of secret and secret_file: at least ${leastSecret} characters, the same for the whole fleet`,
    );
  }
  if (secret !== undefined && secret.length < leastSecret) {
    problems.add(fields.at("secret"), `must have at least ${leastSecret} characters`);
  }
  if (secretFile !== undefined) return { ...config, shared: { redisAt, secretFile } };
  return { ...config, shared: { redisAt, secret: secret ?? "" } };
}
