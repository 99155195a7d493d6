/** Serves a call of a model: whichever protocol the client speaks, and whichever the model. */
import type { JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../sidecar/contract.js";
import type { ModelConfig } from "../config.js";
import { enforce } from "../enforce/enforce.js";
import { modelDuties } from "../enforce/registry.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../exchange.js";
import { collect, discard, mediaType } from "../forward/forward.js";
import { readJson, send } from "../http.js";
import type { ModelProtocol, ProtocolName } from "./protocol.js";
import { anthropic } from "./anthropic.js";
import { openai } from "./openai.js";
import { createDecideCalls } from "./calls/decide.js";
import { refusalOf, refuseIn } from "./refuse.js";
import { relay } from "./relay.js";
import type { ModelRequest } from "./translate/canonical.js";
import { Untranslatable } from "./translate/canonical.js";

const obligations = Object.keys(modelDuties);
/** The largest error of an upstream that is passed on, bytes. */
const maxError = 65_536;
const passedHeaders = ["content-type", "retry-after", "openai-processing-ms", "request-id"];

export const protocols: Readonly<Record<ProtocolName, ModelProtocol>> = { openai, anthropic };

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
  const asks = client.classify(read.value, read.bytes, config.models);
  if (asks.kind === "refusal") return refuseHere(exchange, asks);
  const model = config.models.get(asks.model);
  const upstream = model === undefined ? undefined : config.upstreams.get(model.upstream);
  const { prompt } = asks;
  const [decision] = await askAbout(parts, exchange, [asks.call], obligations, { prompt, upstream });
  if (decision === undefined) return refuseHere(exchange, refuse("pdp_unavailable"));
  let asked: Partial<Outcome> = {};
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    conclude(parts, exchange, decision, { kind: "model", outcome, status, ...asked, ...more });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"]): void => {
    refuseHere(exchange, refusal, decision);
    end(outcome, refusal.status);
  };
  if (!decision.allow) return refuseAs(refusalOf(decision), "denied");
  if (model === undefined || upstream === undefined) return refuseAs(refuse("unknown_model"), "denied");
  const body = enforce(asks.body, decision.obligations, modelDuties, client.words);
  if (body === undefined) return refuseAs(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
  // nothing is translated to it yet
  if (upstream.protocol === "gemini") return refuseAs(refuse("untranslatable", "the operation"), "denied");
  const server = protocols[upstream.protocol];
  const sent = speak(body, model, client, server);
  if (sent.kind === "refusal") return refuseAs(sent, "denied");

  asked = used(model.upstream, upstream);
  const answer = await parts.forward({
    upstream,
    method: "POST",
    path: server.path(upstream.url),
    headers: { accept: asks.stream ? "text/event-stream" : "application/json", ...server.headers },
    // what was decided, and nothing else
    body: stringifyJson(sent.body),
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
  const ok = answer.status < 300;
  const expected = ok && asks.stream ? "text/event-stream" : "application/json";
  const failUpstream = (): void => {
    refuseAs(refuse("upstream_invalid"), "upstream_error");
  };
  if (answer.status < 200 || mediaType(answer.headers) !== expected) {
    discard(answer.body);
    return failUpstream();
  }
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  const headers: Record<string, string> = decisionHeaders(decision);
  for (const name of passedHeaders) {
    const value = answer.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  if (!ok) {
    const error = await collect(answer.body, maxError);
    if (signal.aborted) return end("client_disconnected", 499);
    // what an upstream says of a request may quote what came with it; another protocol's error is no error of this one
    if (error === undefined || answer.quotesKey(error.toString("latin1")) || server !== client) {
      return failUpstream();
    }
    send(res, answer.status, error.toString(), headers);
    return end("upstream_error", answer.status, { bytes: error.byteLength });
  }
  const created = Math.floor(parts.now() / 1000);
  const { stream } = asks;
  const relayed = await relay({
    ...{ res, headers, body: answer.body, status: answer.status, signal, client, server, stream, created },
    ...(sent.request === undefined ? {} : { request: sent.request }),
    decide: createDecideCalls(parts, exchange, { model: asks.model, offered: client.offered(body) }),
    errorEvent: client.errorEvent(refuse("upstream_unavailable", "the stream was cut"), decision),
  });
  if (relayed.kind === "refused") return failUpstream();
  const outcome = { whole: "forwarded", cut: "upstream_error", aborted: "client_disconnected" } as const;
  const { ended, bytes, usage } = relayed;
  end(outcome[ended], answer.status, { bytes, ...(usage === undefined ? {} : { usage }) });
}

type Spoken =
  { readonly kind: "spoken"; readonly body: JsonObject; readonly request?: ModelRequest } | Refusal;

/** Says the request in the upstream's words: the same body where both speak alike, or its translation. */
function speak(body: JsonObject, model: ModelConfig, client: ModelProtocol, server: ModelProtocol): Spoken {
  const named = model.upstreamModel === undefined ? body : { ...body, model: model.upstreamModel };
  if (client === server) return { kind: "spoken", body: named };
  try {
    const request = client.readRequest(named);
    return { kind: "spoken", body: server.writeRequest(request, model), request };
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    return refuse("untranslatable", error.place);
  }
}
