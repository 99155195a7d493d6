/** Serves `/tools/{server}/…`: operations of an OpenAPI document, decided as calls of tools. */
import type { Call, Decision, Outcome, Refusal } from "../../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../../exchange.js";
import { send } from "../../http.js";
import { refusalOf } from "../../models/refuse.js";
import { refuseRetrieval } from "../../retrieval/serve.js";
import { readTarget } from "../../routes/normalise.js";
import { buildRequest } from "./build-request.js";
import { describeOperation, speakCall } from "./describe.js";
import { findOperation } from "./find-operation.js";
import { readRequest } from "./read-request.js";
import type { Content } from "./send.js";
import { sendOperation } from "./send.js";

/** Serves one request. */
export async function serveOperations(
  parts: GatewayParts,
  exchange: Exchange,
  { server, rest }: { readonly server: string; readonly rest: string },
): Promise<void> {
  const { config, openApis } = parts;
  const { req, signal } = exchange;
  const { upstream, openapi } = config.servers.get(server) ?? {};
  const api = openapi === undefined ? undefined : openApis.of(openapi);
  const target = readTarget(rest);
  // a query may hold what no record should
  const here = { ...exchange, path: `/tools/${server}${target.kind === "target" ? target.raw : ""}` };
  /** INVARIANT: what there is, and what is wrong with a request, is told to those only who may know of it. */
  const refuseEarly = async (refusal: Refusal, call: Call): Promise<void> => {
    const [decision] = await askAbout(parts, here, [call], [], { upstream });
    if (decision === undefined) return refuseRetrieval(here, refuse("pdp_unavailable"));
    const said = decision.allow ? refusal : refusalOf(decision);
    refuseRetrieval(here, said, decision);
    conclude(parts, here, decision, { kind: "tool", outcome: "denied", status: said.status });
  };
  const speak = speakCall(server);
  if (upstream === undefined || api === undefined) return refuseEarly(refuse("unknown_server"), speak);
  if (target.kind === "refusal") return refuseEarly(target, speak);
  const found = findOperation(api, req.method ?? "", target);
  if (found.kind === "refusal") return refuseEarly(found, speak);
  const { operation, values } = found;
  const listed = describeOperation("tool.list", server, operation);
  const read = await readRequest(config, req, operation, { values, query: target.query });
  if (read.kind === "refusal") return refuseEarly(read, listed);
  const request = buildRequest(api, operation, read.args);
  if (request.kind === "refusal") return refuseEarly(request, listed);

  const call = describeOperation("tool.call", server, operation, { arguments: read.args });
  const [decision] = await askAbout(parts, here, [call], [], { upstream });
  if (decision === undefined) return refuseRetrieval(here, refuse("pdp_unavailable"));
  let asked: Partial<Outcome> = {};
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    conclude(parts, here, decision, { kind: "tool", outcome, status, ...asked, ...more });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"], by: Decision = decision): void => {
    refuseRetrieval(here, refusal, by);
    end(outcome, refusal.status);
  };
  if (!decision.allow) return refuseAs(refusalOf(decision), "denied");

  asked = used(server, upstream);
  const { assertion } = decision;
  const { forward } = parts;
  const sent = await sendOperation({
    forward,
    upstream,
    operation,
    request,
    assertion,
    credentials: here.credentials,
    signal,
  });
  if (sent.kind === "aborted") return end("client_disconnected", 499);
  if (sent.kind === "failed") {
    const timedOut = sent.code === "upstream_timeout";
    return refuseAs(refuse(sent.code), timedOut ? "upstream_timeout" : "upstream_error");
  }
  if (sent.kind === "refused" && sent.content.kind === "none")
    return refuseAs({ ...refuse("upstream_refused"), status: sent.status }, "forwarded");
  const bytes = answer(here, decision, sent.status, sent.content);
  end("forwarded", sent.status, { bytes });
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
