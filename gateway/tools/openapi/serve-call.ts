/** Decides on the call of an operation, sends it, and decides on its answer, as with any tool. */
import type { Decision, JsonObject, Outcome, Refusal } from "../../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { UpstreamConfig } from "../../config.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../../exchange.js";
import { send } from "../../http.js";
import { refusalOf } from "../../models/refuse.js";
import { refusePlainly } from "../../refuse.js";
import { kindsOf } from "../arguments/kinds-of.js";
import type { Reviewed } from "../definitions/definitions.js";
import { judgeResult } from "../mcp/judge-result.js";
import { takeDuties } from "../mcp/take-duties.js";
import { maskArguments, toolObligations } from "../results/apply.js";
import type { ServerConfig } from "../server-config.js";
import type { BuiltRequest } from "./build-request.js";
import { buildRequest } from "./build-request.js";
import { describeOperation } from "./describe.js";
import type { Api, Operation } from "./operation.js";
import { bareResult, contentLeft } from "./result.js";
import type { Content } from "./send.js";
import { sendOperation } from "./send.js";

export interface CalledOperation {
  readonly server: string;
  readonly config: ServerConfig;
  readonly upstream: UpstreamConfig;
  readonly api: Api;
  readonly operation: Operation;
  readonly reviewed: Reviewed;
  readonly args: JsonObject;
  /** Of these arguments. */
  readonly request: BuiltRequest;
}

/** Serves a call whose arguments are valid. */
export async function serveCall(
  parts: GatewayParts,
  exchange: Exchange,
  called: CalledOperation,
): Promise<void> {
  const { server, config, upstream, api, operation, reviewed, args } = called;
  const { credentials } = exchange;
  const facts = parts.mcp.describeArguments(args, kindsOf(config, operation.tool));
  const about: JsonObject = { ...reviewed.properties, arguments: args, facts };
  const call = describeOperation("tool.call", server, operation, about);
  const [decision] = await askAbout(parts, exchange, [call], toolObligations, { upstream });
  if (decision === undefined) return refusePlainly(exchange, refuse("pdp_unavailable"));
  let asked: Partial<Outcome> = {};
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    conclude(parts, exchange, decision, { kind: "tool", outcome, status, ...asked, ...more });
    const { risk } = reviewed.properties;
    parts.metrics.gatewayTool(
      server,
      typeof risk === "string" ? risk : "",
      outcome === "forwarded" ? "answered" : outcome,
    );
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"], by: Decision = decision): void => {
    refusePlainly(exchange, refusal, by);
    end(outcome, refusal.status);
  };
  if (!decision.allow) return refuseAs(refusalOf(decision), "denied");
  if (reviewed.quarantined) return refuseAs(refuse("tool_quarantined"), "denied");
  const duties = await takeDuties({ parts }, decision);
  const masked = "reply" in duties ? undefined : maskArguments(args, duties, operation.check);
  const request =
    masked === undefined || masked === args ? called.request : buildRequest(api, operation, masked);
  if ("reply" in duties || masked === undefined || request.kind === "refusal")
    return refuseAs(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");

  asked = used(server, upstream);
  const { forward } = parts;
  const { assertion } = decision;
  const sent = await sendOperation({
    ...{ forward, upstream, operation, request, assertion, credentials },
    signals: [exchange.signal],
    requestMs: config.requestMs,
  });
  if (sent.kind === "aborted") return end("client_disconnected", 499);
  if (sent.kind === "failed") {
    const timedOut = sent.code === "upstream_timeout";
    return refuseAs(refuse(sent.code), timedOut ? "upstream_timeout" : "upstream_error");
  }
  const { status } = sent;
  const judged = await judgeResult(
    {
      ...{ turn: { parts, exchange }, decision, duties, of: "tools/call" },
      reviewed: { ...reviewed, checkResult: operation.checkResult },
      ask: (result) =>
        describeOperation(
          "tool.call",
          server,
          operation,
          { ...reviewed.properties, result: { ...result, status } },
          "response",
        ),
    },
    bareResult(sent),
  );
  const { reply, told = {} } = judged;
  if (reply.kind === "refused") return refuseAs(reply.refusal, reply.outcome, reply.decision);
  const left = reply.kind === "result" ? contentLeft(reply.result, sent.content) : undefined;
  if (left === undefined) return refuseAs(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
  if (sent.kind === "refused" && left.kind === "none")
    return refuseAs({ ...refuse("upstream_refused"), status }, "forwarded");
  end("forwarded", status, { ...told, bytes: answer(exchange, decision, status, left) });
}

/** Gives an answer: of its headers, the type alone. */
function answer({ res }: Exchange, decision: Decision, status: number, content: Content): number {
  const headers = { ...decisionHeaders(decision), "cache-control": "private, no-store" };
  if (content.kind === "none") {
    res.writeHead(status, headers).end();
    return 0;
  }
  const text = content.kind === "json" ? stringifyJson(content.value) : content.text;
  const type =
    content.kind === "json" ? "application/json" : `${plainType(content.mediaType)}; charset=utf-8`;
  send(res, status, text, { ...headers, "content-type": type, "x-content-type-options": "nosniff" });
  return Buffer.byteLength(text);
}

/** INVARIANT: nothing that a browser would run comes from here. */
function plainType(media: string): string {
  return /^text\/(?:csv|markdown|tab-separated-values|calendar)$/.test(media) ? media : "text/plain";
}
