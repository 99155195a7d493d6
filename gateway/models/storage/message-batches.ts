/** Anthropic's batches of messages: each request decided, of one upstream. Source: Anthropic API reference, "Message Batches". */
import type { ActionName, Call, Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { UpstreamConfig } from "../../config.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { bringsBody, readJson } from "../../http.js";
import type { ProtocolHeaders } from "../../forward/headers.js";
import type { Deployment } from "../../routing/deployment.js";
import { anthropic } from "../anthropic.js";
import { list } from "../fields.js";
import type { Bound } from "../operations/bind.js";
import { isRefusal, readBody } from "../operations/operation.js";
import type { ModelProtocol } from "../protocol.js";
import { refuseIn } from "../refuse.js";
import { batchCall, decide } from "./decide.js";
import type { About } from "./ids.js";
import { giveId, ownId, takeId } from "./ids.js";
import type { DecidedLines, Line } from "./lines.js";
import { decideLines, readLine } from "./lines.js";
import { passResults } from "./results.js";
import { ask } from "./send.js";

type Messages = Extract<About, { what: "messages" }>;

const say = refuseIn(anthropic);
/** What fits into an id. */
const longestNames = 300;

const pathOf = ({ url }: UpstreamConfig, behind: string): string =>
  `${url.pathname === "/" ? "/v1" : ""}/messages/batches${behind}`;

/** Serves `POST /v1/messages/batches`. */
export async function createMessageBatch(
  parts: GatewayParts,
  exchange: Exchange,
  spoken: ModelProtocol,
): Promise<void> {
  const { uploads, models } = parts.config;
  const read = await readJson(exchange.req, uploads.batchBytes);
  if (read.kind === "refusal") return say(exchange, read);
  const body = readBody(read.value, { requests: list }, ["requests"]);
  if (isRefusal(body)) return say(exchange, body);
  const requests: readonly Json[] = Array.isArray(body["requests"]) ? body["requests"] : [];
  if (requests.length === 0) return say(exchange, refuse("invalid_request", "a batch without requests"));
  if (requests.length > uploads.batchLines)
    return say(exchange, refuse("body_too_large", `at most ${uploads.batchLines} requests`));
  const lines: Line[] = [];
  const ids = new Set<string>();
  for (const [i, request] of requests.entries()) {
    const at = `requests[${i}]`;
    if (!isObject(request) || Object.keys(request).sort().join() !== "custom_id,params")
      return say(exchange, refuse("invalid_request", `${at}: custom_id and params, and nothing else`));
    const line = readLine("/v1/messages", request["custom_id"], request["params"], models, spoken);
    if (line.kind === "refusal") return say(exchange, { ...line, message: `${line.message} (${at})` });
    if (ids.has(line.customId))
      return say(exchange, refuse("invalid_request", `${at}: custom_id stands twice`));
    ids.add(line.customId);
    lines.push(line);
  }
  const decided = await decideLines(parts, exchange, "/v1/messages", lines);
  if (decided.kind === "refusal") return say(exchange, decided, decided.decision);
  const upstream = commonUpstream(parts, decided);
  const names = [...new Set(decided.lines.map(({ model }) => model))];
  if (upstream === undefined || names.join().length > longestNames) {
    decided.end("denied", 400);
    return say(
      exchange,
      upstream === undefined
        ? refuse("untranslatable", "models that no one upstream of this protocol has")
        : refuse("invalid_request", "too many models"),
    );
  }
  const calls = callsFor(parts, "batch.create", names, { url: "/v1/messages" });
  const prompt = { requests: lines.length, bytes: read.bytes.length };
  const allowed = calls && (await decide(parts, exchange, { speaker: anthropic, calls, upstream, prompt }));
  if (allowed === undefined) return decided.end("denied", 403);
  const sent = decided.lines.map(({ customId, model, body: params, candidates }) => ({
    custom_id: customId,
    params: { ...params, model: nameAt(candidates, upstream.name) ?? model },
  }));
  await ask(
    parts,
    exchange,
    allowed,
    {
      ...{ method: "POST", path: pathOf(upstream.config, ""), headers: versionsOf(sent, spoken) },
      body: stringifyJson({ requests: sent }),
    },
    {
      kind: "object",
      bind: (said) => bindBatch(parts, said, { what: "messages", models: names }, allowed.bound),
    },
  );
  const { statusCode } = exchange.res;
  decided.end(statusCode < 300 ? "forwarded" : "upstream_error", statusCode, upstream.name);
}

/** One version stands for all: the client's, unless policy put into one what that hasn't got. */
function versionsOf(
  sent: readonly { readonly params: JsonObject }[],
  spoken: ModelProtocol,
): ProtocolHeaders {
  const all = sent.map(({ params }) => params).reduce((one, next) => ({ ...one, ...next }), {});
  return spoken.headers(all);
}

/** Others have batches of their own kind, or none. */
const keeps = ({ protocol, wire }: UpstreamConfig): boolean => protocol === "anthropic" && wire === undefined;

/** Finds an upstream where every request may go. */
function commonUpstream(
  { config }: GatewayParts,
  { lines }: DecidedLines,
): { readonly name: string; readonly config: UpstreamConfig } | undefined {
  for (const { upstream: name } of lines[0]?.candidates ?? []) {
    const one = config.upstreams.get(name);
    const everywhere = lines.every(({ candidates }) => candidates.some(({ upstream }) => upstream === name));
    if (one !== undefined && keeps(one) && everywhere) return { name, config: one };
  }
  return undefined;
}

function nameAt(candidates: readonly Deployment[], account: string): string | undefined {
  return candidates.find(({ upstream }) => upstream === account)?.upstreamModel;
}

function callsFor(
  parts: GatewayParts,
  action: ActionName,
  names: readonly string[],
  properties: JsonObject,
): readonly [Call, ...Call[]] | undefined {
  const [first, ...others] = names.map((model) => batchCall(parts, action, model, properties));
  return first === undefined ? undefined : [first, ...others];
}

export const messageBatchActions = {
  read: { action: "batch.read", method: "GET", behind: "" },
  cancel: { action: "batch.cancel", method: "POST", behind: "/cancel" },
  delete: { action: "batch.delete", method: "DELETE", behind: "" },
  results: { action: "batch.results", method: "GET", behind: "/results" },
} as const satisfies Record<string, { action: ActionName; method: string; behind: string }>;
export type MessageBatchAction = keyof typeof messageBatchActions;

/** Serves what is done with a batch of messages; each of its models is decided on. */
export async function serveMessageBatch(
  parts: GatewayParts,
  exchange: Exchange,
  what: MessageBatchAction,
  sealed: string,
  spoken: ModelProtocol,
): Promise<void> {
  const { action, method, behind } = messageBatchActions[what];
  if (bringsBody(exchange.req)) return say(exchange, refuse("invalid_request", "it takes no body"));
  const known = takeId(sealed, "messages");
  if (known === undefined) return say(exchange, refuse("unknown_batch"));
  const { about } = known;
  const places = upstreamsOf(parts, about);
  const [likely] = places;
  const calls = callsFor(parts, action, about.models, { url: "/v1/messages" });
  if (likely === undefined || calls === undefined) return say(exchange, refuse("unknown_batch"));
  const allowed = await decide(parts, exchange, { speaker: anthropic, calls, upstream: likely });
  if (allowed === undefined) return;
  // whose, and where it is, shows once it is known who asks
  const there = places.find(({ name }) => ownId(known, { ...allowed.bound, upstream: name }) !== undefined);
  const id = there && ownId(known, { ...allowed.bound, upstream: there.name });
  if (there === undefined || id === undefined) return allowed.refuse(refuse("unknown_batch"), "denied");
  // an assertion is for the upstream that it was asked for
  if (there !== likely && (there.config.assertion ?? likely.config.assertion) !== undefined)
    return allowed.refuse(refuse("assertion_unavailable"), "denied");
  const bound = { ...allowed.bound, upstream: there.name };
  return ask(
    parts,
    exchange,
    { ...allowed, upstream: there },
    { method, path: pathOf(there.config, `/${id}${behind}`), headers: spoken.headers({}) },
    what === "results"
      ? {
          kind: "stream",
          pass: (body) =>
            passResults(
              parts,
              exchange,
              "/v1/messages",
              (said) => modelOf(parts, about, there.name, said),
              body,
            ),
        }
      : { kind: "object", bind: (said) => bindBatch(parts, said, about, bound) },
  );
}

/** Where a batch of these models may be. */
function upstreamsOf(
  { config }: GatewayParts,
  { models }: Messages,
): { readonly name: string; readonly config: UpstreamConfig }[] {
  const deployments = config.models.get(models[0] ?? "")?.deployments ?? [];
  return [...new Set(deployments.map(({ upstream }) => upstream))].flatMap((name) => {
    const one = config.upstreams.get(name);
    return one !== undefined && keeps(one) ? [{ name, config: one }] : [];
  });
}

/** Our name of the model that gave an answer; "" where it can't be told. */
function modelOf(
  { config }: GatewayParts,
  { models }: Messages,
  account: string,
  said: Json | undefined,
): string {
  const [only, ...others] = models;
  if (others.length === 0) return only ?? "";
  const names = models.filter((name) =>
    config.models
      .get(name)
      ?.deployments.some(
        ({ upstream, upstreamModel = name }) => upstream === account && upstreamModel === said,
      ),
  );
  return names.length === 1 ? (names[0] ?? "") : "";
}

function bindBatch(
  parts: GatewayParts,
  said: JsonObject,
  about: Messages,
  bound: Omit<Bound, "model">,
): JsonObject {
  const id = giveId(said["id"], about, bound);
  const { results_url: url } = said;
  const ours = `${parts.publicUrl()}/v1/messages/batches/${id}/results`;
  return { ...said, id, ...(typeof url === "string" ? { results_url: ours } : {}) };
}
