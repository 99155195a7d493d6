import { readFileSync } from "node:fs";
import type { RedisPlace, RedisRoute } from "./redis-place.js";

/** What is shown to Redis and asked of it; as the client's options have it. */
export interface RedisSecrets {
  readonly username?: string;
  readonly password?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  readonly tls?: { ca?: string; cert?: string; key?: string; servername?: string };
}

/**
 * Gives what reads the files again each time.
 * INVARIANT: what can't be read later stays as it was: nothing is ever trusted, or left out, because a file isn't there.
 * @throws Error at once where one can't be read
 */
export function createRedisSecrets(place: RedisPlace, route: RedisRoute): () => RedisSecrets {
  const known = new Map<string, string>();
  const read = (path: string | undefined, use: string): string | undefined => {
    if (path === undefined) return undefined;
    try {
      known.set(path, readFileSync(path, "utf8").trim());
    } catch (error) {
      const { code = "unknown" } = error as { code?: string };
      if (!known.has(path)) throw new Error(`the ${use} of Redis can't be read: ${code}`, { cause: error });
    }
    return known.get(path);
  };
  const all = (): RedisSecrets => {
    const { username = route.username, sentinelUsername, serverName } = place;
    const password = read(place.passwordFile, "password_file") ?? route.password;
    const sentinelPassword = read(place.sentinelPasswordFile, "sentinel_password_file");
    const [ca, cert, key] = [
      read(place.caFile, "ca_file"),
      read(place.certFile, "cert_file"),
      read(place.keyFile, "key_file"),
    ];
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    };
    return {
      ...(password === undefined ? {} : { password, ...(username === undefined ? {} : { username }) }),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
      ...(route.tls ? { tls } : {}),
    };
  };
  all();
  return all;
}
