/** The forward proxy: agents' own HTTPS, decided by host, port, identity and task before a byte goes there. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Call, Decision, Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import { again } from "../again.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, decisionHeaders } from "../exchange.js";
import { send } from "../http.js";
import { createCutting } from "../live/cutting.js";
import { noTask } from "../tasks/carried.js";
import { readTask } from "../tasks/headers.js";
import { refusalOf } from "../models/refuse.js";
import { createSourceFinder } from "../source.js";
import { UpgradeResponse } from "../upgrades.js";
import { isPrivateHost } from "./addresses.js";
import type { ForwardProxyConfig } from "./config.js";
import { readProxyCredentials } from "./credentials.js";
import { reach } from "./reach.js";
import type { Target } from "./target.js";
import { readConnectTarget } from "./target.js";
import type { TunnelEnd } from "./tunnel.js";
import { openTunnel } from "./tunnel.js";

/** What its connections are called among those that can be ended. */
export const proxyRoute = "forward_proxy";

/** Creates the proxy: CONNECT is all that it takes. */
export function createForwardProxy(parts: GatewayParts, config: ForwardProxyConfig): RequestListener {
  const findSource = createSourceFinder([]);
  const callers = new Map<string, number>();
  return (req, res) => {
    const cutting = createCutting(res);
    res.on("close", () => {
      parts.metrics.gatewayAnswered("network", res.statusCode);
    });
    const id = parts.newId();
    res.setHeader("x-request-id", id);
    const challenge = { metadata: (): undefined => undefined, dpopAlgorithms: [] };
    const [path, started] = [req.url ?? "", parts.clock()];
    const begun = {
      ...cutting,
      req,
      res,
      id,
      path,
      ip: findSource(req),
      credentials: {},
      challenge,
      started,
      task: noTask(),
    };
    const read = readHead(req, res);
    const who = read.kind === "refusal" ? read : readProxyCredentials(req);
    if (read.kind === "refusal" || who.kind === "refusal") {
      refuseConnect(begun, read.kind === "refusal" ? read : (who as Refusal));
      return;
    }
    const task = readTask(req);
    if ("kind" in task) {
      refuseConnect(begun, task);
      return;
    }
    const exchange: Exchange = { ...begun, credentials: who.credentials, task };
    connectTo(parts, config, exchange, read, callers).catch((error: unknown) => {
      const fault = (error as { name?: unknown } | null)?.name;
      parts.log.error("request failed", { request_id: id, fault: String(fault) });
      if (read.res.headersSent) read.res.upgradeSocket.destroy();
      else refuseConnect(exchange, refuse("internal_error"));
    });
  };
}

interface Connecting {
  readonly kind: "connecting";
  readonly target: Target;
  readonly res: UpgradeResponse;
}

/** Reads the head of a CONNECT; what is ambiguous is refused. */
function readHead(req: IncomingMessage, res: ServerResponse): Connecting | Refusal {
  if (req.method !== "CONNECT" || !(res instanceof UpgradeResponse)) return refuse("method_not_allowed");
  const names = req.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  const twice = names.find(
    (name, i) => ["host", "proxy-authorization"].includes(name) && names.indexOf(name) < i,
  );
  if (twice !== undefined) return refuse("invalid_request", `the header ${twice} stands twice`);
  if (req.headers["content-length"] !== undefined || req.headers["transfer-encoding"] !== undefined)
    return refuse("invalid_request", "a CONNECT has no body");
  // what comes before the answer is for nobody
  if (res.head.length > 0) return refuse("invalid_request", "bytes came before the answer");
  const target = readConnectTarget(req.url ?? "");
  if (target === undefined)
    return refuse("invalid_request", "the target must be host:port in its plain form");
  const host = req.headers.host?.toLowerCase();
  const plain = (req.url ?? "").toLowerCase();
  if (host !== undefined && host !== plain && `${host}:${target.port}` !== plain)
    return refuse("header_mismatch", "host");
  return { kind: "connecting", target, res };
}

