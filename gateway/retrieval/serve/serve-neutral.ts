/** `POST /v1/retrieval/{collection}/query`: a query in the gateway's own words, to a collection of any store. */
import type { Call, Condition, Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, parseCondition, plainNumber, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude, decisionHeaders } from "../../exchange.js";
import { readJson, send } from "../../http.js";
import { refusalOf } from "../../models/refuse.js";
import type { FoundItem, NeutralQuery } from "../adapter.js";
import type { StoreConfig } from "../config.js";
import { findCollection } from "../config.js";
import { queryPostgres } from "../postgres/neutral.js";
import { settingsOf } from "../postgres/settings.js";
import { adapters } from "../stores/registry.js";
import { concludeAll } from "./conclude.js";
import { requestObligations } from "./duties.js";
import { refuseAs } from "./refuse.js";
import { runOperation } from "./run.js";
import { openCursors } from "./seal-cursor.js";
import type { Given } from "./turn.js";

/** Of a query's text, characters. */
const longest = 65_536;
const mostIds = 1_000;
const mostVector = 65_536;
const defaultTopK = 10;

interface Asked {
  readonly kind: "query";
  readonly query: NeutralQuery;
  readonly filter: Condition | undefined;
}

/** Serves `{query, vector, ids, top_k, filter, namespace}` → `{documents: [{id, score, text, metadata, labels}]}`. */
export async function serveNeutral(parts: GatewayParts, exchange: Exchange, key: string): Promise<void> {
  const say = (refusal: Refusal): void => {
    refuseAs(undefined, exchange, refusal);
  };
  const read = await readJson(exchange.req, Math.min(parts.config.maxBody, 4 * 2 ** 20));
  if (read.kind === "refusal") return say(read);
  const asked = readQuery(read.value);
  if (asked.kind === "refusal") return say(asked);
  const found = findCollection(parts.config.stores, key);
  if (found === undefined) return askUnknown(parts, exchange, key);
  const { store, collection } = found;
  if (store.kind === "postgres") return serveTable(parts, exchange, found, asked);
  const adapter = adapters[store.kind];
  if (adapter?.ask === undefined) return say(refuse("unknown_operation"));
  const request = adapter.ask(asked.query, collection, store);
  if (request.kind === "refusal") return say(request);
  const cursors = openCursors(parts.sessionSecret, store.name);
  const operation = adapter.classify(request, store, cursors);
  if (operation.kind === "refusal") return say(operation);
  const turn = { parts, exchange, store, operation, caller: asked.filter };
  const ran = await runOperation(turn, adapter, cursors);
  if (ran.kind === "aborted") return concludeAll(parts, exchange, store, ran, { status: 499 });
  if (ran.kind === "refused") {
    refuseAs(undefined, exchange, ran.refusal, ran.decision);
    return concludeAll(parts, exchange, store, ran, { status: ran.refusal.status });
  }
  give(parts, exchange, store, ran);
}

/** Serves a query of a table, which is asked by SQL. */
async function serveTable(
  parts: GatewayParts,
  exchange: Exchange,
  { store, collection }: NonNullable<ReturnType<typeof findCollection>>,
  { query, filter }: Asked,
): Promise<void> {
  const { topK } = collection.limits;
  // SQL's LIMIT is lowered; who says top_k here is told
  if (query.topK > topK)
    return refuseAs(undefined, exchange, refuse("retrieval_limit", `top_k: at most ${topK}`));
  const database = parts.databases.of(store);
  const settings = settingsOf(store);
  const found = await queryPostgres(
    { parts, exchange, store, settings, caller: filter, database },
    collection,
    query,
  );
  if (found.kind === "failed") {
    const { failure, decisions, outcome } = found;
    const { refusal, decision } = failure;
    refuseAs(undefined, exchange, refusal, decision ?? decisions[0]);
    const ran = { kind: "refused", refusal, decision, decisions, outcome } as const;
    return concludeAll(parts, exchange, store, ran, { status: refusal.status });
  }
  const { decided, items, labels, facts } = found;
  const { decisions } = decided.allowed;
  const given = items.map((item) => ({ item, labels: [] }));
  const common = { kind: "given", status: 200, value: undefined } as const;
  give(parts, exchange, store, { ...common, decisions, labels, facts: facts as JsonObject, items: given });
}

