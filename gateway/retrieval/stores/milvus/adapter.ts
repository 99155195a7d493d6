import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { Adapter, NeutralQuery, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import { orRefusal } from "../strict.js";
import { byIds } from "./classify-query.js";
import { classify } from "./classify.js";
import { printExpression } from "./expression/print.js";
import { lookedUp, lookUp } from "./look-up.js";
import { mostFetched, narrow } from "./narrow.js";
import type { MilvusOperation } from "./operation.js";
import { results } from "./results.js";
import { routes } from "./routes.js";
import { databaseOf, isVector, schemaOf } from "./settings.js";

/** Milvus's RESTful API v2 (docs/gateway-retrieval-milvus.md). */
export const milvus: Adapter<MilvusOperation> = {
  routes,
  // `@zilliz/milvus2-sdk-node` sends no content type
  plainJson: true,
  mostFetched,
  classify,
  narrow,
  empty: (operation) => nothing(operation),
  lookUp,
  lookedUp: (answer, collection) => orRefusal(() => lookedUp(answer, collection)),
  results,
  // Milvus's errors are `{code, message}`; 1100 is its "invalid parameter", 65535 "unexpected"
  refuse: ({ message, status }, about) => ({
    ...{ code: status === 400 ? 1100 : 65_535, message: message === "" ? "refused" : message },
    countersign: about,
  }),
  ask,
};

function nothing(operation: MilvusOperation): Json | Refusal {
  switch (operation.doing) {
    case "search":
    case "hybrid":
      return { code: 0, data: [], cost: 0, topks: operation.asks.map(() => 0) };
    case "query":
      return { code: 0, data: operation.counts ? [{ "count(*)": 0 }] : [], cost: 0 };
    case "manage":
      return operation.counts ? { code: 0, data: { rowCount: 0 } } : refuse("nothing_allowed");
    case "write":
    case "delete":
      return refuse("nothing_allowed");
  }
}

/** A neutral query: by a vector, by a text where the collection makes its vectors itself, or by ids. */
function ask(
  { text, vector, ids, topK, namespace }: NeutralQuery,
  collection: CollectionConfig,
  store: StoreConfig,
): StoreRequest | Refusal {
  const schema = schemaOf(collection);
  const { columns, dynamic, textSearch } = schema;
  const seen = [...columns].flatMap(([name, type]) => (isVector(type) ? [] : [name]));
  const body: JsonObject = {
    ...{ dbName: databaseOf(store), collectionName: collection.name, limit: topK },
    outputFields: [...seen, ...(dynamic ? ["$meta"] : [])],
    ...(namespace === undefined ? {} : { partitionNames: [namespace] }),
  };
  const chosen = ids === undefined ? undefined : orRefusal(() => byIds(ids, schema));
  if (chosen?.kind === "refusal") return chosen;
  if (chosen !== undefined) body["filter"] = printExpression(chosen);
  if (text !== undefined && vector !== undefined)
    return refuse("invalid_request", "this store searches by a text or by a vector");
  if (text !== undefined && textSearch === undefined)
    return refuse("invalid_request", "this collection is searched by a vector");
  const searched = text ?? vector;
  if (searched !== undefined) {
    body["data"] = [typeof searched === "string" ? searched : [...searched]];
    if (typeof searched === "string" && textSearch !== undefined) body["annsField"] = textSearch;
  }
  return {
    ...{ kind: "request", method: "POST", form: "json", body, query: new Map(), headers: {} },
    segments: ["v2", "vectordb", "entities", searched === undefined ? "query" : "search"],
  };
}
