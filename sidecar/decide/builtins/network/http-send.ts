import { HttpFault, HttpTimeout } from "./http-fault.js";
import type { ExchangeOnce, Reply } from "./http-exchange.js";
import { ExchangeFailed } from "./http-exchange.js";
import type { Headers } from "./http-headers.js";
import { headerOf, headersAfterRedirect } from "./http-headers.js";
import type { HostList, ListedHost, Target } from "./http-hosts.js";
import { normalHost, parseTarget } from "./http-hosts.js";
import type { Lane } from "./http-lane.js";
import type { HttpRequest } from "./http-request.js";

export interface SendParts {
  readonly hosts: HostList;
  readonly exchange: ExchangeOnce;
  /** Of a listed host: what one host keeps busy is no other's concern. */
  readonly lane: (entry: string) => Lane;
  /** For a request with all that belongs to it: waiting, attempts, redirects. */
  readonly timeoutMs: number;
  /** Milliseconds that only go forward. */
  readonly now: () => number;
}

/**
 * Makes a request, with its attempts and redirects.
 * @param signal ends everything
 * @throws HttpFault; Overloaded where too many wait
 */
export type Send = (request: HttpRequest, signal: AbortSignal) => Promise<Reply>;

/** OPA's, for one attempt. */
const attemptMs = 5_000;
const mostRedirects = 10;
/** Go's: to the same place with the same method and body. */
const repeated: ReadonlySet<number> = new Set([307, 308]);
const redirects: ReadonlySet<number> = new Set([301, 302, 303, ...repeated]);

/** Creates the sender. */
export function createSend({ hosts, exchange, lane, timeoutMs, now }: SendParts): Send {
  const listed = (target: Target): ListedHost => {
    const found = hosts.find(target.host, target.port);
    if (found === undefined) throw new HttpFault("internal", `disallowed host: ${shown(target)}`);
    return found;
  };

  /** One attempt: a request and the redirects that come of it. */
  const follow = async (request: HttpRequest, start: Target, signal: AbortSignal): Promise<Reply> => {
    let { method, body, headers }: { method: string; body: Buffer; headers: Headers } = request;
    let target = start;
    for (let hops = 0; ; hops++) {
      // INVARIANT: each hop is looked up in the list before anything is asked of its host, a name's addresses included
      const { entry, allows } = listed(target);
      const hop = { method, target, allows, headers, body, tls: request.tls };
      const reply = await lane(entry).run(() => exchange(hop, signal), signal);
      const location = redirects.has(reply.statusCode) ? headerOf(reply.headers, "location") : "";
      if (!request.redirect || location === "") return reply;
      if (hops === mostRedirects) throw new ExchangeFailed(`stopped after ${mostRedirects} redirects`);
      const next = parseTarget(location, target.url);
      if (typeof next === "string") throw new ExchangeFailed(`the redirect can't be followed: ${next}`);
      if (target.secure && !next.secure) throw new ExchangeFailed("a redirect from https to http is refused");
      const again = repeated.has(reply.statusCode);
      if (!again && method !== "HEAD") method = "GET";
      if (!again) body = Buffer.alloc(0);
      headers = headersAfterRedirect(headers, next.url.origin === target.url.origin, again);
      target = next;
    }
  };

  const attempt = async (
    request: HttpRequest,
    target: Target,
    ms: number,
    ended: AbortSignal,
  ): Promise<Reply> => {
    const stop = new AbortController();
    const onEnd = (): void => stop.abort();
    ended.addEventListener("abort", onEnd, { once: true });
    const timer = setTimeout(onEnd, ms);
    try {
      if (ended.aborted) stop.abort();
      return await follow(request, target, stop.signal);
    } catch (error) {
      if (error instanceof HttpFault) throw error;
      const operation = request.method.charAt(0) + request.method.slice(1).toLowerCase();
      if (stop.signal.aborted) throw new HttpTimeout(operation, target.url.href);
      if (!(error instanceof ExchangeFailed)) throw error;
      const place = JSON.stringify(target.url.href);
      throw new HttpFault("network", `${operation} ${place}: ${error.message}`, false);
    } finally {
      clearTimeout(timer);
      ended.removeEventListener("abort", onEnd);
    }
  };

  return async (request, signal) => {
    const target = parseTarget(request.url);
    if (typeof target === "string") throw new HttpFault("internal", target);
    listed(target);
    for (const name of request.names) {
      // else a listed host that serves many names would open the way to the others
      const host = normalHost(name.replace(/:\d+$/, ""));
      if (host === undefined || hosts.find(host, undefined) === undefined) {
        throw new HttpFault("internal", `disallowed host: ${name}`);
      }
    }
    const end = now() + timeoutMs;
    for (let turn = 0; ; turn++) {
      const left = end - now();
      const ms = Math.min(left, request.timeoutMs === 0 ? left : (request.timeoutMs ?? attemptMs));
      try {
        return await attempt(request, target, Math.max(1, ms), signal);
      } catch (error) {
        const delay = backoff(turn);
        const last = turn >= request.retries || signal.aborted || end - now() <= delay;
        if (!(error instanceof HttpFault) || error.kind !== "network" || last) throw error;
        await pause(delay, signal);
      }
    }
  };
}

/** Milliseconds before the next attempt. Source: OPA, util.DefaultBackoff. */
function backoff(turn: number): number {
  if (turn === 0) return 0;
  return Math.min(100 * 1.6 ** turn, 60_000) * (0.8 + 0.4 * Math.random());
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}

function shown({ host, port, secure }: Target): string {
  return port === (secure ? 443 : 80) ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