function give(parts: GatewayParts, exchange: Exchange, store: StoreConfig, ran: Given): void {
  const [decision] = ran.decisions;
  const documents = ran.items.map(({ item, labels }) => describe(item, labels));
  const bytes = send(exchange.res, 200, stringifyJson({ documents }), {
    ...(decision === undefined ? {} : decisionHeaders(decision)),
    "cache-control": "private, no-store",
  });
  concludeAll(parts, exchange, store, ran, { status: 200, bytes });
}

/** INVARIANT: who asks for what isn't there is decided on, too: it is in the record, and tells a stranger nothing. */
async function askUnknown(parts: GatewayParts, exchange: Exchange, key: string): Promise<void> {
  const call: Call = {
    kind: "retrieval",
    action: { name: "retrieval.query", properties: { phase: "request" } },
    resource: { type: "collection", id: key, properties: {} },
  };
  const [decision] = await askAbout(parts, exchange, [call], requestObligations);
  if (decision === undefined) return refuseAs(undefined, exchange, refuse("pdp_unavailable"));
  const refusal = decision.allow ? refuse("unknown_collection") : refusalOf(decision);
  refuseAs(undefined, exchange, refusal, decision);
  conclude(parts, exchange, decision, { kind: "retrieval", outcome: "denied", status: refusal.status });
}

function describe({ id, score, text, metadata }: FoundItem, labels: readonly string[]): JsonObject {
  return {
    id,
    ...(score === undefined ? {} : { score }),
    ...(text === undefined ? {} : { text }),
    metadata,
    ...(labels.length === 0 ? {} : { labels: [...labels] }),
  };
}

function readQuery(value: Json): Asked | Refusal {
  if (!isObject(value)) return refuse("invalid_request", "the body must be an object");
  const { query, vector, ids, top_k = defaultTopK, filter, namespace, ...others } = value;
  const [other] = Object.keys(others);
  if (other !== undefined)
    return refuse("invalid_request", "query, vector, ids, top_k, filter and namespace are taken");
  if (query !== undefined && (typeof query !== "string" || query.length > longest))
    return refuse("invalid_request", "query must be text");
  const numbers = vector === undefined ? undefined : readVector(vector);
  if (vector !== undefined && numbers === undefined)
    return refuse("invalid_request", "vector must be numbers");
  if (ids !== undefined && !isTexts(ids)) return refuse("invalid_request", "ids must be texts");
  if (query === undefined && vector === undefined && ids === undefined)
    return refuse("invalid_request", "give a query, a vector or ids");
  const topK = plainNumber(top_k);
  if (topK === undefined || !Number.isSafeInteger(topK) || topK < 1)
    return refuse("invalid_request", "top_k must be a whole number above 0");
  if (namespace !== undefined && (typeof namespace !== "string" || namespace.length > 256))
    return refuse("invalid_request", "namespace must be text");
  const condition = filter === undefined ? undefined : parseCondition(filter);
  if (filter !== undefined && condition === undefined) return refuse("filter_refused");
  return {
    kind: "query",
    filter: condition,
    query: {
      topK,
      ...(query === undefined ? {} : { text: query }),
      ...(numbers === undefined ? {} : { vector: numbers }),
      ...(ids === undefined ? {} : { ids }),
      ...(namespace === undefined ? {} : { namespace }),
    },
  };
}

function readVector(value: Json): number[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > mostVector) return undefined;
  const numbers = value.map(plainNumber);
  return numbers.every((one) => one !== undefined) ? numbers : undefined;
}

function isTexts(value: Json): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= mostIds &&
    value.every((one) => typeof one === "string" && one !== "" && one.length <= 1_024)
  );
}
