import type { Decision, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../exchange.js";
import { discard } from "../forward/forward.js";
import type { ProtocolHeaders } from "../forward/headers.js";
import { readJson } from "../http.js";
import { refusalOf } from "../models/refuse.js";
import { answerMessage } from "./answer.js";
import type { McpCall } from "./classify.js";
import { classifyMcp, idOf, listCall } from "./classify.js";
import { refuseTool } from "./refuse.js";
import { openSession } from "./session.js";

/** Checked against the body already, where they have one to be checked against. */
const passedHeaders = ["mcp-protocol-version", "mcp-method", "mcp-name"] as const;

/** Serves `POST /mcp/{server}` (streamable HTTP). */
export async function serveTools(parts: GatewayParts, exchange: Exchange, server: string): Promise<void> {
  const { config } = parts;
  const { req, signal } = exchange;
  const read = await readJson(req, config.maxBody);
  if (read.kind === "refusal") return void refuseTool(exchange, read);
  const mcp = classifyMcp(read.value, server, req.headers);
  if (mcp.kind === "refusal") return void refuseTool(exchange, mcp, undefined, idOf(read.value));
  const prompt = { bytes: read.bytes.byteLength, method: mcp.method };
  const upstream = config.servers.get(server)?.upstream;
  const [decision] = await askAbout(parts, exchange, [mcp.call], [], { prompt, upstream });
  if (decision === undefined) return void refuseTool(exchange, refuse("pdp_unavailable"), undefined, mcp.id);
  let asked: Partial<Outcome> = {};
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    conclude(parts, exchange, decision, { kind: "tool", outcome, status, ...asked, ...more });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"]): void => {
    end(outcome, refuseTool(exchange, refusal, decision, mcp.id));
  };
  if (!decision.allow) return refuseAs(refusalOf(decision), "denied");
  const session = sessionHeader(parts, exchange, server, decision);
  // 404 makes a client open a new session, as MCP has it
  if (upstream === undefined || session === undefined) return refuseAs(refuse("unknown_server"), "denied");

  const headers: { -readonly [Name in keyof ProtocolHeaders]: ProtocolHeaders[Name] } = {
    accept: "application/json, text/event-stream",
    ...session,
  };
  for (const name of passedHeaders) {
    const value = req.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  asked = used(server, upstream);
  const answer = await parts.forward({
    upstream,
    method: "POST",
    path: "",
    headers,
    body: stringifyJson(sentMessage(mcp)),
    assertion: decision.assertion,
    signal,
  });
  if (answer.kind === "aborted") return end("client_disconnected", 499);
  if (answer.kind === "failed") {
    return refuseAs(
      refuse(answer.code),
      answer.code === "upstream_timeout" ? "upstream_timeout" : "upstream_error",
    );
  }
  const forgotten = answer.status === 404 && session["mcp-session-id"] !== undefined;
  if (answer.status >= 300 || answer.status < 200) {
    discard(answer.body);
    return refuseAs(refuse(forgotten ? "unknown_server" : "upstream_invalid"), "upstream_error");
  }
  return answerMessage(parts, exchange, { server, mcp, decision, answer, end, refuseAs });
}

/** What a client can do for a server (sampling, elicitation) is not carried here, so it isn't promised. */
function sentMessage({ method, message }: McpCall): JsonObject {
  if (method !== "initialize") return message;
  const params = message["params"] as JsonObject | undefined;
  return { ...message, params: { ...params, capabilities: {} } };
}

/** Serves `DELETE /mcp/{server}`: ends a session of the caller's own. */
export async function endSession(parts: GatewayParts, exchange: Exchange, server: string): Promise<void> {
  const call = listCall({ type: "server", id: server, properties: { server } });
  const upstream = parts.config.servers.get(server)?.upstream;
  const [decision] = await askAbout(parts, exchange, [call], [], { upstream });
  if (decision === undefined) return void refuseTool(exchange, refuse("pdp_unavailable"));
  if (!decision.allow) return void refuseTool(exchange, refusalOf(decision), decision);
  const session = sessionHeader(parts, exchange, server, decision);
  if (upstream === undefined || session?.["mcp-session-id"] === undefined) {
    return void refuseTool(exchange, refuse("unknown_server"), decision);
  }
  const answer = await parts.forward({
    upstream,
    method: "DELETE",
    path: "",
    headers: session,
    assertion: decision.assertion,
    signal: exchange.signal,
  });
  if (answer.kind === "answered") {
    discard(answer.body);
    exchange.res.writeHead(answer.status === 200 ? 200 : 204, decisionHeaders(decision)).end();
  } else
    refuseTool(exchange, refuse(answer.kind === "failed" ? answer.code : "upstream_unavailable"), decision);
}

/** The upstream's session id as a header; undefined where the client's id isn't one of its own. */
function sessionHeader(
  { sessionSecret }: GatewayParts,
  { req }: Exchange,
  server: string,
  { subject }: Decision,
): ProtocolHeaders | undefined {
  const sealed = req.headers["mcp-session-id"];
  if (sealed === undefined) return {};
  if (typeof sealed !== "string" || subject === undefined) return undefined;
  const id = openSession(sealed, server, subject, sessionSecret);
  return id === undefined ? undefined : { "mcp-session-id": id };
}
