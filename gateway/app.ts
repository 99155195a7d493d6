import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Refusal } from "../sidecar/contract.js";
import { readCredentials, refuse } from "../sidecar/contract.js";
import { checkHead } from "./classify/check-head.js";
import { matchRoute, protocolOf } from "./classify/route.js";
import type { Exchange, GatewayParts } from "./exchange.js";
import { send } from "./http.js";
import { serveKeys } from "./keys.js";
import { refuseModel, serveChat, serveModels } from "./models/serve.js";
import { refuseRetrieval, serveQuery } from "./retrieval/serve.js";
import { createSourceFinder } from "./source.js";
import { metadataUrl, resourceOf, serveMetadata } from "./tools/metadata.js";
import { refuseTool } from "./tools/refuse.js";
import { endSession, serveTools } from "./tools/serve.js";

const refusers = { openai: refuseModel, mcp: refuseTool, retrieval: refuseRetrieval } as const;
const kinds = { openai: "model", mcp: "tool", retrieval: "retrieval" } as const;

/** Creates the gateway: classify, ask, enforce, forward. Nothing is passed through undecided. */
export function createGateway(parts: GatewayParts): RequestListener {
  const findSource = createSourceFinder(parts.config.trustedProxies);
  return (req, res) => {
    const target = req.url ?? "";
    const protocol = protocolOf(target);
    const route = matchRoute(req.method ?? "", target);
    const resource = route.kind === "refusal" ? undefined : resourceOf(target, parts.config);
    const challenge = {
      metadata: resource === undefined ? undefined : metadataUrl(parts, resource),
      dpopAlgorithms: parts.config.resourceMetadata.dpopAlgorithms,
    };
    const begun = { ...begin(parts, req, res, findSource(req)), challenge };
    res.on("close", () => {
      parts.metrics.gatewayAnswered(kinds[protocol], res.statusCode);
    });
    const refuseHere = (refusal: Refusal): void => {
      refusers[protocol](begun, refusal);
    };
    res.setHeader("x-request-id", begun.id);
    const wrong = checkHead(req, parts.config.allowedOrigins);
    if (wrong !== undefined) {
      refuseHere(wrong);
      return;
    }
    if (route.kind === "refusal") {
      refuseHere(route);
      return;
    }
    const read = readCredentials(req, { publicUrl: parts.publicUrl() });
    if (read.kind === "refusal") {
      refuseHere(read);
      return;
    }
    const exchange = { ...begun, credentials: read.credentials };
    serve(parts, exchange, route).catch((error: unknown) => {
      const fault = (error as { name?: unknown } | null)?.name;
      parts.log.error("request failed", { request_id: exchange.id, fault: String(fault) });
      if (res.headersSent) res.destroy();
      else refuseHere(refuse("internal_error"));
    });
  };
}

type Served = Exclude<ReturnType<typeof matchRoute>, Refusal>;

async function serve(parts: GatewayParts, exchange: Exchange, route: Served): Promise<void> {
  switch (route.kind) {
    case "chat":
      return serveChat(parts, exchange);
    case "models":
      return serveModels(parts, exchange, route.id);
    case "tools":
      return serveTools(parts, exchange, route.server);
    case "end_session":
      return endSession(parts, exchange, route.server);
    case "query":
      return serveQuery(parts, exchange, route.collection);
    case "metadata":
      return serveMetadata(parts, exchange, route.path);
    case "keys":
      return serveKeys(parts.fetchKeys, exchange);
    case "health":
      return send(exchange.res, 200, "{}");
  }
}

function begin(
  parts: GatewayParts,
  req: IncomingMessage,
  res: ServerResponse,
  ip: string | undefined,
): Omit<Exchange, "challenge"> {
  const gone = new AbortController();
  res.on("close", () => {
    if (!res.writableFinished) gone.abort();
  });
  const given = req.headers["x-request-id"];
  // an id that a caller chose is taken only in a form that can't hurt a log
  const id = typeof given === "string" && /^[\w-]{8,64}$/.test(given) ? given : parts.newId();
  const { signal } = gone;
  return { req, res, id, path: req.url ?? "", ip, credentials: {}, signal, started: parts.clock() };
}
