/** Serves an operation on a model: classify, ask, enforce, forward; what was decided is what is sent. */
import type { Decision, JsonObject, Outcome, Refusal } from "../../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { UpstreamConfig } from "../../config.js";
import { enforce } from "../../enforce/enforce.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../../exchange.js";
import { collect, discard, mediaType } from "../../forward/forward.js";
import { readJson, send } from "../../http.js";
import { createDecideCalls } from "../calls/decide.js";
import type { ModelCall } from "../protocol.js";
import { refusalOf, refuseIn } from "../refuse.js";
import type { Bound } from "./bind.js";
import type { Operation } from "./operation.js";
import { isRefusal } from "./operation.js";
import { relayAnswer } from "./relay.js";

/** The largest error of an upstream that is passed on, bytes. */
const maxError = 65_536;
const passedHeaders = ["content-type", "retry-after", "openai-processing-ms", "request-id"];

/** Serves a POST of an operation. */
export async function serveOperation(
  parts: GatewayParts,
  exchange: Exchange,
  operation: Operation,
  named: string,
): Promise<void> {
  const { config } = parts;
  const refuseHere = refuseIn(operation.speaker);
  const read = await readJson(exchange.req, config.maxBody);
  if (read.kind === "refusal") return refuseHere(exchange, read);
  const asks = operation.classify(read.value, read.bytes, config.models, named);
  if (asks.kind === "refusal") return refuseHere(exchange, asks);
  const content = await describe(parts, operation, asks);
  const about = content === undefined ? asks : { ...asks, content };
  const attempt = await decideOn(parts, exchange, operation, about);
  if (attempt === undefined) return;
  const { decision, upstream, model, bound } = attempt;
  const body = enforce(asks.body, decision.obligations, operation.duties, operation.words);
  if (body === undefined)
    return attempt.refuse(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
  // an id is looked at after it is known who asks: whose it is doesn't show before
  const sent = operation.bind === undefined ? body : bound && operation.bind.request(body, bound);
  if (sent === undefined) return attempt.refuse(refuse("pdp_unavailable"), "denied");
  if (isRefusal(sent)) return attempt.refuse(sent, "denied");
  const { upstreamModel = asks.model } = model;
  return passThrough(parts, exchange, operation, attempt, {
    method: "POST",
    path: operation.path(upstream.url, upstreamModel, asks.stream),
    body: stringifyJson(upstreamModel === asks.model ? sent : operation.named(sent, upstreamModel)),
    stream: asks.stream,
    offered: operation.offered(body),
  });
}

/** Finds facts about what a request says. INVARIANT: what isn't text wasn't scanned, and is said to be so. */
async function describe(
  parts: GatewayParts,
  operation: Operation,
  { body, prompt }: ModelCall,
): Promise<JsonObject | undefined> {
  const content = await parts.describeContent?.(operation.texts?.(body) ?? body);
  if (content === undefined || prompt["tokens"] === undefined) return content;
  const why = Array.isArray(content["why"]) ? content["why"] : [];
  return { ...content, scanned: false, why: [...why, "tokens"] };
}

export interface Attempt {
  readonly decision: Decision;
  readonly name: string;
  readonly upstream: UpstreamConfig;
  readonly model: { readonly name: string; readonly upstreamModel?: string };
  /** Absent where the sidecar didn't say who asks. */
  readonly bound: Bound | undefined;
  refuse(refusal: Refusal, outcome: Outcome["outcome"]): void;
}

/** Has an operation decided; undefined where it was refused, which has been said and recorded. */
export async function decideOn(
  parts: GatewayParts,
  exchange: Exchange,
  operation: Pick<Operation, "speaker" | "duties" | "protocol">,
  asks: Pick<ModelCall, "call" | "model"> & { readonly prompt?: JsonObject; readonly content?: JsonObject },
): Promise<Attempt | undefined> {
  const refuseHere = refuseIn(operation.speaker);
  const model = parts.config.models.get(asks.model);
  const upstream = model === undefined ? undefined : parts.config.upstreams.get(model.upstream);
  const { prompt, content } = asks;
  const context = { ...(prompt === undefined ? {} : { prompt }), content, upstream };
  const obligations = Object.keys(operation.duties);
  const [decision] = await askAbout(parts, exchange, [asks.call], obligations, context);
  if (decision === undefined) {
    refuseHere(exchange, refuse("pdp_unavailable"));
    return undefined;
  }
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"]): void => {
    refuseHere(exchange, refusal, decision);
    conclude(parts, exchange, decision, { kind: "model", outcome, status: refusal.status });
  };
  const refused = !decision.allow
    ? refusalOf(decision)
    : model === undefined || upstream === undefined
      ? refuse("unknown_model")
      : upstream.protocol === operation.protocol
        ? undefined
        : refuse("untranslatable", "the operation");
  if (refused !== undefined || model === undefined || upstream === undefined) {
    refuseAs(refused ?? refuse("unknown_model"), "denied");
    return undefined;
  }
  const { subject } = decision;
  const { upstreamModel } = model;
  const secret = parts.sessionSecret;
  return {
    decision,
    name: model.upstream,
    upstream,
    model: { name: asks.model, ...(upstreamModel === undefined ? {} : { upstreamModel }) },
    bound: subject && { subject, upstream: model.upstream, model: asks.model, secret },
    refuse: refuseAs,
  };
}

