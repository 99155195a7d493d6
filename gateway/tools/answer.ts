import type { Decision, Json, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { isObject, maxCalls, refuse, stringifyJson } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, decisionHeaders } from "../exchange.js";
import type { Forwarded } from "../forward/forward.js";
import { discard, mediaType } from "../forward/forward.js";
import { send } from "../http.js";
import { refusalOf } from "../models/refuse.js";
import { isPipeline } from "../models/refuse.js";
import type { McpCall } from "./classify.js";
import { listCall } from "./classify.js";
import { readReply } from "./read-reply.js";
import { refuseTool, rpcError } from "./refuse.js";
import { sealSession } from "./session.js";
import { streamCall } from "./stream-call.js";

/** The largest message of a server that is read, bytes. */
const maxMessage = 8 * 2 ** 20;

/** An answer of a tool server, and all that it belongs to. */
export interface Answered {
  readonly server: string;
  readonly mcp: McpCall;
  readonly decision: Decision;
  readonly answer: Extract<Forwarded, { kind: "answered" }>;
  readonly end: (outcome: Outcome["outcome"], status: number, more?: Partial<Outcome>) => void;
  readonly refuseAs: (refusal: Refusal, outcome: Outcome["outcome"]) => void;
}

/** Gives the client what may be given of a server's answer: the response to its request, never more. */
export async function answerMessage(
  parts: GatewayParts,
  exchange: Exchange,
  answered: Answered,
): Promise<void> {
  const { mcp, answer, decision, end, refuseAs } = answered;
  const { res, signal } = exchange;
  const headers = answerHeaders(parts, answered);
  if (mcp.id === undefined) {
    discard(answer.body);
    res.writeHead(202, headers).end();
    return end("forwarded", 202);
  }
  if (mcp.how === "call" && mediaType(answer.headers) === "text/event-stream") {
    res.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    res.flushHeaders();
    const { ended, bytes } = await streamCall(answer.body, res, mcp.id, maxMessage, signal);
    if (ended === "cut") {
      res.write(`event: message\ndata: ${rpcError(refuse("upstream_invalid"), decision, mcp.id)}\n\n`);
    }
    res.end();
    const outcome = { whole: "forwarded", cut: "upstream_error", aborted: "client_disconnected" } as const;
    return end(outcome[ended], 200, { bytes });
  }
  const message = await readReply(answer, mcp.id, maxMessage);
  if (signal.aborted) return end("client_disconnected", 499);
  if (message === undefined) return refuseAs(refuse("upstream_invalid"), "upstream_error");
  const { result } = message;
  const given = isObject(result) ? await reduce(parts, exchange, answered, result) : undefined;
  if (isObject(result) && given === undefined) return refuseAs(refuse("upstream_invalid"), "upstream_error");
  if (given?.kind === "denied") {
    const status = refuseTool(exchange, refusalOf(given.decision), given.decision, mcp.id);
    return end("denied", status);
  }
  const body = stringifyJson(given === undefined ? message : { ...message, result: given.result });
  send(res, 200, body, headers);
  end("forwarded", 200, { bytes: Buffer.byteLength(body) });
}

type Reduced = { kind: "given"; result: JsonObject } | { kind: "denied"; decision: Decision };

/** Leaves of a result what is carried here and allowed; undefined where it isn't what the method gives. */
async function reduce(
  parts: GatewayParts,
  exchange: Exchange,
  { server, mcp }: Answered,
  result: JsonObject,
): Promise<Reduced | undefined> {
  switch (mcp.how) {
    case "plumbing":
    case "call":
      return { kind: "given", result };
    case "greeting": {
      const { capabilities } = result;
      if (!isObject(capabilities)) return undefined;
      const { tools } = capabilities;
      return { kind: "given", result: { ...result, capabilities: tools === undefined ? {} : { tools } } };
    }
    case "list": {
      const { tools, cacheScope } = result;
      if (!Array.isArray(tools) || tools.length > maxCalls) return undefined;
      const chosen = await chooseTools(parts, exchange, server, tools);
      if (!Array.isArray(chosen)) return chosen;
      // the list is this caller's own
      const scope = cacheScope === undefined ? {} : { cacheScope: "private" };
      return { kind: "given", result: { ...result, tools: chosen, ...scope } };
    }
  }
}

/** Leaves the tools that the caller may call, and no word of the others. */
async function chooseTools(
  parts: GatewayParts,
  exchange: Exchange,
  server: string,
  tools: readonly Json[],
): Promise<Json[] | Reduced | undefined> {
  const names = tools.map((tool) => (isObject(tool) ? tool["name"] : undefined));
  const calls = names.flatMap((tool) =>
    typeof tool === "string"
      ? [listCall({ type: "tool", id: `${server}/${tool}`, properties: { server, tool } })]
      : [],
  );
  if (calls.length !== tools.length) return undefined;
  const decisions = calls.length === 0 ? [] : await askAbout(parts, exchange, calls, []);
  const failed = decisions.find((decision) => !decision.allow && isPipeline(decision));
  if (failed !== undefined) return { kind: "denied", decision: failed };
  return tools.filter((_tool, i) => decisions[i]?.allow === true);
}

function answerHeaders(
  { sessionSecret }: GatewayParts,
  { decision, server, answer }: Answered,
): Record<string, string> {
  const session = answer.headers["mcp-session-id"];
  return {
    ...decisionHeaders(decision),
    "cache-control": "private, no-store",
    ...(typeof session === "string" && decision.subject !== undefined
      ? { "mcp-session-id": sealSession(session, server, decision.subject, sessionSecret) }
      : {}),
  };
}
