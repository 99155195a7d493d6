/** Serves a call of a model: whichever protocol the client speaks, and whichever the model. */
import { refuse } from "../../sidecar/contract.js";
import { maskError } from "../content/mask-text.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { readJson, send } from "../http.js";
import { holding } from "../limits/holding.js";
import { heartbeatOf } from "../observe/read-streams.js";
import { watch } from "../observe/watch.js";
import { answerHead, createEnding } from "./ending.js";
import { createDecideCalls } from "./calls/decide.js";
import { chatManner } from "./chat.js";
import { inspectAnswer } from "./inspect.js";
import { withFetches, wrongUrl } from "./media-urls.js";
import type { Past } from "./open.js";
import type { ModelProtocol } from "./protocol.js";
import { reach } from "./reach.js";
import { refuseIn } from "./refuse.js";
import { relay } from "./relay.js";
import { translateError } from "./translate/error.js";

/** Serves `POST /v1/chat/completions` and `POST /v1/messages`, plain and streamed. */
export async function serveInvoke(
  parts: GatewayParts,
  exchange: Exchange,
  client: ModelProtocol,
): Promise<void> {
  const { config } = parts;
  const { res, signal } = exchange;
  const refuseHere = refuseIn(client);
  const read = await readJson(exchange.req, config.maxBody);
  if (read.kind === "refusal") return refuseHere(exchange, read);
  const called = client.classify(read.value, read.bytes, config.models);
  if (called.kind === "refusal") return refuseHere(exchange, called);
  if (wrongUrl(called.body, config.mediaHosts))
    return refuseHere(exchange, refuse("invalid_request", "a URL isn't of the web"));
  const content = await parts.describeContent?.(called.body);
  const call = withFetches(called.call, called.body);
  const asks = { ...called, call, ...(content === undefined ? {} : { content }) };
  const past: Past[] = [];
  const { decision, result, asked } = await reach({
    parts,
    exchange,
    asks,
    past,
    manner: chatManner(client, asks.stream),
  });
  if (decision === undefined) return refuseHere(exchange, refuse("pdp_unavailable"));
  const ending = createEnding({ parts, exchange, speaker: client, decision, past, asked });
  if (asked === undefined || (result.kind !== "answered" && result.kind !== "error"))
    return ending.unanswered(result);
  const { answer } = result;
  const { target, said } = asked;
  const { server, request } = said;
  const watching = watch({
    prices: parts.prices,
    metrics: parts.metrics,
    clock: parts.clock,
    started: exchange.started,
    trace: exchange.trace,
    model: target.name,
    deployment: asked.deployment,
    body: target.body,
    spoken: server,
    asked: said.asked,
  });
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  const headers = answerHead({ parts, decision }, answer, server.name, client.name);
  if (result.kind === "error") {
    const { error } = result;
    // what an upstream says of a request may quote what came with it
    const own = error === undefined || answer.quotesKey(error.toString("latin1")) ? undefined : error;
    const text =
      own && (server === client ? own.toString() : translateError(own, answer.status, client.name));
    if (error === undefined || text === undefined)
      return ending.refuseAs(refuse("upstream_invalid"), "upstream_error");
    send(res, answer.status, maskError(text, target.beside.masks), headers);
    return ending.end("upstream_error", answer.status, { bytes: error.byteLength });
  }
  const created = Math.floor(parts.now() / 1000);
  const { stream } = asks;
  const held = holding(parts, exchange, { decision, asked, watching, stream });
  const { inspector, outcome: inspected } = inspectAnswer(parts, exchange, asks, target, client.name);
  const relayed = await relay({
    res,
    headers,
    body: held(result.body),
    status: answer.status,
    signal,
    client,
    server,
    stream,
    created,
    request,
    inspect: inspector,
    decide: createDecideCalls(parts, exchange, { model: target.name, offered: client.offered(target.body) }),
    watch: watching,
    clock: parts.clock,
    timedOut: result.timedOut,
    errorEvent: ending.errorEvent(inspector),
    lastEvent: ending.lastEvent,
    heartbeat: heartbeatOf(config, client),
  }).finally(result.close);
  ending.passed(relayed, { status: answer.status, timedOut: result.timedOut, inspector, inspected });
}
