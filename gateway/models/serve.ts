import type { Decision, JsonObject, Outcome } from "../../sidecar/contract.js";
import { isObject, parseJson, refuse, stringifyJson } from "../../sidecar/contract.js";
import type { Refusal } from "../../sidecar/contract.js";
import { enforce, requestObligations } from "../enforce/obligations.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../exchange.js";
import { collect, discard, mediaType, passOn } from "../forward/forward.js";
import { challengeHeaders } from "../challenge.js";
import { readJson, send } from "../http.js";
import { classifyChat, modelProperties } from "./classify-chat.js";
import { openAiError, refusalOf } from "./refuse.js";

const obligations = Object.keys(requestObligations);
/** What of an answer is looked at for usage. */
const tailBytes = 65_536;
/** The largest error of an upstream that is passed on, bytes. */
const maxError = 65_536;
const passedHeaders = ["content-type", "retry-after", "openai-processing-ms"];

/** Refuses in OpenAI's form. */
export function refuseModel(exchange: Exchange, refusal: Refusal, decision?: Decision): void {
  send(exchange.res, refusal.status, openAiError(refusal, decision), {
    ...challengeHeaders(refusal, exchange.challenge, decision),
    ...(decision === undefined ? {} : decisionHeaders(decision)),
  });
}

/** Serves `POST /v1/chat/completions`, plain and streamed. */
export async function serveChat(parts: GatewayParts, exchange: Exchange): Promise<void> {
  const { config } = parts;
  const read = await readJson(exchange.req, config.maxBody);
  if (read.kind === "refusal") return refuseModel(exchange, read);
  const chat = classifyChat(read.value, read.bytes, config.models);
  if (chat.kind === "refusal") return refuseModel(exchange, chat);
  const model = config.models.get(chat.model);
  const upstream = model === undefined ? undefined : config.upstreams.get(model.upstream);
  const { prompt } = chat;
  const [decision] = await askAbout(parts, exchange, [chat.call], obligations, { prompt, upstream });
  if (decision === undefined) return refuseModel(exchange, refuse("pdp_unavailable"));
  let asked: Partial<Outcome> = {};
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    conclude(parts, exchange, decision, { kind: "model", outcome, status, ...asked, ...more });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"]): void => {
    refuseModel(exchange, refusal, decision);
    end(outcome, refusal.status);
  };
  if (!decision.allow) return refuseAs(refusalOf(decision), "denied");
  if (model === undefined || upstream === undefined) return refuseAs(refuse("unknown_model"), "denied");
  const body = enforce(chat.body, decision.obligations, requestObligations);
  if (body === undefined) return refuseAs(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
  if (model.upstreamModel !== undefined) body["model"] = model.upstreamModel;

  asked = used(model.upstream, upstream);
  const answer = await parts.forward({
    upstream,
    method: "POST",
    // a URL with a path is the API's base, as OpenAI's SDKs take it; one without means the usual base
    path: upstream.url.pathname === "/" ? "/v1/chat/completions" : "/chat/completions",
    headers: { accept: chat.stream ? "text/event-stream" : "application/json" },
    // what was decided, and nothing else
    body: stringifyJson(body),
    assertion: decision.assertion,
    signal: exchange.signal,
  });
  if (answer.kind === "aborted") return end("client_disconnected", 499);
  if (answer.kind === "failed") {
    refuseModel(exchange, refuse(answer.code), decision);
    const outcome = answer.code === "upstream_timeout" ? "upstream_timeout" : "upstream_error";
    return end(outcome, refuse(answer.code).status);
  }
  const ok = answer.status < 300;
  const expected = ok && chat.stream ? "text/event-stream" : "application/json";
  const failUpstream = (): void => {
    refuseModel(exchange, refuse("upstream_invalid"), decision);
    end("upstream_error", refuse("upstream_invalid").status);
  };
  if (answer.status < 200 || mediaType(answer.headers) !== expected) {
    discard(answer.body);
    return failUpstream();
  }
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  const { res } = exchange;
  const headers: Record<string, string> = decisionHeaders(decision);
  for (const name of passedHeaders) {
    const value = answer.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  if (!ok) {
    const error = await collect(answer.body, maxError);
    if (exchange.signal.aborted) return end("client_disconnected", 499);
    // what an upstream says of a request may quote what came with it
    if (error === undefined || answer.quotesKey(error.toString("latin1"))) return failUpstream();
    send(res, answer.status, error.toString(), headers);
    return end("upstream_error", answer.status, { bytes: error.byteLength });
  }
  const { stream: streamed } = chat;
  if (streamed) headers["cache-control"] = "no-cache";
  res.writeHead(answer.status, headers);
  const { ended, bytes, tail } = await passOn(answer.body, res, exchange.signal, tailBytes);
  if (ended === "cut" && streamed) {
    // the blank line ends the event that was cut
    res.write(`\n\ndata: ${openAiError(refuse("upstream_unavailable", "the stream was cut"), decision)}\n\n`);
  }
  // an answer that isn't whole must not look whole
  if (ended === "cut" && !streamed) res.destroy();
  else res.end();
  const usage = readUsage(tail, streamed);
  const outcome = { whole: "forwarded", cut: "upstream_error", aborted: "client_disconnected" } as const;
  end(outcome[ended], answer.status, {
    bytes,
    ...(usage === undefined ? {} : { usage }),
  });
}

/** Finds the usage in a whole answer or in a stream's last events. */
function readUsage(tail: Buffer, streamed: boolean): Outcome["usage"] | undefined {
  const texts = streamed
    ? [...tail.toString().matchAll(/^data: (\{.*\})\s*$/gm)].map(([, json = ""]) => json).reverse()
    : [tail.toString()];
  for (const text of texts) {
    try {
      const answer = parseJson(text);
      const usage = isObject(answer) ? answer["usage"] : undefined;
      if (!isObject(usage)) continue;
      const { prompt_tokens: input, completion_tokens: output } = usage;
      if (isCount(input) && isCount(output)) return { input_tokens: input, output_tokens: output };
    } catch {
      // not a whole event; usage stays unknown
    }
  }
  return undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** How clients write an id in a path: OpenAI's leave colons, others encode them. */
function spellings(model: string): readonly string[] {
  const encoded = encodeURIComponent(model);
  return [encoded, encoded.replaceAll("%3A", ":")];
}

/** Serves `GET /v1/models` and `GET /v1/models/{id}`: only what the caller may use. */
export async function serveModels(parts: GatewayParts, exchange: Exchange, given?: string): Promise<void> {
  const { models } = parts.config;
  const id = [...models.keys()].find((model) => spellings(model).includes(given ?? "")) ?? given;
  if (id?.includes("%") === true) return refuseModel(exchange, refuse("unknown_route"));
  const asked = id === undefined ? [...models.keys()] : [id];
  const calls = asked.map((model) => ({
    kind: "model" as const,
    action: { name: "model.list" as const, properties: { phase: "request" } },
    resource: { type: "model", id: model, properties: modelProperties(models.get(model)) },
  }));
  const decisions = await askAbout(parts, exchange, calls, obligations);
  const [first] = decisions;
  const refused = decisions.length > 0 && decisions.every((d) => !d.allow && isPipeline(d));
  if (first !== undefined && refused) {
    const refusal = refusalOf(first);
    refuseModel(exchange, refusal, first);
    return conclude(parts, exchange, first, { kind: "model", outcome: "denied", status: refusal.status });
  }
  const allowed = asked.filter((model, i) => decisions[i]?.allow === true && models.has(model));
  const data = allowed.map((model): JsonObject => {
    return { id: model, object: "model", created: 0, owned_by: models.get(model)?.provider ?? "" };
  });
  const [only] = data;
  const headers = first === undefined ? {} : { "x-countersign-decision-id": first.decision_id };
  // what one may not use and what there isn't look the same
  if (id !== undefined && only === undefined) refuseModel(exchange, refuse("unknown_model"));
  else if (id !== undefined && only !== undefined) send(exchange.res, 200, stringifyJson(only), headers);
  else
    send(exchange.res, 200, stringifyJson({ object: "list", data }), {
      ...headers,
      "cache-control": "private",
    });
}

/** Tells a refusal of the pipeline (who is calling, is there a decision at all) from a policy's deny. */
export function isPipeline(decision: Decision): boolean {
  return refusalOf(decision).code !== "denied";
}
