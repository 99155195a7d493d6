/** Serves a route to a model server: classify, ask, enforce, pass on. */
import type { Call, Decision, JsonObject, Obligation, Outcome, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../../exchange.js";
import { collect, discard } from "../../forward/forward.js";
import { readJson, send } from "../../http.js";
import { createDecideCalls } from "../../models/calls/decide.js";
import { withFetches, wrongUrl } from "../../models/media-urls.js";
import { refusalOf } from "../../models/refuse.js";
import type { RouteConfig, RouteKind } from "../config.js";
import { withEstimate } from "../../limits/estimate.js";
import { holdLines } from "../../limits/hold-lines.js";
import { passedHeaders } from "../headers.js";
import type { Target } from "../normalise.js";
import { isRefusal, refuseRoute } from "../refuse.js";
import { claiming } from "../web.js";
import type { AnswerForm, Attempting, ServerAttempt } from "./attempt.js";
import { attemptChain } from "./langserve.js";
import { attemptOllama } from "./ollama.js";
import { relayAnswer } from "./relay.js";
import { attemptListed } from "./table.js";
import { attemptVllm } from "./vllm.js";

type Attempt = (of: Attempting, serving: Serving) => Promise<ServerAttempt | Refusal>;
export interface Serving {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
}

const attempts: Readonly<Record<Exclude<RouteKind, "web">, Attempt>> = {
  langserve: attemptChain,
  ollama: attemptOllama,
  vllm: attemptVllm,
  http: attemptListed,
};

const media: Readonly<Record<AnswerForm["kind"], string>> = {
  json: "application/json",
  lines: "application/x-ndjson",
  events: "text/event-stream",
  raw: "*/*",
};

/** The largest error of an upstream that is passed on, bytes. */
const maxError = 65_536;

export async function serveServer(
  given: GatewayParts,
  exchange: Exchange,
  route: RouteConfig,
  target: Target,
): Promise<void> {
  const parts = claiming(given, route);
  const refuseHere = refuseRoute(parts.config);
  const { req, signal } = exchange;
  if (target.search !== "" || route.kind === "web")
    return refuseHere(exchange, refuse("path_refused", "there is no query here"));
  let fetching: JsonObject | undefined;
  const attempt = await attempts[route.kind](
    {
      route,
      method: req.method ?? "",
      segments: target.path.slice(1).split("/"),
      read: async () => {
        const got = await readJson(req, route.maxBody);
        // it fetches what messages name
        if (got.kind !== "json" || route.kind !== "vllm" || !isObject(got.value)) return got;
        fetching = got.value;
        if (!wrongUrl(got.value, parts.config.mediaHosts)) return got;
        return refuse("invalid_request", "a URL isn't of the web");
      },
    },
    { parts, exchange },
  );
  if (attempt.kind === "refusal") return refuseHere(exchange, attempt);
  const headers = passedHeaders(req, route);
  if (isRefusal(headers)) return refuseHere(exchange, headers);

  const decided = await decideAll(parts, exchange, route, told(attempt, fetching));
  const [decision] = decided;
  if (decision === undefined) return refuseHere(exchange, refuse("pdp_unavailable"));
  const kind = attempt.calls[0].kind;
  let asked: Partial<Outcome> = {};
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    for (const one of decided) conclude(parts, exchange, one, { kind, outcome, status, ...asked, ...more });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"], of = decision): void => {
    refuseHere(exchange, refusal, of);
    end(outcome, refusal.status);
  };
  exchange.endBy({
    before: (refusal, by) => {
      refuseHere(exchange, refusal, by);
    },
  });
  const denied = decided.find(({ allow }) => !allow);
  if (denied !== undefined) return refuseAs(refusalOf(denied), "denied", denied);
  if (attempt.unknown !== undefined) return refuseAs(refuse(attempt.unknown), "denied");
  const duties: Obligation[] = decided.flatMap(({ obligations }) => obligations);
  const body = attempt.body(duties);
  if (body === undefined) return refuseAs(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");

  asked = used(route.name, route.upstream);
  const { answer: form } = attempt;
  const answer = await parts.pass({
    ...{ upstream: route.upstream, method: attempt.method, path: attempt.path, signal },
    headers: {
      ...headers,
      accept: media[form.kind],
      ...(body === "none" ? {} : { "content-type": attempt.contentType ?? "application/json" }),
    },
    body: body === "none" ? undefined : Buffer.isBuffer(body) ? body : stringifyJson(body),
    assertion: decision.assertion,
  });
  if (answer.kind === "aborted") return end("client_disconnected", 499);
  if (answer.kind === "failed") {
    const timedOut = answer.code === "upstream_timeout";
    return refuseAs(refuse(answer.code), timedOut ? "upstream_timeout" : "upstream_error");
  }
  const fail = (): void => {
    discard(answer.body);
    refuseAs(refuse("upstream_invalid"), "upstream_error");
  };
  const { status } = answer;
  const type = mediaOf(answer.headers["content-type"]);
  // redirects lead elsewhere; refusals of our own credential, and faults, are no answers to the client
  if (status < 200 || (status >= 300 && status < 400) || status === 401 || status === 403 || status >= 500)
    return fail();
  const said: Record<string, string> = {
    ...decisionHeaders(decision),
    "content-type": type,
    "x-content-type-options": "nosniff",
  };
  if (status >= 400) {
    const error = await collect(answer.body, maxError);
    if (signal.aborted) return end("client_disconnected", 499);
    if (error === undefined || type !== media.json || answer.quotesKey(error.toString("latin1")))
      return fail();
    send(exchange.res, status, error.toString(), said);
    return end("upstream_error", status, { bytes: error.byteLength });
  }
  if (form.kind !== "raw" && type !== media[form.kind]) return fail();
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  const held =
    (form.kind === "lines" || form.kind === "events") && decision.allowance !== undefined
      ? holdLines(parts, answer.body, {
          exchange,
          decision,
          call: estimated(parts, attempt),
          kind: form.kind,
        })
      : undefined;
  const relayed = await relayAnswer({
    ...{
      form,
      route,
      status,
      signal,
      wasCut: exchange.wasCut,
      res: exchange.res,
      body: held?.body ?? answer.body,
      headers: said,
    },
    usage: attempt.usage,
    decide: createDecideCalls(parts, exchange, { model: attempt.model, offered: attempt.offered }),
  });
  if (relayed.kind === "refused") return fail();
  const outcome = { whole: "forwarded", cut: "upstream_error", aborted: "client_disconnected" } as const;
  const { ended, bytes, usage = held?.counted() } = relayed;
  end(outcome[ended], status, { bytes, ...(usage === undefined ? {} : { usage }) });
}

/** Asks about all; an upstream that wants an assertion gets one for the first. */
async function decideAll(
  parts: GatewayParts,
  exchange: Exchange,
  { upstream }: RouteConfig,
  attempt: ServerAttempt,
): Promise<readonly Decision[]> {
  const { obligations, prompt, texts } = attempt;
  const [, ...others] = attempt.calls;
  const calls = [estimated(parts, attempt), ...others] as const;
  const content = texts === undefined ? undefined : await parts.describeContent?.(texts);
  const about = { ...(prompt === undefined ? {} : { prompt }), content };
  if (calls.length === 1 || upstream.assertion === undefined)
    return askAbout(parts, exchange, calls, obligations, calls.length === 1 ? { ...about, upstream } : about);
  // INVARIANT: each is asked about once, or it would count, and hold, twice
  const first = await askAbout(parts, exchange, [calls[0]], obligations, { ...about, upstream });
  const rest = await askAbout(parts, exchange, others, obligations, about);
  return [...first, ...rest];
}

/** Adds what the server is asked to fetch. */
function told(attempt: ServerAttempt, body: JsonObject | undefined): ServerAttempt {
  if (body === undefined) return attempt;
  const [chief, ...others] = attempt.calls;
  return { ...attempt, calls: [withFetches(chief, body), ...others] };
}

/** What a route's server is asked has no price, and its tokens are held as those of other models. */
function estimated({ config, prices }: GatewayParts, { calls: [call], texts }: ServerAttempt): Call {
  if (call.kind !== "model" || texts === undefined) return call;
  const { parameters } = call.action.properties;
  const most = isObject(parameters) ? (parameters["num_predict"] ?? null) : null;
  return withEstimate(
    call,
    { messages: [texts], max_tokens: most },
    { limits: config.limits, prices, model: call.resource.id, deployments: [] },
  );
}

function mediaOf(header: string | string[] | undefined): string {
  return ([header ?? ""].flat()[0]?.split(";", 1)[0] ?? "").trim().toLowerCase();
}
