/** The headers that pass between a client and a route's upstream: none but these. */
import type { IncomingMessage } from "node:http";
import type { Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import type { RouteConfig } from "./config.js";
import { scopeCookie } from "./cookies.js";
import { rewriteLocation } from "./location.js";
import { routesPath } from "./match.js";

/** What content negotiation, caches and downloads need. */
const requestHeaders = [
  ...["accept", "accept-language", "if-match", "if-none-match", "if-modified-since"],
  ...["if-unmodified-since", "if-range", "range"],
];
const value = /^[\t\x20-\x7e]{0,1024}$/;

/** Gives the request's headers that are passed on; each once. */
export function passedHeaders(req: IncomingMessage, route: RouteConfig): Record<string, string> | Refusal {
  const out: Record<string, string> = {};
  for (const name of [...requestHeaders, ...route.headers]) {
    const given = req.headersDistinct[name];
    if (given === undefined) continue;
    const [first = ""] = given;
    if (given.length > 1) return refuse("invalid_request", `the header ${name} stands twice`);
    if (!value.test(first)) return refuse("invalid_request", `the header ${name}`);
    out[name] = first;
  }
  return out;
}

/** What belongs to a connection, to this gateway's own origin, or to who signs in here. */
const neverAnswered = new Set([
  ...["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-encoding"],
  ...["alt-svc", "strict-transport-security", "clear-site-data", "service-worker-allowed", "refresh"],
  ...["www-authenticate", "proxy-authenticate", "proxy-connection", "authentication-info", "dpop-nonce"],
  ...["report-to", "reporting-endpoints", "nel", "origin-trial", "public-key-pins", "set-cookie2"],
  ...["expires", "age", "cache-control", "location", "set-cookie", "x-request-id", "link", "server"],
  ...["via", "x-sendfile", "x-powered-by", "content-location", "warning", "sourcemap", "x-sourcemap"],
]);
const neverPrefixed = /^(?:access-control-|x-countersign-|x-accel-|x-ratelimit-|sec-)/;

export interface AnswerSource {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly quotesKey: (text: string) => boolean;
}

/**
 * Gives the answer's headers for the client: cookies and redirects kept within the route, nothing kept by caches.
 * @param path of the request at the upstream
 */
export function answerHeaders(
  { status, headers, quotesKey }: AnswerSource,
  route: RouteConfig,
  { path, secure }: { readonly path: string; readonly secure: boolean },
): { readonly kind: "headers"; readonly headers: Record<string, string | string[]> } | Refusal {
  const out: Record<string, string | string[]> = {};
  const prefix = `${routesPath}${route.name}`;
  const base = route.upstream.url.pathname.replace(/\/$/, "");
  const own = new Set(
    [headers["connection"] ?? []].flat().flatMap((line) => line.toLowerCase().split(/[\s,]+/)),
  );
  for (const [given, content] of Object.entries(headers)) {
    const name = given.toLowerCase();
    if (content === undefined || neverAnswered.has(name) || neverPrefixed.test(name) || own.has(name))
      continue;
    if ([content].flat().some((text) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(text) || quotesKey(text))) continue;
    out[name] = content;
  }
  const location = headers["location"];
  if (location !== undefined) {
    const rewritten = rewriteLocation([location].flat(), route.upstream.url, path, prefix);
    if (rewritten === undefined) return refuse("redirect_refused");
    out["location"] = rewritten;
  } else if ([301, 302, 303, 307, 308].includes(status)) return refuse("upstream_invalid");
  const cookies = [headers["set-cookie"] ?? []]
    .flat()
    .flatMap((line) => scopeCookie(line, route.cookies, { base, prefix, secure }) ?? []);
  if (cookies.length > 0) out["set-cookie"] = cookies;
  // each request is decided: what a cache keeps is shown again after it was asked for again, if at all
  const stored = [headers["cache-control"] ?? ""].flat().join(",").toLowerCase();
  out["cache-control"] = stored.includes("no-store") ? "no-store" : "private, no-cache";
  out["x-content-type-options"] = "nosniff";
  return { kind: "headers", headers: out };
}
