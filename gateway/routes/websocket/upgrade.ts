/** Serves an upgrade to WebSocket: decided, opened at the upstream, then relayed until either side ends it. */
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { Call, Decision, Outcome, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { again } from "../../again.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../../exchange.js";
import { refusalOf } from "../../models/refuse.js";
import type { RouteConfig } from "../config.js";
import { pickCookies } from "../cookies.js";
import { passedHeaders } from "../headers.js";
import type { Target } from "../normalise.js";
import { isRefusal, refuseRoute } from "../refuse.js";
import { claiming, describeTarget } from "../web.js";
import type { WebSocketConfig } from "./config.js";
import { dialUpstream, limitsOf } from "./dial.js";
import { readHandshake } from "./handshake.js";
import { createJudge, reasonOf } from "./judge.js";
import type { Relaying } from "./relay.js";
import { relayMessages } from "./relay.js";

export interface Upgrading {
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Gives the connection away: what follows on it is no answer to a request. */
  readonly take: () => void;
}

export async function serveUpgrade(
  given: GatewayParts,
  exchange: Exchange,
  route: RouteConfig,
  target: Target,
  upgrading: Upgrading,
): Promise<void> {
  const { req } = exchange;
  const { websocket: config } = route;
  const refuseHere = refuseRoute(given.config);
  const handshake = readHandshake(req, upgrading.head, config);
  if (handshake.kind === "refusal" || config === undefined)
    return refuseHere(exchange, handshake.kind === "refusal" ? handshake : refuse("upgrade_refused"));
  const headers = passedHeaders(req, route);
  if (isRefusal(headers)) return refuseHere(exchange, headers);
  const cookies = pickCookies(req.headers.cookie, route.cookies);
  if (cookies.kind === "refusal") return refuseHere(exchange, cookies);
  const resource = {
    type: "route",
    id: route.name,
    properties: { ...route.facts, ...describeTarget(route, target) },
  };
  const call: Call = {
    kind: "route",
    action: {
      name: "websocket.open",
      properties: { phase: "request", subprotocols: [...handshake.subprotocols], cookies: cookies.names },
    },
    resource,
  };
  const parts = claiming(given, route);
  const { upstream } = route;
  const [decision] = await askAbout(parts, exchange, [call], [], { upstream });
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
  // an allow is for somebody
  const { subject } = decision;
  if (subject === undefined) return refuseAs(refuse("pdp_unavailable"), "denied");
  if (parts.live.count(route.name) >= config.most)
    return refuseAs(refuse("upgrade_refused", "too many connections"), "denied");

  // INVARIANT: whoever is allowed can be ended from here on, open or not
  exchange.alive.become("websocket", route.name);
  const open: { relaying?: Relaying } = {};
  exchange.endBy({
    before: (refusal) => {
      const { relaying } = open;
      if (relaying === undefined) refuseHere(exchange, refusal, decision);
      else relaying.end(...closing(refusal, decision));
    },
  });
  asked = used(route.name, upstream);
  const reached = await dialUpstream(parts.dial, {
    ...{ route, config, assertion: decision.assertion, subprotocols: handshake.subprotocols },
    path: `${target.raw}${target.search}`,
    headers: {
      ...headers,
      ...(cookies.header === "" ? {} : { cookie: cookies.header }),
      "x-forwarded-prefix": `/routes/${route.name}`,
    },
    signal: exchange.signal,
  });
  if (reached.kind === "failed") {
    if (exchange.signal.aborted) return end("client_disconnected", 499);
    const timedOut = reached.code === "upstream_timeout";
    return refuseAs(refuse(reached.code), timedOut ? "upstream_timeout" : "upstream_error");
  }
  if (exchange.signal.aborted) {
    reached.socket.terminate();
    return end("client_disconnected", 499);
  }
  const client = await accept(exchange, upgrading, config, reached.socket.protocol, decision);
  if (client === undefined) {
    reached.socket.terminate();
    return end("client_disconnected", 499);
  }
  const judged = { parts, exchange, resource };
  const relaying = (open.relaying = relayMessages({
    ...{ client, upstream: reached.socket, secrets: reached.secrets, config, clock: parts.clock },
    ...(config.messages === "decide" ? { judgeMessage: createJudge(judged, "request") } : {}),
    ...(config.answers === "decide" ? { judgeAnswer: createJudge(judged, "response") } : {}),
  }));
  const cut = exchange.wasCut();
  if (cut !== undefined) relaying.end(...closing(cut, decision));
  reached.socket.resume();
  const stop = recheck(parts, exchange, call, config, relaying);
  const { by, bytes } = await relaying.done;
  stop();
  const refused = by === "refused" || (by === "ended" && exchange.wasCut() !== undefined);
  end(by === "upstream" ? "upstream_error" : refused ? "denied" : "forwarded", 101, bytes);
}

/** Says in a close frame why a connection is cut. */
function closing({ code }: Refusal, { decision_id }: Decision): [code: number, reason: string] {
  return code === "gateway_stopping" ? [1001, code] : [1008, `${code} ${decision_id}`];
}

/** Answers 101; undefined where the client is gone. */
function accept(
  { req, res }: Exchange,
  { socket, head, take }: Upgrading,
  config: WebSocketConfig,
  protocol: string,
  decision: Decision,
): Promise<WebSocket | undefined> {
  const server = new WebSocketServer({
    ...limitsOf(config),
    noServer: true,
    clientTracking: false,
    handleProtocols: () => (protocol === "" ? false : protocol),
  });
  server.on("headers", (lines) => {
    const id = res.getHeader("x-request-id");
    const said = {
      ...decisionHeaders(decision),
      ...(id === undefined ? {} : { "x-request-id": String(id) }),
    };
    for (const [name, value] of Object.entries(said)) lines.push(`${name}: ${value}`);
  });
  return new Promise((resolve) => {
    if (socket.destroyed) {
      resolve(undefined);
      return;
    }
    take();
    socket.once("close", () => {
      resolve(undefined);
    });
    server.handleUpgrade(req, socket, head, resolve);
  });
}

/** Decides the connection anew from time to time: tokens end, and policies change. */
function recheck(
  parts: GatewayParts,
  exchange: Exchange,
  call: Call,
  { recheckMs }: WebSocketConfig,
  relaying: Relaying,
): () => void {
  let asking = false;
  const refuse = (code: number, reason: string): void => {
    // closing takes its time, and nothing is left to decide
    clearInterval(timer);
    relaying.end(code, reason, "refused");
  };
  const timer = setInterval(() => {
    if (asking) return;
    asking = true;
    askAbout(parts, exchange, [again(call)], [])
      .then(([decision]) => {
        if (decision?.allow !== true) refuse(1008, reasonOf(decision));
      })
      .catch(() => {
        refuse(1011, "internal_error");
      })
      .finally(() => {
        asking = false;
      });
  }, recheckMs);
  return () => {
    clearInterval(timer);
  };
}
