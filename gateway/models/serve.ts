/** Serves a call of a model: whichever protocol the client speaks, and whichever the model. */
import type { Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import { maskError } from "../content/mask-text.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { conclude, decisionHeaders } from "../exchange.js";
import { mediaType } from "../forward/forward.js";
import { readJson, send } from "../http.js";
import { rateLimits } from "../observe/rate-limits.js";
import { heartbeatOf } from "../observe/read-streams.js";
import { watch } from "../observe/watch.js";
import { createDecideCalls } from "./calls/decide.js";
import { chatManner } from "./chat.js";
import { inspectAnswer } from "./inspect.js";
import { wrongUrl } from "./media-urls.js";
import type { Past } from "./open.js";
import type { ModelProtocol } from "./protocol.js";
import { reach } from "./reach.js";
import { refuseIn } from "./refuse.js";
import { relay } from "./relay.js";
import { translateError } from "./translate/error.js";

const passedHeaders = ["retry-after", "openai-processing-ms", "request-id"];

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
  const asks = content === undefined ? called : { ...called, content };
  const past: Past[] = [];
  const { decision, result, asked } = await reach({
    parts,
    exchange,
    asks,
    past,
    manner: chatManner(client, asks.stream),
  });
  if (decision === undefined) return refuseHere(exchange, refuse("pdp_unavailable"));
  const end = (
    outcome: Outcome["outcome"],
    status: number,
    ...more: readonly (Partial<Outcome> | undefined)[]
  ): void => {
    for (const { decision: one, ...what } of past)
      conclude(parts, exchange, one, { kind: "model", status, ...what });
    conclude(parts, exchange, decision, { kind: "model", outcome, status }, asked?.used, ...more);
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"], more?: Partial<Outcome>): void => {
    refuseHere(exchange, refusal, decision);
    end(outcome, refusal.status, more);
  };
  if (result.kind === "refusal") return refuseAs(result, result.outcome);
  if (result.kind === "aborted") return end("client_disconnected", 499);
  if (result.kind === "failed" || asked === undefined) {
    const code = result.kind === "failed" ? result.code : "upstream_unavailable";
    return refuseAs(refuse(code), code === "upstream_timeout" ? "upstream_timeout" : "upstream_error");
  }
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
  const headers: Record<string, string> = decisionHeaders(decision);
  // INVARIANT: what was read as UTF-8 isn't called anything else
  headers["content-type"] = mediaType(answer.headers);
  for (const name of passedHeaders) {
    const value = answer.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  Object.assign(headers, rateLimits(answer.headers, server.name, client.name, parts.now));
  if (result.kind === "error") {
    const { error } = result;
    // what an upstream says of a request may quote what came with it
    const own = error === undefined || answer.quotesKey(error.toString("latin1")) ? undefined : error;
    const text =
      own && (server === client ? own.toString() : translateError(own, answer.status, client.name));
    if (error === undefined || text === undefined)
      return refuseAs(refuse("upstream_invalid"), "upstream_error");
    send(res, answer.status, maskError(text, target.beside.masks), headers);
    return end("upstream_error", answer.status, { bytes: error.byteLength });
  }
  const created = Math.floor(parts.now() / 1000);
  const { stream } = asks;
  const { inspector, outcome: inspected } = inspectAnswer(parts, exchange, asks, target, client.name);
  const relayed = await relay({
    res,
    headers,
    body: result.body,
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
    errorEvent(code) {
      const denied = inspector?.denial();
      return denied === undefined
        ? client.errorEvent(refuse(code, "the stream was cut"), decision)
        : client.errorEvent(denied.refusal, denied.decision);
    },
    heartbeat: heartbeatOf(config, client),
  }).finally(result.close);
  const denied = inspector?.denial();
  if (denied !== undefined) {
    // what has begun ended with the refusal
    if (relayed.kind === "refused") refuseHere(exchange, denied.refusal, denied.decision);
    const sent = relayed.kind === "refused" ? denied.refusal.status : answer.status;
    return end("denied", sent, relayed.used, inspected());
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
  end(outcome[ended], answer.status, { bytes }, used, inspected());
}
