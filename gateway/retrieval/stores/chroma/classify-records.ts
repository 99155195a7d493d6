import type { Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { QueryFacts, StoreAsk, StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import type { ChromaOperation, Include } from "./operation.js";
import type { ReadChosen } from "./read-records.js";
import {
  isRefusal,
  readBody,
  readChosen,
  readInclude,
  readNumber,
  readRecords,
  readVectors,
} from "./read-records.js";
import type { Target } from "./target.js";
import { askOf, operationOf } from "./target.js";

/** What an answer holds where the request doesn't say (tried with 1.5.9). */
const inGet: readonly Include[] = ["documents", "metadatas"];
const inQuery: readonly Include[] = ["documents", "metadatas", "distances"];
const defaultResults = 10;
const mostQueries = 64;

/** Says what a request to one of the routes for documents would do. */
export function classifyRecords(
  request: StoreRequest,
  target: Target,
  store: StoreConfig,
): ChromaOperation | Refusal {
  switch (target.route) {
    case "query":
      return classifyQuery(request, target, store);
    case "get":
      return classifyGet(request, target, store);
    case "count":
      return classifyCount(request, target, store);
    case "delete":
      return classifyDelete(request, target, store);
    default:
      return classifyWrite(request, target, store);
  }
}

function kindsOf({ chosen }: ReadChosen, first: readonly QueryFacts["kinds"][number][]): QueryFacts["kinds"] {
  const { ids, where, whereDocument } = chosen;
  return [
    ...first,
    ...(where === undefined && whereDocument === undefined ? [] : (["filter"] as const)),
    ...(ids === undefined ? [] : (["ids"] as const)),
  ];
}

function classifyQuery({ body: given }: StoreRequest, target: Target, store: StoreConfig) {
  const body = readBody(given, [
    "query_embeddings",
    "n_results",
    "ids",
    "where",
    "where_document",
    "include",
  ]);
  if (isRefusal(body)) return body;
  const read = readChosen(body);
  if (read.kind === "refusal") return read;
  const vectors = readVectors(body["query_embeddings"], { encoded: false, absent: false });
  if (vectors === undefined || vectors.values.length === 0)
    return refuse("invalid_request", "query_embeddings");
  if (vectors.values.length > mostQueries)
    return refuse("retrieval_limit", `query_embeddings: at most ${mostQueries}`);
  const results = readNumber(body["n_results"], defaultResults);
  if (results === undefined || results === 0) return refuse("invalid_request", "n_results");
  const include = readInclude(body["include"], inQuery);
  if (include === undefined) return refuse("invalid_request", "include");
  const asks = vectors.facts.map((facts): StoreAsk => {
    const query: QueryFacts = {
      kinds: kindsOf(read, ["vector"]),
      top_k: results,
      ...facts,
      vectors: include.includes("embeddings"),
      ...(read.fields.length === 0 ? {} : { fields: read.fields }),
    };
    return askOf(target, "retrieval.query", "find", store, { query });
  });
  const embeddings = vectors.values;
  return operationOf(target, asks, { kind: "query", chosen: read.chosen, embeddings, results, include });
}

function classifyGet({ body: given }: StoreRequest, target: Target, store: StoreConfig) {
  const body = readBody(given, ["ids", "where", "where_document", "limit", "offset", "include"]);
  if (isRefusal(body)) return body;
  const read = readChosen(body);
  if (read.kind === "refusal") return read;
  const { ids } = read.chosen;
  // the server's own default is everything
  const limit = readNumber(body["limit"], ids?.length ?? target.collection?.limits.topK ?? 100);
  const offset = readNumber(body["offset"], 0);
  if (limit === undefined || offset === undefined) return refuse("invalid_request", "limit or offset");
  const include = readInclude(body["include"], inGet);
  if (include === undefined || include.includes("distances")) return refuse("invalid_request", "include");
  const query: QueryFacts = {
    kinds: kindsOf(read, []),
    ...{ top_k: limit, offset, vectors: include.includes("embeddings") },
    ...(read.fields.length === 0 ? {} : { fields: read.fields }),
  };
  const action = ids === undefined ? "retrieval.export" : "retrieval.get";
  const ask = askOf(target, action, "find", store, { query });
  return operationOf(target, [ask], { kind: "get", chosen: read.chosen, limit, offset, include });
}

function classifyCount({ body, query }: StoreRequest, target: Target, store: StoreConfig) {
  if (body !== undefined) return refuse("invalid_request", "no body is taken");
  const level = query.get("read_level");
  // what isn't indexed yet counts too: the only level that a server of one node has
  if (level !== undefined && level !== "index_and_wal") return refuse("invalid_request", "read_level");
  const ask = askOf(target, "retrieval.count", "count", store, { query: { kinds: [], top_k: 0 } });
  return operationOf(target, [ask], { kind: "count" });
}

function classifyDelete({ body: given }: StoreRequest, target: Target, store: StoreConfig) {
  const body = readBody(given, ["ids", "where", "where_document", "limit"]);
  if (isRefusal(body)) return body;
  const read = readChosen(body);
  if (read.kind === "refusal") return read;
  const { chosen, fields } = read;
  const { ids, where, whereDocument } = chosen;
  if (ids === undefined && where === undefined && whereDocument === undefined)
    return refuse("invalid_request", "ids, where or where_document is needed");
  const limit = readNumber(body["limit"], 0);
  if (limit === undefined) return refuse("invalid_request", "limit");
  const ask = askOf(target, "retrieval.delete", "change", store, {
    query: { kinds: kindsOf(read, []), top_k: 0, ...(fields.length === 0 ? {} : { fields }) },
    ...(ids === undefined ? {} : { ids }),
  });
  const bounded = body["limit"] === undefined ? {} : { limit };
  return operationOf(target, [ask], { kind: "delete", chosen, ...bounded });
}

/**
 * `add` leaves a document as it is where its id is taken (tried with 1.5.9), so no other's is touched; `upsert` and
 * `update` merge metadata into what is there, key by key, so what is there must be the caller's.
 */
function classifyWrite({ body: given }: StoreRequest, target: Target, store: StoreConfig) {
  const body = readBody(given, ["ids", "embeddings", "metadatas", "documents", "uris"]);
  if (isRefusal(body)) return body;
  const verb = target.route === "add" || target.route === "upsert" ? target.route : "update";
  const read = readRecords(body, verb);
  if (read.kind === "refusal") return read;
  const { kind: _kind, ...records } = read;
  const { ids, metadatas, embeddings } = records;
  const facts = readVectors(embeddings, { encoded: true, absent: true })?.facts ?? [];
  const dimensions = facts.reduce((most, one) => Math.max(most, one.dimensions ?? 0), 0);
  const ask = askOf(target, verb === "update" ? "retrieval.update" : "retrieval.write", "write", store, {
    query: { kinds: [], top_k: 0, dimensions },
    documents: metadatas?.map((one) => one ?? {}) ?? ids.map(() => ({})),
    ...(verb === "add" ? {} : { ids, merged: true }),
  });
  return operationOf(target, [ask], { kind: "write", verb, records });
}
