/** Where a Redis is, and how it is reached. */

/** Where Redis is: a URL, or one with what a URL can't say. */
export type RedisAt = string | RedisPlace;

/** Files are read at the start, and again with every new connection. */
export interface RedisPlace {
  readonly url: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPasswordFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Whom certificates must name; absent: the host that was asked for. */
  readonly serverName?: string;
  readonly db?: number;
}

export interface RedisPeer {
  readonly host: string;
  readonly port: number;
}

export type RedisRoute = {
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
} & (
  | { readonly kind: "one"; readonly peers: readonly RedisPeer[] }
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "sentinel"; readonly peers: readonly RedisPeer[]; readonly name: string }
  | { readonly kind: "cluster"; readonly peers: readonly RedisPeer[] }
);

type Kind = RedisRoute["kind"];

const schemes: Readonly<
  Record<string, { readonly kind: Kind; readonly tls: boolean; readonly port: number }>
> = {
  redis: { kind: "one", tls: false, port: 6379 },
  rediss: { kind: "one", tls: true, port: 6379 },
  unix: { kind: "socket", tls: false, port: 0 },
  "redis+unix": { kind: "socket", tls: false, port: 0 },
  "redis-sentinel": { kind: "sentinel", tls: false, port: 26_379 },
  "rediss-sentinel": { kind: "sentinel", tls: true, port: 26_379 },
  "redis-cluster": { kind: "cluster", tls: false, port: 6379 },
  "rediss-cluster": { kind: "cluster", tls: true, port: 6379 },
};

const form = /^([a-z+-]+):\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?db=(\d{1,5}))?$/;
const peerForm = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;

/** Reads a URL; a text tells what is wrong with it, and holds nothing of it. */
export function parseRedisUrl(url: string): RedisRoute | string {
  const scheme = schemes[/^[a-z+-]+(?=:\/\/)/.exec(url)?.[0] ?? ""];
  if (scheme === undefined) {
    return "must begin with redis:// or rediss://, unix://, redis-sentinel://, rediss-sentinel://, redis-cluster:// or rediss-cluster://";
  }
  const [, , login, hosts = "", path = "", query] = form.exec(url) ?? [];
  if (form.exec(url) === null)
    return "must be scheme://user:password@host:port/…, without other parameters than ?db=";
  const credentials = readLogin(login);
  if (typeof credentials === "string") return credentials;
  const { kind, tls, port } = scheme;
  const common = { tls, ...credentials, ...(query === undefined ? {} : { db: Number(query) }) };
  if (kind === "socket") {
    if (hosts !== "" || path.length < 2)
      return "must name a socket by its whole path: unix:///run/redis.sock";
    return { kind, ...common, path: decode(path) ?? path };
  }
  const peers = readPeers(hosts, port);
  if (peers === undefined)
    return "must name hosts as host:port, those of a cluster or of Sentinel with commas between";
  const parts = path.split("/").slice(1);
  if (kind === "sentinel") {
    const [name = "", db] = parts;
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name) || parts.length > 2) {
      return "must name the master after the Sentinels: redis-sentinel://host:26379/mymaster";
    }
    const number = readDb(db);
    return number === "wrong" ? badDb : { kind, ...common, ...number, peers, name };
  }
  const number = parts.length > 1 ? "wrong" : readDb(parts[0]);
  if (number === "wrong") return badDb;
  if (kind === "cluster") {
    const db = number.db ?? common.db ?? 0;
    return db === 0
      ? { kind, tls, ...credentials, peers }
      : "names a database: a cluster has only database 0";
  }
  if (peers.length > 1) return "names several hosts: for a cluster begin with redis-cluster://";
  return { kind, ...common, ...number, peers };
}

const badDb = "must end with the number of a database, if with anything";

function readDb(text: string | undefined): { readonly db?: number } | "wrong" {
  if (text === undefined || text === "") return {};
  return /^\d{1,5}$/.test(text) ? { db: Number(text) } : "wrong";
}

function readLogin(login: string | undefined): Pick<RedisRoute, "username" | "password"> | string {
  if (login === undefined || login === "") return {};
  const at = login.indexOf(":");
  // one word alone is a user, as in any URL
  const username = decode(at < 0 ? login : login.slice(0, at));
  const password = at < 0 ? "" : decode(login.slice(at + 1));
  if (username === undefined || password === undefined)
    return "has a user or password that isn't well percent-encoded";
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  };
}

function readPeers(hosts: string, defaultPort: number): RedisPeer[] | undefined {
  const peers: RedisPeer[] = [];
  for (const text of hosts.split(",")) {
    const match = peerForm.exec(text);
    const port = Number(match?.[3] ?? defaultPort);
    if (match === null || port < 1 || port > 65_535) return undefined;
    peers.push({ host: match[1] ?? match[2] ?? "", port });
  }
  return peers;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
