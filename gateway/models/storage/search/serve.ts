/** `POST /v1/vector_stores/{id}/search`: narrowed by policy, and each result looked at (docs/gateway-retrieval-openai.md). */
import { createHash } from "node:crypto";
import type { Call, Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse, stringifyJson } from "../../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../../exchange.js";
import { decisionHeaders } from "../../../exchange.js";
import { send } from "../../../http.js";
import type { QueryFacts, StoreOperation } from "../../../retrieval/adapter.js";
import { requestObligations } from "../../../retrieval/serve/duties.js";
import { judge } from "../../../retrieval/serve/judge.js";
import { openai } from "../../openai.js";
import { isRefusal } from "../../operations/operation.js";
import { refuseIn } from "../../refuse.js";
import type { Allowed } from "../decide.js";
import { decide, storageCall } from "../decide.js";
import { accountOf, pathOf } from "../files.js";
import type { Known } from "../ids.js";
import { giveId, ownId } from "../ids.js";
import type { Looked } from "../send.js";
import { ask } from "../send.js";
import { tenantOf } from "../tenant.js";
import { narrowFilter, readFilter } from "./filters.js";
import type { Bound } from "./prepare.js";
import { asStore, prepareIn, refuseOwed } from "./prepare.js";
import { readPage } from "./results.js";

const say = refuseIn(openai);
/** Where a search doesn't say: the provider's default. */
const defaultResults = 10;

/** Serves a search whose body has the known fields. */
export async function serveSearch(
  parts: GatewayParts,
  exchange: Exchange,
  store: Known,
  body: JsonObject,
): Promise<void> {
  const upstream = accountOf(parts);
  if ("kind" in upstream) return say(exchange, upstream);
  const facts = describeSearch(body);
  if (isRefusal(facts)) return say(exchange, facts);
  const own = store.named.id;
  const about = {
    ...{ store: own, top_k: facts.top_k, bytes: facts.bytes ?? 0 },
    ...{ fields: [...(facts.fields ?? [])], rewrite: body["rewrite_query"] === true },
  };
  const call = storageCall(parts, "retrieval.query", about, "retrieval");
  const content = await parts.describeContent?.(body);
  const allowed = await decide(parts, exchange, {
    ...{ speaker: openai, calls: [call], upstream, content, more: requestObligations },
  });
  if (allowed === undefined) return;
  const storeId = ownId(store, tenantOf(allowed.bound));
  if (storeId === undefined) return allowed.refuse(refuse("unknown_store"), "denied");
  const { vectorStores } = parts.config.storage ?? {};
  if (vectorStores === undefined) return allowed.refuse(refuse("storage_not_configured"), "denied");
  const bound = prepareIn(vectorStores, allowed, { store: own, query: facts });
  if (isRefusal(bound)) return refuseOwed(allowed, bound);
  if (bound.prepared.nothing) return findNothing(exchange, allowed, body);
  return ask(
    parts,
    exchange,
    allowed,
    {
      method: "POST",
      path: pathOf(upstream.config, `vector_stores/${storeId}/search`),
      body: stringifyJson(narrow(body, bound, facts.top_k)),
    },
    { kind: "looked", look: (answer) => look({ parts, exchange, allowed, call }, bound, answer) },
  );
}

const ranking: Readonly<Record<string, (value: Json) => boolean>> = {
  ranker: (value) => ["none", "auto", "default-2024-11-15"].some((one) => one === value),
  score_threshold: (value) => isShare(value),
};

function isShare(value: Json): boolean {
  const number = plainNumber(value);
  return number !== undefined && number >= 0 && number <= 1;
}

/** Says what is searched for; a refusal where it isn't understood whole. */
function describeSearch(body: JsonObject): QueryFacts | Refusal {
  const { query, max_num_results: most, filters, ranking_options: options } = body;
  const fields = readFilter(filters);
  if ("kind" in fields) return fields;
  const wrong = Object.entries(isObject(options) ? options : {}).some(
    ([name, value]) => !(Object.hasOwn(ranking, name) && ranking[name]?.(value) === true),
  );
  if (wrong) return refuse("filter_refused", "ranking_options");
  const text = Array.isArray(query) ? query.join("\n") : String(query);
  return {
    kinds: fields.length === 0 ? ["text"] : ["text", "filter"],
    top_k: typeof most === "number" ? most : defaultResults,
    bytes: Buffer.byteLength(text),
    sha256: createHash("sha256").update(text).digest("hex"),
    fields,
  };
}

/** What is sent. Where the filter is wider than the condition, more is fetched and the answer cut. */
function narrow(body: JsonObject, { prepared, ask: { collection } }: Bound, top: number): JsonObject {
  const { narrowing } = prepared;
  const { filters, ...others } = body;
  if (collection === undefined) throw new Error("a search of no collection");
  const { filter, exact } = narrowFilter(filters, narrowing, collection);
  const asked = Math.min(top, narrowing.topK);
  return {
    ...others,
    ...(filter === undefined ? {} : { filters: filter }),
    max_num_results: exact ? asked : Math.max(asked, narrowing.most),
  };
}

interface Turn {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly allowed: Allowed;
  readonly call: Call;
}

async function look(
  { parts, exchange, allowed, call }: Turn,
  { ask: asked, prepared }: Bound,
  answer: JsonObject,
): Promise<Looked> {
  const page = readPage(answer);
  const operation: StoreOperation = { kind: "operation", route: "search", asks: [asked] };
  const retell = ({ resource }: Call): Call => {
    const { documents = [], recent = {} } = resource.properties;
    return {
      ...call,
      action: { ...call.action, properties: { ...call.action.properties, phase: "response" } },
      resource: { ...call.resource, properties: { ...call.resource.properties, documents, recent } },
    };
  };
  const judged = await judge(
    { parts, exchange, store: asStore(parts, allowed, asked), operation, retell },
    { kind: "allowed", decisions: [allowed.decision], prepared: [prepared] },
    page.items,
  );
  if (judged.kind === "denied") return judged;
  const { facts, labels, items } = judged;
  for (const result of ["given", "masked", "removed", "filtered"] as const) {
    const count = facts[result];
    if (typeof count === "number" && count > 0)
      parts.metrics.gatewayDocuments(allowed.upstream.name, result, count);
  }
  const found = tenantOf(allowed.bound);
  const give = (id: string): string => giveId(id, { what: "found", store: asked.name }, found);
  return {
    kind: "given",
    value: page.rebuild(items, give),
    told: { retrieval: { ...facts, exact: false }, ...(labels.length === 0 ? {} : { labels }) },
  };
}

/** Where no file can meet the condition, the store isn't asked. */
function findNothing({ res }: Exchange, { decision, end }: Allowed, { query = "" }: JsonObject): void {
  const text = stringifyJson({
    ...{ object: "vector_store.search_results.page", search_query: [query].flat(), data: [] },
    ...{ has_more: false, next_page: null },
  });
  const bytes = send(res, 200, text, decisionHeaders(decision));
  const facts = { found: 0, filtered: 0, removed: 0, masked: 0, given: 0, exact: true, asked: false };
  end("forwarded", 200, { bytes, retrieval: facts });
}
