import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Decision, Refusal } from "../sidecar/contract.js";
import { peerCertificates, readCredentials, refuse } from "../sidecar/contract.js";
import { serveRest } from "./agents/rest.js";
import { serveAgent, serveCard } from "./agents/serve.js";
import { refuseAgent } from "./agents/refuse.js";
import { checkHead } from "./classify/check-head.js";
import type { Protocol } from "./classify/route.js";
import { matchRoute, protocolOf } from "./classify/route.js";
import type { Exchange, GatewayParts } from "./exchange.js";
import { send } from "./http.js";
import { serveKeys } from "./keys.js";
import { createCutting } from "./live/cutting.js";
import { serveModels } from "./models/list.js";
import { geminiModels } from "./models/operations/gemini-count.js";
import { geminiSpeaker } from "./models/operations/gemini-error.js";
import { operations, uploads } from "./models/operations/operations.js";
import { serveOperation } from "./models/operations/serve.js";
import { serveUpload } from "./models/operations/upload.js";
import { createBatch, serveBatch } from "./models/storage/batches.js";
import { createMessageBatch, serveMessageBatch } from "./models/storage/message-batches.js";
import { serveStore } from "./models/storage/vector-stores.js";
import { createFile, serveFile } from "./models/storage/files.js";
import { serveStored } from "./models/operations/stored.js";
import { refuseIn } from "./models/refuse.js";
import { anthropicIn } from "./models/anthropic.js";
import { countTokensIn } from "./models/operations/count-tokens.js";
import { protocols } from "./models/protocols.js";
import type { ModelProtocol } from "./models/protocol.js";
import { serveInvoke } from "./models/serve.js";
import { refusePlainly } from "./refuse.js";
import { refuseStore } from "./retrieval/serve/refuse.js";
import { serveNeutral } from "./retrieval/serve/serve-neutral.js";
import { serveStore as serveOwnStore } from "./retrieval/serve/serve-store.js";
import { refuseRoute } from "./routes/refuse.js";
import { serveNamed } from "./routes/serve.js";
import type { Upgrading } from "./routes/websocket/upgrade.js";
import { createSourceFinder } from "./source.js";
import { UpgradeResponse } from "./upgrades.js";
import { noTask } from "./tasks/carried.js";
import { readTask } from "./tasks/headers.js";
import { serveTask } from "./tasks/serve.js";
import { metadataUrl, resourceOf, serveMetadata } from "./tools/metadata.js";
import { refuseTool } from "./tools/refuse.js";
import { endSession, serveOwnStream } from "./tools/mcp/own-stream.js";
import { serveMcp } from "./tools/mcp/serve.js";
import { serveOperations } from "./tools/openapi/serve.js";

const fixedRefusers = {
  openai: refuseIn(protocols.openai),
  anthropic: refuseIn(protocols.anthropic),
  gemini: refuseIn(geminiSpeaker),
  mcp: refuseTool,
  retrieval: refusePlainly,
  task: refusePlainly,
  http_tool: refusePlainly,
  agent: refuseAgent,
} as const;
const geminiLister = { error: geminiSpeaker.error, models: geminiModels };
const kinds = {
  openai: "model",
  anthropic: "model",
  gemini: "model",
  mcp: "tool",
  retrieval: "retrieval",
  store: "retrieval",
  http_tool: "tool",
  agent: "agent",
  route: "route",
  task: "task",
} as const;

/**
 * Creates the gateway: classify, ask, enforce, forward. Nothing is passed through undecided.
 * @param proxy the local proxy whose own Unix socket the requests come through
 */
