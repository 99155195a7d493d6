import type { Fields, Problems } from "../contract.js";
import type { RedisAt, RedisPlace } from "./redis-place.js";
import { parseRedisUrl } from "./redis-place.js";

/**
 * Reads `redis_url` and, beside it, the section `redis`: what a URL can't say, or shouldn't.
 * @returns undefined where no URL is given
 */
export function readRedis(fields: Fields, problems: Problems): RedisAt | undefined {
  const url = fields.string("redis_url");
  if (!fields.has("redis")) {
    if (url !== undefined) check({ url }, fields.at("redis_url"), problems);
    return url;
  }
  const own = fields.nested("redis");
  const text = (name: string): string | undefined => own.string(name);
  const [username, passwordFile] = [text("username"), text("password_file")];
  const [sentinelUsername, sentinelPasswordFile] = [
    text("sentinel_username"),
    text("sentinel_password_file"),
  ];
  const [caFile, certFile, keyFile] = [text("ca_file"), text("cert_file"), text("key_file")];
  const serverName = text("server_name");
  const db = own.integer("db", 0, 65_535);
  own.end();
  if (url === undefined) {
    problems.add(fields.at("redis"), "says how Redis is reached: give redis_url, too");
    return undefined;
  }
  const place: RedisPlace = {
    url,
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPasswordFile === undefined ? {} : { sentinelPasswordFile }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(db === undefined ? {} : { db }),
  };
  check(place, fields.at("redis_url"), problems, (name) => own.at(name));
  return place;
}

/** Refuses what would be ignored, and what says two things at once. */
function check(place: RedisPlace, at: string, problems: Problems, of = (name: string): string => name): void {
  const route = parseRedisUrl(place.url);
  if (typeof route === "string") return problems.add(at, route);
  const { caFile, certFile, keyFile, serverName } = place;
  if (!route.tls && [caFile, certFile, keyFile, serverName].some((one) => one !== undefined)) {
    problems.add(at, "must begin with rediss for ca_file, cert_file, key_file and server_name to count");
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    problems.add(of("cert_file"), "needs key_file, and the other way round");
  }
  if (place.passwordFile !== undefined && route.password !== undefined) {
    problems.add(of("password_file"), "is given, and so is a password in the URL");
  }
  if (place.username !== undefined && route.username !== undefined) {
    problems.add(of("username"), "is given, and so is a user in the URL");
  }
  if (place.db !== undefined && (route.db !== undefined || (route.kind === "cluster" && place.db !== 0))) {
    problems.add(of("db"), route.kind === "cluster" ? "must be 0 in a cluster" : "is given in the URL, too");
  }
  const sentinel = place.sentinelUsername ?? place.sentinelPasswordFile;
  if (sentinel !== undefined && route.kind !== "sentinel") {
    problems.add(of("sentinel_username"), "is for redis-sentinel:// only");
  }
  if (
    (place.username ?? route.username) !== undefined &&
    (place.passwordFile ?? route.password) === undefined
  ) {
    problems.add(at, "names a user without a password");
  }
}
