/** Puts policy's filter into queries. INVARIANT: every way to find a document passes it; nothing of the caller's is changed. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { Dialect } from "./dialect.js";
import { oneOrMore } from "./reading.js";

/**
 * Narrows a query: the filter stands beside it, and in each search for neighbours within it, which looks for its k nearest
 * before what is around it is asked (Elasticsearch, "kNN query": a filter around it comes after; OpenSearch, "Vector search
 * with filters").
 */
export function narrowQuery(query: Json | undefined, filter: JsonObject, dialect: Dialect): JsonObject {
  const inner: Json = query === undefined ? { match_all: {} } : pushDown(query, filter, dialect);
  // it can't stand within another (OpenSearch, "Hybrid query")
  if (isObject(inner) && isObject(inner["hybrid"])) {
    const { queries = [], ...others } = inner["hybrid"];
    return { hybrid: { ...others, queries: oneOrMore(queries).map((one) => beside(one, filter)) } };
  }
  return beside(inner, filter);
}

function beside(query: Json, filter: JsonObject): JsonObject {
  return { bool: { must: [query], filter: [filter] } };
}

/** The members of each kind that hold queries. Beneath `nested` fields are of parts of documents: there it stays outside. */
const holds: Readonly<Record<string, readonly string[]>> = {
  bool: ["must", "filter", "should", "must_not"],
  constant_score: ["filter"],
  dis_max: ["queries"],
  boosting: ["positive", "negative"],
  function_score: ["query"],
  hybrid: ["queries"],
};

function pushDown(query: Json, filter: JsonObject, dialect: Dialect): Json {
  if (!isObject(query)) return query;
  const out: JsonObject = {};
  for (const [name, body] of Object.entries(query)) {
    if (name === "knn" || name === "neural") out[name] = narrowNeighbours(body, filter, dialect);
    else out[name] = isObject(body) ? within(body, holds[name] ?? [], filter, dialect) : body;
  }
  return out;
}

function within(
  body: JsonObject,
  names: readonly string[],
  filter: JsonObject,
  dialect: Dialect,
): JsonObject {
  const out: JsonObject = { ...body };
  for (const name of names) {
    const inner = out[name];
    if (inner === undefined) continue;
    out[name] = Array.isArray(inner)
      ? inner.map((one) => pushDown(one, filter, dialect))
      : pushDown(inner, filter, dialect);
  }
  return out;
}

function narrowNeighbours(body: Json, filter: JsonObject, dialect: Dialect): Json {
  if (!isObject(body)) return body;
  if (dialect.knn === "flat") return narrowFlat(body, filter);
  return Object.fromEntries(
    Object.entries(body).map(([field, one]) => {
      if (!isObject(one)) return [field, one];
      const given = one["filter"];
      const both: Json = given === undefined ? filter : { bool: { filter: [...oneOrMore(given), filter] } };
      return [field, { ...one, filter: both }];
    }),
  );
}

/** Of Elasticsearch's sections and queries: a list of filters, of which all must hold. */
export function narrowFlat(body: JsonObject, filter: JsonObject): JsonObject {
  const given = body["filter"];
  return { ...body, filter: [...(given === undefined ? [] : oneOrMore(given)), filter] };
}

/** Narrows a tree of retrievers at its leaves. */
export function narrowRetriever(tree: Json, filter: JsonObject, dialect: Dialect): Json {
  if (!isObject(tree)) return tree;
  const [[name, body] = ["", null]] = Object.entries(tree);
  if (!isObject(body)) return tree;
  switch (name) {
    case "standard":
      return { standard: { ...body, query: narrowQuery(body["query"], filter, dialect) } };
    case "knn":
      return { knn: narrowFlat(body, filter) };
    default: {
      // those that put others together: by their one, or by each of their list
      const out: JsonObject = { ...body };
      if (body["retriever"] !== undefined)
        out["retriever"] = narrowRetriever(body["retriever"], filter, dialect);
      if (Array.isArray(body["retrievers"]))
        out["retrievers"] = body["retrievers"].map((one) =>
          isObject(one) && isObject(one["retriever"])
            ? { ...one, retriever: narrowRetriever(one["retriever"], filter, dialect) }
            : narrowRetriever(one, filter, dialect),
        );
      return { [name]: out };
    }
  }
}