export function createGateway(parts: GatewayParts, proxy?: string): RequestListener {
  const findSource = createSourceFinder(parts.config.trustedProxies);
  const refusers = {
    ...fixedRefusers,
    route: refuseRoute(parts.config),
    store: refuseStore(parts.config),
  };
  return (req, res) => {
    const target = req.url ?? "";
    const protocol = protocolOf(target, req.headers["anthropic-version"]);
    const route = matchRoute(req.method ?? "", target);
    const challenge = {
      // most requests aren't refused
      metadata: (): string | undefined => {
        const resource = route.kind === "refusal" ? undefined : resourceOf(target, parts.config);
        return resource === undefined ? undefined : metadataUrl(parts, resource);
      },
      dpopAlgorithms: parts.config.resourceMetadata.dpopAlgorithms,
    };
    const trace = parts.telemetry?.begin({
      method: req.method ?? "",
      route: nameRoute(route, target),
      traceparent: req.headers["traceparent"] as string | undefined,
    });
    const exchange = begin(parts, req, res, { ip: findSource(req, proxy !== undefined), challenge, trace });
    res.on("close", () => {
      parts.metrics.gatewayAnswered(kinds[protocol], res.statusCode);
      trace?.end(res.statusCode);
    });
    const refuseHere = (refusal: Refusal, decision?: Decision): void => {
      refusers[protocol](exchange, refusal, decision);
    };
    exchange.endBy({ before: refuseHere });
    res.setHeader("x-request-id", exchange.id);
    const wrong = checkHead(req, parts.config.allowedOrigins);
    if (wrong !== undefined) {
      refuseHere(wrong);
      return;
    }
    if (route.kind === "refusal") {
      refuseHere(route);
      return;
    }
    const spoken =
      protocol === "anthropic" ? anthropicIn(req.headers["anthropic-version"]) : protocols.openai;
    if ("kind" in spoken) {
      refuseHere(spoken);
      return;
    }
    const certificates = peerCertificates(req.socket);
    const upgrade = res instanceof UpgradeResponse ? res : undefined;
    // INVARIANT: a connection becomes another protocol's on named routes only
    if (upgrade !== undefined && route.kind !== "named") {
      refuseHere(refuse("upgrade_refused"));
      return;
    }
    const read = readCredentials(req, {
      publicUrl: parts.publicUrl(),
      ...(certificates === undefined ? {} : { certificates }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(protocol === "gemini" ? { google: true } : {}),
      ...(protocol === "store" ? { store: true } : {}),
    });
    if (read.kind === "refusal") {
      refuseHere(read);
      return;
    }
    const task = readTask(req);
    if ("kind" in task) {
      refuseHere(task);
      return;
    }
    exchange.credentials = read.credentials;
    exchange.task = task;
    serve(parts, exchange, route, protocol, spoken, upgrade).catch((error: unknown) => {
      const fault = (error as { name?: unknown } | null)?.name;
      parts.log.error("request failed", { request_id: exchange.id, fault: String(fault) });
      // what was cut has been told
      if (res.headersSent && res.writableEnded) return;
      if (res.headersSent) res.destroy();
      else refuseHere(refuse("internal_error"));
    });
  };
}

type Served = Exclude<ReturnType<typeof matchRoute>, Refusal>;

async function serve(
  parts: GatewayParts,
  exchange: Exchange,
  route: Served,
  protocol: Protocol,
  spoken: ModelProtocol,
  upgrade: UpgradeResponse | undefined,
): Promise<void> {
  switch (route.kind) {
    case "invoke":
      return serveInvoke(parts, exchange, spoken);
    case "operation":
      return serveOperation(
        parts,
        exchange,
        route.operation === "countTokens" ? countTokensIn(spoken) : operations[route.operation],
        route.model,
      );
    case "upload":
      return serveUpload(parts, exchange, uploads[route.operation]);
    case "create_file":
      return createFile(parts, exchange);
    case "file":
      return serveFile(parts, exchange, route.action, route.id);
    case "create_batch":
      return createBatch(parts, exchange);
    case "batch":
      return serveBatch(parts, exchange, route.action, route.id);
    case "create_message_batch":
      return createMessageBatch(parts, exchange, spoken);
    case "message_batch":
      return serveMessageBatch(parts, exchange, route.action, route.id, spoken);
    case "store":
      return serveStore(parts, exchange, route.action, route.id, route.second);
    case "list":
      return refuseIn(spoken)(exchange, refuse("list_refused"));
    case "stored":
      return serveStored(parts, exchange, route.action, route.id);
    case "models":
      return protocol === "gemini"
        ? serveModels(parts, exchange, geminiLister, route.id, protocol)
        : serveModels(parts, exchange, spoken, route.id);
    case "tools":
      return serveMcp(parts, exchange, route.server);
    case "own_stream":
      return serveOwnStream(parts, exchange, route.server);
    case "end_session":
      return endSession(parts, exchange, route.server);
    case "agent":
      return serveAgent(parts, exchange, route.agent);
    case "agent_rest":
      return serveRest(parts, exchange, route.agent, route.rest);
    case "agent_card":
      return serveCard(parts, exchange, route.agent);
    case "http_tool":
      return serveOperations(parts, exchange, route);
    case "query":
      return serveNeutral(parts, exchange, route.collection);
    case "own_store":
      return serveOwnStore(parts, exchange, route);
    case "named":
      return serveNamed(parts, exchange, route, upgrade && upgradingOf(upgrade));
    case "task":
      return serveTask(parts, exchange, route.action, route.id);
    case "metadata":
      return serveMetadata(parts, exchange, route.path);
    case "keys":
      return serveKeys(
        parts.fetchKeys,
        exchange,
        parts.cardSigner === undefined ? [] : [parts.cardSigner.publicKey],
      );
    case "health":
      return void send(exchange.res, 200, "{}");
  }
}

/** Names a route for traces: of few values, none of a client's. */
function nameRoute(route: ReturnType<typeof matchRoute>, target: string): string {
  if (route.kind === "invoke") return target;
  return route.kind === "operation" ? `operation ${route.operation}` : route.kind;
}

function upgradingOf(res: UpgradeResponse): Upgrading {
  return {
    socket: res.upgradeSocket,
    head: res.head,
    take: () => {
      res.take();
    },
  };
}

/** Begins an exchange, of somebody who isn't known yet. */
function begin(
  parts: GatewayParts,
  req: IncomingMessage,
  res: ServerResponse,
  { ip, challenge, trace }: Pick<Exchange, "ip" | "challenge" | "trace">,
): Omit<Exchange, "credentials" | "task"> & { -readonly [Name in "credentials" | "task"]: Exchange[Name] } {
  const given = req.headers["x-request-id"];
  // an id that a caller chose is taken only in a form that can't hurt a log
  const id = typeof given === "string" && /^[\w-]{8,64}$/.test(given) ? given : parts.newId();
  const [path, started] = [req.url ?? "", parts.clock()];
  const cutting = createCutting(res);
  return { ...cutting, req, res, id, path, ip, credentials: {}, started, challenge, trace, task: noTask() };
}