export interface Sent {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: string;
  readonly stream: boolean;
  /** The names of the tools that the model may call, by the request; else by the answer. */
  readonly offered: readonly string[] | ((answer: JsonObject) => readonly string[]);
}

/** Sends what was decided and passes the answer on. */
export async function passThrough(
  parts: GatewayParts,
  exchange: Exchange,
  operation: Pick<Operation, "headers" | "speaker" | "usage" | "calls" | "bind">,
  { decision, name, upstream, model, bound }: Attempt,
  { method, path, body, stream, offered }: Sent,
): Promise<void> {
  const { res, signal } = exchange;
  const asked = used(name, upstream);
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    conclude(parts, exchange, decision, { kind: "model", outcome, status, ...asked, ...more });
  };
  const fail = (code: Parameters<typeof refuse>[0]): void => {
    const refusal = refuse(code);
    refuseIn(operation.speaker)(exchange, refusal, decision);
    end(code === "upstream_timeout" ? "upstream_timeout" : "upstream_error", refusal.status);
  };
  const answer = await parts.forward({
    upstream,
    method,
    path,
    headers: { accept: stream ? "text/event-stream" : "application/json", ...operation.headers },
    ...(body === undefined ? {} : { body }),
    assertion: decision.assertion,
    signal,
  });
  if (answer.kind === "aborted") return end("client_disconnected", 499);
  if (answer.kind === "failed") return fail(answer.code);
  const ok = answer.status < 300;
  const expected = ok && stream ? "text/event-stream" : "application/json";
  if (answer.status < 200 || mediaType(answer.headers) !== expected) {
    discard(answer.body);
    return fail("upstream_invalid");
  }
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  const headers: Record<string, string> = decisionHeaders(decision);
  for (const one of passedHeaders) {
    const value = answer.headers[one];
    if (typeof value === "string") headers[one] = value;
  }
  if (!ok) {
    const error = await collect(answer.body, maxError);
    if (signal.aborted) return end("client_disconnected", 499);
    // what an upstream says of a request may quote what came with it
    if (error === undefined || answer.quotesKey(error.toString("latin1"))) return fail("upstream_invalid");
    send(res, answer.status, error.toString(), headers);
    return end("upstream_error", answer.status, { bytes: error.byteLength });
  }
  const relayed = await relayAnswer({
    ...{ operation, res, headers, body: answer.body, status: answer.status, signal, stream, bound },
    decide: (said = {}) =>
      createDecideCalls(parts, exchange, {
        model: model.name,
        offered: typeof offered === "function" ? offered(said) : offered,
      }),
    errorEvent: operation.speaker.errorEvent(refuse("upstream_unavailable", "the stream was cut"), decision),
  });
  if (relayed.kind === "refused") return fail("upstream_invalid");
  const outcome = { whole: "forwarded", cut: "upstream_error", aborted: "client_disconnected" } as const;
  const { ended, bytes, usage } = relayed;
  end(outcome[ended], answer.status, { bytes, ...(usage === undefined ? {} : { usage }) });
}