async function connectTo(
  parts: GatewayParts,
  config: ForwardProxyConfig,
  exchange: Exchange,
  { target, res }: Connecting,
  callers: Map<string, number>,
): Promise<void> {
  const { host, port, kind } = target;
  const call: Call = {
    kind: "network",
    action: { name: "network.connect", properties: { phase: "request" } },
    resource: {
      type: "host",
      id: `${host.includes(":") ? `[${host}]` : host}:${port}`,
      properties: { host, port, kind, private: isPrivateHost(host) },
    },
  };
  const [decision] = await askAbout(parts, exchange, [call], []);
  if (decision === undefined) return refuseConnect(exchange, refuse("pdp_unavailable"));
  const end = (outcome: Outcome["outcome"], status: number, bytes = 0): void => {
    conclude(parts, exchange, decision, { kind: "network", outcome, status, bytes });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"]): void => {
    refuseConnect(exchange, refusal, decision);
    end(outcome, statusOf(refusal));
  };
  const { subject } = decision;
  if (!decision.allow || subject === undefined) return refuseAs(refusalOf(decision), "denied");
  const caller = JSON.stringify([subject.tenant, subject.type, subject.id]);
  const wrong = check(target, config);
  if (wrong !== undefined) return refuseAs(refuse("destination_refused", wrong), "denied");
  const full = parts.live.count(proxyRoute) >= config.most;
  if (full || (callers.get(caller) ?? 0) >= config.mostPerCaller)
    return refuseAs(refuse("destination_refused", "too many connections"), "denied");
  // INVARIANT: whoever is allowed can be ended from here on, and counts
  exchange.alive.become("tunnel", proxyRoute);
  callers.set(caller, (callers.get(caller) ?? 0) + 1);
  exchange.endBy({
    before: (refusal) => {
      refuseConnect(exchange, refusal, decision);
    },
  });
  const { signal } = exchange;
  try {
    const reached = await reach(target, config, parts.resolve, signal);
    if (reached.kind === "failed") {
      if (signal.aborted) return end("client_disconnected", 499);
      if (reached.code === "destination_refused") return refuseAs(refuse(reached.code), "denied");
      const late = reached.code === "upstream_timeout";
      return refuseAs(refuse(reached.code), late ? "upstream_timeout" : "upstream_error");
    }
    // it was ended, or the client left, as the last thing before it
    if (signal.aborted) {
      reached.socket.destroy();
      return end("client_disconnected", 499);
    }
    answer(exchange, res, decision);
    const tunnel = openTunnel({ client: res.upgradeSocket, upstream: reached.socket, target, config });
    signal.addEventListener("abort", () => {
      if (exchange.wasCut() !== undefined) tunnel.end();
    });
    const stop = recheck(parts, exchange, call, config, tunnel.end);
    const { why, bytes } = await tunnel.done;
    stop();
    if (refused.has(why)) parts.log.info("a connection was ended", { request_id: exchange.id, why });
    end(refused.has(why) ? "denied" : "forwarded", 200, bytes);
  } finally {
    const left = (callers.get(caller) ?? 1) - 1;
    if (left > 0) callers.set(caller, left);
    else callers.delete(caller);
  }
}

/** Ends that are the gateway's doing. */
const refused: ReadonlySet<TunnelEnd> = new Set<TunnelEnd>([
  ...(["ended", "hello_timeout", "name_mismatch", "no_tls", "malformed", "hidden_name"] as const),
  ...(["too_long", "too_many_bytes"] as const),
]);

/** Says what of a destination that policy allows is still not to be reached. */
function check({ host, port, kind }: Target, config: ForwardProxyConfig): string | undefined {
  if (!config.ports.includes(port)) return "the port is not one of those that are configured";
  if (kind === "ip" && !config.addresses) return "addresses are not taken, give a name";
  const own = config.privateHosts.includes(host);
  return isPrivateHost(host) && !own ? "it is of a private network" : undefined;
}

/** Answers 200; the connection is the client's and the host's from then on. */
function answer(exchange: Exchange, res: UpgradeResponse, decision: Decision): void {
  res.take();
  res.statusCode = 200;
  const headers = { "x-request-id": exchange.id, ...decisionHeaders(decision) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  res.upgradeSocket.write(`HTTP/1.1 200 Connection established\r\n${lines.join("")}\r\n`);
}

const statusOf = ({ status }: Refusal): number => (status === 401 ? 407 : status);

/** Refuses as `{code, message, fix, decision_id, reasons}`; who isn't known is asked for proxy credentials. */
function refuseConnect({ res }: Pick<Exchange, "res">, refusal: Refusal, decision?: Decision): void {
  const { code, message, fix } = refusal;
  const why = decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons };
  const status = statusOf(refusal);
  if (status === 407) res.setHeader("proxy-authenticate", ['Basic realm="countersign"', "Bearer"]);
  send(res, status, JSON.stringify({ code, message, fix, ...why }), {
    connection: "close",
    ...(decision === undefined ? {} : decisionHeaders(decision)),
  });
}

/** Decides the connection anew from time to time: tokens end, and policies change. */
function recheck(
  parts: GatewayParts,
  exchange: Exchange,
  call: Call,
  { recheckMs }: ForwardProxyConfig,
  stop: () => void,
): () => void {
  let asking = false;
  const timer = setInterval(() => {
    if (asking) return;
    asking = true;
    askAbout(parts, exchange, [again(call)], [])
      .then(([decision]) => {
        if (decision?.allow !== true) stop();
      }, stop)
      .finally(() => {
        asking = false;
      });
  }, recheckMs);
  return () => {
    clearInterval(timer);
  };
}
