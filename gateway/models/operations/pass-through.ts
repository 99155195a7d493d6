/** Has an operation on a model decided, sends what was decided to where it may go, and passes the answer on. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { holding } from "../../limits/holding.js";
import { maskError } from "../../content/mask-text.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { drain, send } from "../../http.js";
import { heartbeatOf } from "../../observe/read-streams.js";
import { watch } from "../../observe/watch.js";
import { answerHead, createEnding } from "../ending.js";
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
  const { speaker } = operation;
  const ending = createEnding({ parts, exchange, speaker, decision, past, asked });
  // of what isn't held, a client may be sending still
  if (result.kind !== "answered" && !signal.aborted) await drain(exchange.req);
  if (asked === undefined || (result.kind !== "answered" && result.kind !== "error"))
    return ending.unanswered(result);
  const { answer } = result;
  const { target, deployment } = asked;
  const watching = watch({
    ...{ prices: parts.prices, metrics: parts.metrics, clock: parts.clock, started: exchange.started },
    trace: exchange.trace,
    ...{ model: target.name, deployment, body: target.body },
    ...{ spoken: operation, asked: asked.said?.asked === true },
  });
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  const speaks = operation.protocol === "anthropic" ? "anthropic" : "openai";
  const headers = answerHead({ parts, decision }, answer, speaks, speaks);
  if (result.kind === "error") {
    const { error } = result;
    // what an upstream says of a request may quote what came with it
    if (error === undefined || answer.quotesKey(error.toString("latin1")))
      return ending.refuseAs(refuse("upstream_invalid"), "upstream_error");
    send(res, answer.status, maskError(error.toString(), target.beside.masks), headers);
    return ending.end("upstream_error", answer.status, { bytes: error.byteLength });
  }
  const bound: Bound | undefined = boundTo(decision, deployment, target.name, parts.sessionSecret);
  const { stream } = asks;
  const held = holding(parts, exchange, { decision, asked, watching, stream });
  const { inspector, outcome: inspected } = inspectAnswer(parts, exchange, asks, target, manner.answers);
  const relayed = await relay({
    ...{ operation, res, headers, body: held(result.body), status: answer.status, signal, stream, bound },
    decide: (said) =>
      createDecideCalls(parts, exchange, { model: target.name, offered: offered(target.body, said) }),
    ...{ watch: watching, clock: parts.clock, timedOut: result.timedOut },
    inspect: inspector,
    errorEvent: ending.errorEvent(inspector),
    lastEvent: ending.lastEvent,
    heartbeat: heartbeatOf(parts.config, speaker),
  }).finally(result.close);
  ending.passed(relayed, { status: answer.status, timedOut: result.timedOut, inspector, inspected });
}
