import type { Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse } from "../../../../sidecar/contract.js";
import type { FoundItem, Narrowed, StoreAnswer } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import { idText } from "./classify-write.js";
import { byIds } from "./classify-query.js";
import { printExpression } from "./expression/print.js";
import { headers, mostFetched, outputsOf } from "./narrow.js";
import { readAll } from "./results.js";
import { databaseOf, schemaOf } from "./settings.js";

/** Asks for documents by their ids, with what policy reads of them. */
export function lookUp(
  collection: CollectionConfig,
  ids: readonly string[],
  namespace: string | undefined,
  store: StoreConfig,
): Narrowed {
  const body = {
    ...{ dbName: databaseOf(store), collectionName: collection.name },
    filter: printExpression(byIds(ids, schemaOf(collection))),
    outputFields: outputsOf({ all: false, meta: false, names: [] }, collection),
    // an id may stand more than once
    limit: Math.min(mostFetched, ids.length * 8 + 64),
    ...(namespace === undefined ? {} : { partitionNames: [namespace] }),
    // what was written a moment ago counts
    consistencyLevel: "Strong",
  };
  const request = { method: "POST", path: "/v2/vectordb/entities/query", body, headers } as const;
  return { kind: "narrowed", request, exact: [false] };
}

export function lookedUp(
  { value }: StoreAnswer,
  collection: CollectionConfig,
): readonly FoundItem[] | Refusal {
  const schema = schemaOf(collection);
  const code = isObject(value) ? plainNumber(value["code"]) : undefined;
  const rows = isObject(value) && (code === 0 || code === 200) ? readAll(value["data"], schema) : undefined;
  if (rows === undefined) return refuse("upstream_invalid");
  return rows.map(({ row, metadata }) => ({ ask: 0, id: idText(row[schema.primary] ?? ""), metadata }));
}
