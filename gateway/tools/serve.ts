import type { Decision, Json, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { isObject, maxCalls, parseJson, refuse, stringifyJson } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, decisionHeaders } from "../exchange.js";
import type { Forwarded } from "../forward/forward.js";
import { collect, passOn } from "../forward/forward.js";
import { readJson, refusalHeaders, send } from "../http.js";
import { isPipeline } from "../models/serve.js";
import { refusalOf } from "../models/refuse.js";
import type { McpCall } from "./classify.js";
import { classifyMcp, listCall } from "./classify.js";
import { openSession, sealSession } from "./session.js";

const maxList = 8 * 2 ** 20;
/** JSON-RPC codes: -32001 denied (COAZ profile), -32020 header mismatch (MCP 2026-07-28), the rest JSON-RPC's own. */
const rpcCodes: Readonly<Record<string, number>> = {
  header_mismatch: -32020,
  invalid_json: -32700,
  invalid_utf8: -32700,
  duplicate_key: -32600,
  too_deep: -32600,
  invalid_request: -32600,
  unknown_operation: -32601,
};

/** Refuses as a JSON-RPC error. A policy's denial of a request is an answer (200), so that clients raise their McpError. */
export function refuseTool(exchange: Exchange, refusal: Refusal, decision?: Decision, id?: Json): void {
  const { code, message, fix, status } = refusal;
  const why = decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons };
  const text = stringifyJson({
    jsonrpc: "2.0",
    id: id ?? null,
    error: {
      code: rpcCodes[code] ?? -32001,
      message: `${message}; ${fix}`,
      data: { code, ...why } as unknown as Json,
    },
  });
  const answered = code === "denied" && id !== undefined;
  send(exchange.res, answered ? 200 : status, text, {
    ...refusalHeaders(status),
    ...(decision === undefined ? {} : decisionHeaders(decision)),
  });
}

/** Serves `POST /mcp/{server}` (streamable HTTP). */
export async function serveTools(parts: GatewayParts, exchange: Exchange, server: string): Promise<void> {
  const { config } = parts;
  const read = await readJson(exchange.req, config.maxBody);
  if (read.kind === "refusal") return refuseTool(exchange, read);
  const mcp = classifyMcp(read.value, server, exchange.req.headers);
  if (mcp.kind === "refusal") return refuseTool(exchange, mcp);
  const prompt = { bytes: read.bytes.byteLength, method: mcp.method };
  const [decision] = await askAbout(parts, exchange, [mcp.call], [], prompt);
  if (decision === undefined) return refuseTool(exchange, refuse("pdp_unavailable"), undefined, mcp.id);
  const end = ending(parts, exchange, decision);
  if (!decision.allow) {
    const refusal = refusalOf(decision);
    refuseTool(exchange, refusal, decision, mcp.id);
    return end("denied", refusal.status);
  }
  const upstream = config.servers.get(server);
  const session = sessionHeader(parts, exchange, server, decision);
  if (upstream === undefined || session === undefined) {
    // 404 makes a client open a new session, as MCP has it
    refuseTool(exchange, refuse("unknown_server"), decision, mcp.id);
    return end("denied", 404);
  }
  const version = exchange.req.headers["mcp-protocol-version"];
  const answer = await parts.forward({
    upstream,
    method: "POST",
    path: "",
    headers: {
      accept: "application/json, text/event-stream",
      ...session,
      ...(typeof version === "string" ? { "mcp-protocol-version": version } : {}),
    },
    body: stringifyJson(mcp.message),
    signal: exchange.signal,
  });
  if (answer.kind === "aborted") return end("client_disconnected", 499);
  if (answer.kind === "failed") {
    refuseTool(exchange, refuse(answer.code), decision, mcp.id);
    return end(
      answer.code === "upstream_timeout" ? "upstream_timeout" : "upstream_error",
      refuse(answer.code).status,
    );
  }
  const headers = answerHeaders(parts, decision, server, answer);
  if (mcp.how === "list") await answerList(parts, exchange, { server, mcp, decision, answer, headers });
  else {
    exchange.res.writeHead(answer.status, headers);
    const { ended, bytes } = await passOn(answer.body, exchange.res, exchange.signal, 0);
    if (ended === "cut") exchange.res.destroy();
    else exchange.res.end();
    end(
      ended === "whole" ? "forwarded" : ended === "cut" ? "upstream_error" : "client_disconnected",
      answer.status,
      {
        bytes,
      },
    );
  }
}

