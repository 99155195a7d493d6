import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Reply } from "./http-exchange.js";
import { HttpFault } from "./http-fault.js";
import type { Headers } from "./http-headers.js";
import { headerOf } from "./http-headers.js";

/** A reply that serves other decisions, too. */
export interface Kept {
  readonly reply: Reply;
  /** Milliseconds since the epoch; long ago where the headers don't say. */
  readonly expiresAt: number;
}

export interface HttpCache {
  get(key: string): Kept | undefined;
  put(key: string, kept: Kept): void;
  remove(key: string): void;
}

/** RFC 7231, section 6.1, as OPA reads it. */
const statuses: ReadonlySet<number> = new Set([200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501]);
const longest = 2 ** 31 - 1;
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Creates OPA's inter-query cache, bounded in bytes; the keys, which hold secrets, are kept as digests. */
export function createHttpCache(maxBytes: number): HttpCache {
  const kept = new LRUCache<string, Kept>({
    maxSize: maxBytes,
    sizeCalculation: ({ reply }) =>
      reply.headers.reduce((sum, [name, value]) => sum + name.length + value.length, 200 + reply.body.length),
  });
  const digest = (key: string): string => createHash("sha256").update(key).digest("base64");
  return {
    get: (key) => kept.get(digest(key)),
    put: (key, value) => void kept.set(digest(key), value),
    remove: (key) => void kept.delete(digest(key)),
  };
}

/**
 * Tells until when a reply may be used again: milliseconds since the epoch.
 * @param seconds `force_cache_duration_seconds`, 0 to go by the headers
 * @throws HttpFault where the headers can't be read
 */
export function expiryOf(headers: Headers, seconds: number, nowMs: number): number {
  if (seconds > 0) return nowMs + seconds * 1_000;
  const maxAge = directives(headers).get("max-age");
  if (maxAge === undefined) return dateOf(headerOf(headers, "expires")) ?? Number.NEGATIVE_INFINITY;
  if (!/^\d+$/.test(maxAge)) throw new HttpFault("internal", "max-age can't be read", false);
  const date = headerOf(headers, "date");
  if (date === "") throw new HttpFault("internal", "no date header", false);
  const made = dateOf(date);
  if (made === undefined) throw new HttpFault("internal", "the date header can't be read", false);
  return made + Math.min(Number(maxAge), longest) * 1_000;
}

/** Makes what is kept of a reply; undefined where nothing may be. */
export function keepable(reply: Reply, seconds: number, nowMs: number): Kept | undefined {
  if (!statuses.has(reply.statusCode)) return undefined;
  if (seconds <= 0 && directives(reply.headers).has("no-store")) return undefined;
  try {
    return { reply, expiresAt: expiryOf(reply.headers, seconds, nowMs) };
  } catch {
    return undefined;
  }
}

/** Gives the headers that ask whether a kept reply still holds; undefined where the server gave nothing to ask with. */
export function validators({ headers }: Reply): Headers | undefined {
  const [tag, changed] = [headerOf(headers, "etag"), headerOf(headers, "last-modified")];
  if (tag === "" && changed === "") return undefined;
  return [
    ...(tag === "" ? [] : ([["If-None-Match", latin1(tag)]] as const)),
    ...(changed === "" ? [] : ([["If-Modified-Since", latin1(changed)]] as const)),
  ];
}

/** Renews a kept reply with the headers of a `304`. */
export function renewed(kept: Reply, { headers }: Reply): Reply {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  return {
    ...kept,
    headers: [...kept.headers.filter(([name]) => !names.has(name.toLowerCase())), ...headers],
  };
}

function directives(headers: Headers): ReadonlyMap<string, string> {
  const lines = headers.filter(([name]) => name.toLowerCase() === "cache-control").map(([, value]) => value);
  return new Map(
    lines
      .join(",")
      .split(",")
      .map((part) => part.trim().split("="))
      .filter((part) => part[0] !== "" && part.length < 3)
      .map(([name = "", value = ""]) => [name.trim().toLowerCase(), value.trim()]),
  );
}

function dateOf(text: string): number | undefined {
  const time = httpDate.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** A header's text as Node sends it: one character for each byte. */
function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}
