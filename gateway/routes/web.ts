/** Serves a route to anything that people or programs reach by HTTP: each request is decided, then passed on. */
import type { Call, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../exchange.js";
import { discard, passOn } from "../forward/forward.js";
import { pathAt } from "../forward/pass.js";
import { refusalOf } from "../models/refuse.js";
import { bounded } from "./bounded.js";
import type { RouteConfig } from "./config.js";
import { pickCookies } from "./cookies.js";
import { answerHeaders, passedHeaders } from "./headers.js";
import type { Target } from "./normalise.js";
import { readRouteBody } from "./read-body.js";
import { isRefusal, refusalBody, refuseRoute } from "./refuse.js";

/** What policy sees of a target: the decoded path, names of parameters, and the values that the route lists. */
export function describeTarget(route: RouteConfig, { path, query }: Target): JsonObject {
  const values: Record<string, string[]> = {};
  for (const [name, value] of query)
    if (route.queryValues.has(name)) values[name] = [...(values[name] ?? []), value];
  return { path, query: { names: [...new Set(query.map(([name]) => name))], values } };
}

/** The parts, with the route's own headers among those that policy sees as claims. */
export function claiming(parts: GatewayParts, route: RouteConfig): GatewayParts {
  if (route.headers.length === 0) return parts;
  const claimedHeaders = [...new Set([...parts.config.claimedHeaders, ...route.headers])];
  return { ...parts, config: { ...parts.config, claimedHeaders } };
}

/** Serves one request. */
export async function serveWeb(
  parts: GatewayParts,
  exchange: Exchange,
  route: RouteConfig,
  target: Target,
): Promise<void> {
  const { req, res, signal } = exchange;
  const refuseHere = refuseRoute(parts.config);
  const method = req.method ?? "";
  if (!route.methods.has(method)) return refuseHere(exchange, refuse("method_not_allowed"));
  const headers = passedHeaders(req, route);
  if (isRefusal(headers)) return refuseHere(exchange, headers);
  const cookies = pickCookies(req.headers.cookie, route.cookies);
  if (cookies.kind === "refusal") return refuseHere(exchange, cookies);
  const body = await readRouteBody(req, route);
  if (body.kind === "refusal") return refuseHere(exchange, body);

  const call: Call = {
    kind: "route",
    action: {
      name: "http.request",
      properties: { phase: "request", method, cookies: cookies.names, body: body.facts },
    },
    resource: {
      type: "route",
      id: route.name,
      properties: { ...route.facts, ...describeTarget(route, target) },
    },
  };
  const { upstream } = route;
  const [decision] = await askAbout(claiming(parts, route), exchange, [call], [], { upstream });
  if (decision === undefined) return refuseHere(exchange, refuse("pdp_unavailable"));
  let asked: Partial<Outcome> = {};
  const end = (outcome: Outcome["outcome"], status: number, bytes = 0): void => {
    conclude(parts, exchange, decision, { kind: "route", outcome, status, bytes, ...asked });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"]): void => {
    refuseHere(exchange, refusal, decision);
    end(outcome, refusal.status);
  };
  if (!decision.allow) return refuseAs(refusalOf(decision), "denied");

  asked = used(route.name, upstream);
  const path = `${target.raw}${target.search}`;
  const answer = await parts.pass({
    ...{ upstream, method, path, signal, assertion: decision.assertion, body: body.send },
    headers: {
      ...headers,
      ...body.headers,
      ...(cookies.header === "" ? {} : { cookie: cookies.header }),
      "x-forwarded-prefix": `/routes/${route.name}`,
    },
  });
  if (body.tooLarge()) return refuseAs(refuse("body_too_large", `at most ${route.maxBody} bytes`), "denied");
  if (answer.kind === "aborted") return end("client_disconnected", 499);
  if (answer.kind === "failed") {
    const timedOut = answer.code === "upstream_timeout";
    return refuseAs(refuse(answer.code), timedOut ? "upstream_timeout" : "upstream_error");
  }
  const fail = (refusal: Refusal): void => {
    discard(answer.body);
    refuseAs(refusal, "upstream_error");
  };
  const { status } = answer;
  // a refusal of our own credential is no answer to the client, and may quote the credential
  const ours = (status === 401 || status === 403) && upstream.apiKey !== undefined;
  if (status < 200 || status > 599 || ours) return fail(refuse("upstream_invalid"));
  const secure = parts.publicUrl().startsWith("https:");
  const passed = answerHeaders(answer, route, { path: pathAt(upstream, path), secure });
  if (passed.kind === "refusal") return fail(passed);
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  if (signal.aborted) {
    discard(answer.body);
    return end("client_disconnected", 499);
  }
  // our own names come last: an upstream can't say them
  res.writeHead(status, {
    ...passed.headers,
    ...decisionHeaders(decision),
    ...(req.complete ? {} : { connection: "close" }),
  });
  const { ended, bytes } = await passOn(bounded(answer.body, route.maxAnswer), res, signal);
  const cut = exchange.wasCut();
  const streams = /^text\/event-stream\b/i.test(String(passed.headers["content-type"] ?? ""));
  // a cut answer must look cut; a stream of events can say why
  if (ended === "whole") res.end();
  else if (cut !== undefined && streams)
    res.end(`\n\nevent: error\ndata: ${refusalBody(route.kind, cut)}\n\n`);
  else res.destroy();
  const outcome = { whole: "forwarded", cut: "upstream_error", aborted: "client_disconnected" } as const;
  end(outcome[ended], status, bytes);
}
