/** The way to a Redis that decisions may not wait for. */
import { createRequire } from "node:module";
import type * as client from "ioredis";
import { tellOfParts } from "./redis-parts.js";
import type { RedisAt, RedisRoute } from "./redis-place.js";
import { parseRedisUrl } from "./redis-place.js";
import type { RedisSecrets } from "./redis-secrets.js";
import { createRedisSecrets } from "./redis-secrets.js";

export type { RedisAt } from "./redis-place.js";

const require = createRequire(import.meta.url);

type Options = Omit<client.RedisOptions, "replyMapping">;
type Commands = "get" | "set" | "del" | "getrange" | "getrangeBuffer" | "incr" | "hget" | "hgetall" | "time";

/**
 * What may be done with Redis: the same with one, behind Sentinel, and with a cluster, where the keys of one command must
 * lie in one slot. It tells `ready` when Redis has come to be there, in a cluster also when one of its masters has: what that may
 * have lost can be written again. News of a channel may be lost without a word: look now and then at what they tell of.
 */
export type RedisLink = Pick<
  client.Redis,
  Commands | "eval" | "evalsha" | "script" | "publish" | "subscribe" | "disconnect" | "on" | "off" | "status"
>;

export interface RedisState {
  readonly onUp: () => void;
  /** Told once per outage; the error comes again with every attempt. */
  readonly onDown: (error: Fault) => void;
}

interface Fault {
  readonly code?: string;
  readonly message?: string;
}

/**
 * Connects; start-up doesn't wait for it. INVARIANT: a command never queues behind a connection that isn't there, nor is
 * sent again when it is back, where it could find its own first sending. (What a cluster sent elsewhere wasn't done.)
 * @throws Error where the URL can't be read, or a file that is named beside it
 */
export function connectRedis(at: RedisAt, { onUp, onDown }: RedisState): RedisLink {
  const place = typeof at === "string" ? { url: at } : at;
  const route = parseRedisUrl(place.url);
  if (typeof route === "string") throw new Error(`the URL of Redis ${route}`);
  const secrets = createRedisSecrets(place, route);
  const db = place.db ?? route.db ?? 0;
  const redis = route.kind === "cluster" ? connectCluster(route, secrets) : connectOne(route, secrets, db);
  let up: boolean | undefined;
  redis.on("ready", () => {
    if (up !== true) onUp();
    up = true;
  });
  redis.on("error", (error: Fault & { readonly lastNodeError?: Fault }) => {
    const before = up;
    up = false;
    if (before !== false) onDown(named(error.lastNodeError ?? error));
  });
  return redis;
}

/** Names what the client doesn't. */
function named(error: Fault): Fault {
  const { message = "" } = error;
  return /^(Connection is closed|All sentinels are unreachable)/.test(message)
    ? { code: "unreachable" }
    : error;
}

/** Gives those that each hold a part: a script is loaded into each. */
export function partsOf(redis: RedisLink): readonly RedisLink[] {
  return isCluster(redis) ? redis.nodes("master") : [redis];
}

/** Tells whether its parts hold different keys; news reach all, and who tells them knows of some hearers only. */
export function isCluster(redis: RedisLink): redis is RedisLink & Pick<client.Cluster, "nodes"> {
  return (redis as { readonly isCluster?: unknown }).isCluster === true;
}

const backOff = (attempt: number): number => Math.min(100 * 2 ** Math.min(attempt, 5), 3_000);

const common = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // who subscribes does so anew when it is told `ready`: nobody hears whether what the client does by itself fails
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  // a peer that takes commands and answers none: give the connection up, and what waits on it
  socketTimeout: 2_000,
  disconnectTimeout: 200,
  // it would take a right more, and tells nothing
  disableClientInfo: true,
} satisfies Options;

/** Milliseconds between two connections that are given up because Redis takes no writes. */
const mindReadOnlyMs = 2_000;

function connectOne(
  route: Exclude<RedisRoute, { kind: "cluster" }>,
  secrets: () => RedisSecrets,
  db: number,
): RedisLink {
  const { Redis } = require("ioredis") as typeof client;
  const shown = secrets();
  let changedAt = -Infinity;
  const redis: client.Redis = new Redis({
    ...common,
    ...shown,
    db,
    enableAutoPipelining: true,
    retryStrategy: (attempt) => {
      Object.assign(redis.options, withinTls(redis.options, secrets()));
      // who asks Sentinels anew soon finds who has taken over
      return Math.min(backOff(attempt), route.kind === "sentinel" ? 400 : Infinity);
    },
    // a master that became a replica: whoever is it now, is behind the same name
    reconnectOnError: ({ message }) => {
      if (!message.startsWith("READONLY") || performance.now() - changedAt < mindReadOnlyMs) return false;
      changedAt = performance.now();
      return 1;
    },
    ...whereTo(route, shown),
  });
  return redis;
}

function whereTo(route: Exclude<RedisRoute, { kind: "cluster" }>, { tls }: RedisSecrets): Options {
  if (route.kind === "socket") return { path: route.path };
  if (route.kind === "sentinel") {
    return {
      sentinels: [...route.peers],
      name: route.name,
      sentinelCommandTimeout: 1_000,
      sentinelRetryStrategy: backOff,
      // a master that was replaced may go on for ten seconds more, and lose what it is told
      failoverDetector: true,
      sentinelReconnectStrategy: () => 2_000,
      ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    };
  }
  return { ...route.peers[0] };
}

/** Renews what is read from files; the object of TLS stays, as connections that begin later hold it. */
function withinTls(options: Options, { tls, ...shown }: RedisSecrets): Options {
  if (tls !== undefined && typeof options.tls === "object") Object.assign(options.tls, tls);
  if (tls !== undefined && options.sentinelTLS !== undefined) Object.assign(options.sentinelTLS, tls);
  return shown;
}

function connectCluster(
  route: Extract<RedisRoute, { kind: "cluster" }>,
  secrets: () => RedisSecrets,
): RedisLink {
  const { Cluster } = require("ioredis") as typeof client;
  const cluster = new Cluster([...route.peers], {
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    clusterRetryStrategy: backOff,
    // one that was under way when its connection went may have been done: it isn't sent again
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 4,
    // of commands that went together and are wanted elsewhere, nobody learns where
    slotsRefreshInterval: 5_000,
    slotsRefreshTimeout: 2_000,
    redisOptions: { ...common, ...secrets() },
    // names stay names, for certificates to name
    ...(route.tls
      ? {
          dnsLookup: (name, done) => {
            done(null, name);
          },
        }
      : {}),
  });
  // with every connection, what is read from files is read again
  cluster.on("+node", ({ options: of }: client.Redis) => {
    Object.assign(of, withinTls(of, secrets()));
  });
  tellOfParts(cluster);
  return cluster as unknown as RedisLink;
}
