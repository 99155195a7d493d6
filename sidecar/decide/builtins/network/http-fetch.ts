import type { HttpCache } from "./http-cache.js";
import { expiryOf, keepable, renewed, validators } from "./http-cache.js";
import type { Reply } from "./http-exchange.js";
import type { HttpRequest } from "./http-request.js";
import type { Send } from "./http-send.js";

export interface Fetch {
  readonly request: HttpRequest;
  /** Names the request in the cache. */
  readonly key: string;
  /** A reply that is no longer fresh. */
  readonly held: Reply | undefined;
  /** The decision's time, milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * Gets a reply from the network: the held one where the server says that it still holds, else a new one, which is kept
 * as the request and its headers allow. Source: OPA, topdown/http.go, checkHTTPSendInterQueryCache.
 * @throws HttpFault, Overloaded
 */
export async function fetchReply(
  { request, key, held, nowMs }: Fetch,
  { cache, send, signal }: { readonly cache: HttpCache; readonly send: Send; readonly signal: AbortSignal },
): Promise<Reply> {
  const { keepFor } = request;
  const keep = (reply: Reply): Reply => {
    const kept = keepFor === undefined ? undefined : keepable(reply, keepFor, nowMs);
    if (kept !== undefined) cache.put(key, kept);
    return reply;
  };
  if (held !== undefined) {
    // whatever comes of it, the old reply has served
    cache.remove(key);
    const asked = validators(held);
    if (asked !== undefined) {
      const reply = await send({ ...request, headers: withHeaders(request.headers, asked) }, signal);
      if (reply.statusCode === 200) return keep(reply);
      if (reply.statusCode === 304) {
        const fresh = renewed(held, reply);
        cache.put(key, { reply: fresh, expiresAt: expiryOf(reply.headers, keepFor ?? 0, nowMs) });
        return fresh;
      }
    }
  }
  return keep(await send(request, signal));
}

function withHeaders(given: HttpRequest["headers"], added: HttpRequest["headers"]): HttpRequest["headers"] {
  const names = new Set(added.map(([name]) => name));
  return [...given.filter(([name]) => !names.has(name)), ...added];
}
