/** Has an operation on a model decided, sends what was decided to where it may go, and passes the answer on. */
import type { JsonObject, Outcome, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { maskError } from "../../content/mask-text.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { conclude, decisionHeaders } from "../../exchange.js";
import { mediaType } from "../../forward/forward.js";
import { drain, send } from "../../http.js";
import { rateLimits } from "../../observe/rate-limits.js";
import { heartbeatOf } from "../../observe/read-streams.js";
import { watch } from "../../observe/watch.js";
import { createDecideCalls } from "../calls/decide.js";
import type { Manner } from "../manner.js";
import { inspectAnswer } from "../inspect.js";
import type { Past } from "../open.js";
import type { ModelCall } from "../protocol.js";
import { reach } from "../reach.js";
import { refuseIn } from "../refuse.js";
import type { Bound } from "./bind.js";
import type { Operation } from "./operation.js";
import { boundTo } from "./operation-manner.js";
import type { AnswerParts } from "./relay.js";
import { relayAnswer } from "./relay.js";
import type { Relayed } from "../relay.js";

const passedHeaders = ["retry-after", "openai-processing-ms", "request-id"];

export interface PassParts {
  readonly operation: Pick<Operation, "protocol" | "speaker" | "usage" | "calls" | "bind" | "pieces">;
  readonly asks: ModelCall;
  readonly manner: Manner<{ readonly asked: boolean } | undefined>;
  /** The names of the tools that the model may call, by the request as it was sent; else by the answer. */
  offered(body: JsonObject, answer: JsonObject | undefined): readonly string[];
  /** Passes an answer of success on; as JSON, or events, unless given. */
  readonly relay?: (parts: AnswerParts) => Promise<Relayed>;
}

export async function passThrough(
  parts: GatewayParts,
  exchange: Exchange,
  { operation, asks, manner, offered, relay = relayAnswer }: PassParts,
): Promise<void> {
  const { res, signal } = exchange;
  const refuseHere = refuseIn(operation.speaker);
  const past: Past[] = [];
  const { decision, result, asked } = await reach({ parts, exchange, manner, asks, past });
  if (decision === undefined) return refuseHere(exchange, refuse("pdp_unavailable"));
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    for (const { decision: one, ...what } of past)
      conclude(parts, exchange, one, { kind: "model", status, ...what });
    conclude(parts, exchange, decision, { kind: "model", outcome, status, ...asked?.used, ...more });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"], more?: Partial<Outcome>): void => {
    refuseHere(exchange, refusal, decision);
    end(outcome, refusal.status, more);
  };
  // of what isn't held, a client may be sending still
  if (result.kind !== "answered" && !signal.aborted) await drain(exchange.req);
  if (result.kind === "refusal") return refuseAs(result, result.outcome);
  if (result.kind === "aborted") return end("client_disconnected", 499);
  if (result.kind === "failed" || asked === undefined) {
    const code = result.kind === "failed" ? result.code : "upstream_unavailable";
    return refuseAs(refuse(code), code === "upstream_timeout" ? "upstream_timeout" : "upstream_error");
  }
  const { answer } = result;
  const { target, deployment } = asked;
  const watching = watch({
    ...{ prices: parts.prices, metrics: parts.metrics, clock: parts.clock, started: exchange.started },
    trace: exchange.trace,
    ...{ model: target.name, deployment, body: target.body },
    ...{ spoken: operation, asked: asked.said?.asked === true },
  });
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  const headers: Record<string, string> = decisionHeaders(decision);
  // INVARIANT: what was read as UTF-8 isn't called anything else
  headers["content-type"] = mediaType(answer.headers);
  for (const one of passedHeaders) {
    const value = answer.headers[one];
    if (typeof value === "string") headers[one] = value;
  }
  const speaks = operation.protocol === "anthropic" ? "anthropic" : "openai";
  Object.assign(headers, rateLimits(answer.headers, speaks, speaks, parts.now));
  if (result.kind === "error") {
    const { error } = result;
    // what an upstream says of a request may quote what came with it
    if (error === undefined || answer.quotesKey(error.toString("latin1")))
      return refuseAs(refuse("upstream_invalid"), "upstream_error");
    send(res, answer.status, maskError(error.toString(), target.beside.masks), headers);
    return end("upstream_error", answer.status, { bytes: error.byteLength });
  }
  const bound: Bound | undefined = boundTo(decision, deployment, target.name, parts.sessionSecret);
  const { stream } = asks;
  const { inspector, outcome: inspected } = inspectAnswer(parts, exchange, asks, target, manner.answers);
  const relayed = await relay({
    ...{ operation, res, headers, body: result.body, status: answer.status, signal, stream, bound },
    decide: (said) =>
      createDecideCalls(parts, exchange, { model: target.name, offered: offered(target.body, said) }),
    ...{ watch: watching, clock: parts.clock, timedOut: result.timedOut },
    inspect: inspector,
    errorEvent(code) {
      const denied = inspector?.denial();
      return denied === undefined
        ? operation.speaker.errorEvent(refuse(code, "the stream was cut"), decision)
        : operation.speaker.errorEvent(denied.refusal, denied.decision);
    },
    heartbeat: heartbeatOf(parts.config, operation.speaker),
  }).finally(result.close);
  const denied = inspector?.denial();
  if (denied !== undefined) {
    // what has begun ended with the refusal
    if (relayed.kind === "refused") refuseHere(exchange, denied.refusal, denied.decision);
    const sent = relayed.kind === "refused" ? denied.refusal.status : answer.status;
    return end("denied", sent, { ...relayed.used, ...inspected() });
  }
  if (relayed.kind === "refused") {
    const slow = result.timedOut();
    return refuseAs(
      refuse(slow ? "upstream_timeout" : "upstream_invalid"),
      slow ? "upstream_timeout" : "upstream_error",
      relayed.used,
    );
  }
  const { ended, bytes, stalled, used, broke = false } = relayed;
  const cut = stalled ? "upstream_timeout" : "upstream_error";
  const outcome = {
    whole: broke ? "upstream_error" : "forwarded",
    cut,
    aborted: "client_disconnected",
  } as const;
  end(outcome[ended], answer.status, { bytes, ...used, ...inspected() });
}