/** Serves `DELETE /mcp/{server}`: ends a session of the caller's own. */
export async function endSession(parts: GatewayParts, exchange: Exchange, server: string): Promise<void> {
  const call = listCall({ type: "server", id: server, properties: { server } });
  const [decision] = await askAbout(parts, exchange, [call], []);
  if (decision === undefined) return refuseTool(exchange, refuse("pdp_unavailable"));
  if (!decision.allow) return refuseTool(exchange, refusalOf(decision), decision);
  const upstream = parts.config.servers.get(server);
  const session = sessionHeader(parts, exchange, server, decision);
  if (upstream === undefined || session?.["mcp-session-id"] === undefined) {
    return refuseTool(exchange, refuse("unknown_server"), decision);
  }
  const answer = await parts.forward({
    upstream,
    method: "DELETE",
    path: "",
    headers: session,
    signal: exchange.signal,
  });
  if (answer.kind === "answered") {
    await answer.body.dump();
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
): Record<string, string> | undefined {
  const sealed = req.headers["mcp-session-id"];
  if (sealed === undefined) return {};
  if (typeof sealed !== "string" || subject === undefined) return undefined;
  const id = openSession(sealed, server, subject, sessionSecret);
  return id === undefined ? undefined : { "mcp-session-id": id };
}

function answerHeaders(
  { sessionSecret }: GatewayParts,
  decision: Decision,
  server: string,
  answer: Extract<Forwarded, { kind: "answered" }>,
): Record<string, string> {
  const headers: Record<string, string> = {
    ...decisionHeaders(decision),
    "cache-control": "private, no-store",
  };
  const type = answer.headers["content-type"];
  if (typeof type === "string") headers["content-type"] = type;
  const session = answer.headers["mcp-session-id"];
  if (typeof session === "string" && decision.subject !== undefined) {
    headers["mcp-session-id"] = sealSession(session, server, decision.subject, sessionSecret);
  }
  return headers;
}

interface ListAnswer {
  readonly server: string;
  readonly mcp: McpCall;
  readonly decision: Decision;
  readonly answer: Extract<Forwarded, { kind: "answered" }>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Gives the tools that the caller may call, and no word of the others. */
async function answerList(parts: GatewayParts, exchange: Exchange, list: ListAnswer): Promise<void> {
  const { server, mcp, decision, answer } = list;
  const end = ending(parts, exchange, decision);
  const bytes = await collect(answer.body, maxList);
  const message = bytes === undefined ? undefined : findAnswer(bytes, answer.headers["content-type"], mcp.id);
  const result = message?.["result"];
  const tools = isObject(result) ? result["tools"] : undefined;
  const names = Array.isArray(tools) ? tools.map((tool) => (isObject(tool) ? tool["name"] : undefined)) : [];
  const whole =
    Array.isArray(tools) && names.length <= maxCalls && names.every((name) => typeof name === "string");
  if (message === undefined || !isObject(result) || !whole) {
    refuseTool(exchange, refuse("upstream_invalid"), decision, mcp.id);
    return end("upstream_error", 502);
  }
  const calls = names.map((name) =>
    listCall({ type: "tool", id: `${server}/${String(name)}`, properties: { server, tool: String(name) } }),
  );
  const decisions = calls.length === 0 ? [] : await askAbout(parts, exchange, calls, []);
  const failed = decisions.find(isPipeline);
  if (failed !== undefined && !failed.allow) {
    const refusal = refusalOf(failed);
    refuseTool(exchange, refusal, failed, mcp.id);
    return end("denied", refusal.status);
  }
  const allowed = tools.filter((_tool, i) => decisions[i]?.allow === true);
  const body = stringifyJson({ ...message, result: { ...result, tools: allowed } });
  send(exchange.res, 200, body, { ...list.headers, "content-type": "application/json" });
  end("forwarded", 200, { bytes: Buffer.byteLength(body) });
}

/** Finds the answer to a request in a JSON body or an event stream. */
function findAnswer(
  bytes: Buffer,
  type: string | string[] | undefined,
  id: Json | undefined,
): JsonObject | undefined {
  const text = bytes.toString();
  const streamed = typeof type === "string" && type.startsWith("text/event-stream");
  const documents = streamed
    ? text.split(/\r?\n\r?\n/).map((event) =>
        event
          .split(/\r?\n/)
          .filter((line) => line.startsWith("data:"))
          .map((line) => line.slice(5).trimStart())
          .join("\n"),
      )
    : [text];
  for (const document of documents) {
    if (document === "") continue;
    try {
      const value = parseJson(document);
      if (isObject(value) && String(value["id"]) === String(id) && value["result"] !== undefined)
        return value;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function ending(parts: GatewayParts, exchange: Exchange, decision: Decision) {
  return (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    conclude(parts, exchange, decision, { kind: "tool", outcome, status, ...more });
  };
}
