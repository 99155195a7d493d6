import type { Json } from "../../../../sidecar/contract.js";
import { JsonNumber, plainNumber } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { list, unread, whole } from "../strict.js";
import { named } from "./read-name.js";
import type { Expression } from "./expression/ast.js";
import { both, nameOf } from "./expression/ast.js";
import { isPrintable } from "./expression/print.js";
import { factsOf } from "./facts.js";
import type { DeleteOperation, QueryOperation } from "./operation.js";
import { filterPaths, readFilter } from "./read-filter.js";
import {
  asksVectors,
  limitOf,
  namespaceOf,
  readConsistency,
  readOutput,
  readPartitions,
  readTarget,
  schemaOrRefuse,
  takesNumbers,
} from "./read-target.js";
import type { MilvusRoute } from "./routes.js";
import type { Schema } from "./settings.js";

const count = "count(*)";

/** Reads `entities/query`: documents, or how many there are. */
export function readQuery(request: StoreRequest, store: StoreConfig, route: MilvusRoute): QueryOperation {
  const { body, name, collection, database } = readTarget(request, store, [
    ...["filter", "exprParams", "limit", "offset", "outputFields", "partitionNames", "consistencyLevel"],
  ]);
  const schema = schemaOrRefuse(collection);
  const filter = readFilter(body["filter"], body["exprParams"]);
  const outputs = body["outputFields"];
  const counts = Array.isArray(outputs) && outputs.length === 1 && outputs[0] === count;
  const output = counts ? { all: false, meta: false, names: [] } : readOutput(outputs, ["*"]);
  const limit = limitOf(body["limit"], collection);
  const offset = body["offset"] === undefined ? 0 : whole(body["offset"], "offset", 0);
  const partitions = readPartitions(body["partitionNames"]);
  const query = factsOf([], {
    ...{ kinds: ["filter"], top_k: counts ? 1 : limit, offset, fields: filterPaths(filter) },
    vectors: asksVectors(output, schema),
  });
  return {
    ...{ kind: "operation", route: route.name, doing: "query", collection, database, output, filter, limit },
    ...{ offset, counts, numbers: takesNumbers(request) },
    asks: [
      {
        ...{ action: counts ? "retrieval.count" : "retrieval.query", effect: counts ? "count" : "find" },
        ...{ name, collection, query },
        ...namespaceOf(collection, partitions.one),
      },
    ],
    rest: {
      collectionName: name,
      ...(partitions.names.length === 0 ? {} : { partitionNames: partitions.names }),
      ...readConsistency(body["consistencyLevel"]),
    },
  };
}

/** Reads `entities/get`: documents by their ids, which is a query by a filter on them. */
export function readGet(request: StoreRequest, store: StoreConfig, route: MilvusRoute): QueryOperation {
  const { body, name, collection, database } = readTarget(request, store, [
    ...["id", "outputFields", "partitionName", "partitionNames", "consistencyLevel"],
  ]);
  const schema = schemaOrRefuse(collection);
  const given = body["id"];
  const ids = given === undefined ? [] : Array.isArray(given) ? given : [given];
  if (ids.length === 0) return unread("invalid_request", "id");
  const output = readOutput(body["outputFields"], ["*"]);
  const one = body["partitionName"];
  const partitions = readPartitions(
    body["partitionNames"] ?? (one === undefined || one === "" ? undefined : [one]),
  );
  if (body["partitionNames"] !== undefined && one !== undefined)
    return unread("invalid_request", "partitionName");
  const query = factsOf([], {
    ...{ kinds: ["ids"], top_k: ids.length, vectors: asksVectors(output, schema) },
  });
  return {
    ...{ kind: "operation", route: route.name, doing: "query", collection, database, output },
    filter: { expression: byIds(ids, schema) },
    ...{ limit: ids.length, offset: 0, counts: false, numbers: takesNumbers(request) },
    asks: [
      {
        ...{ action: "retrieval.get", effect: "find", name, collection, query },
        ...namespaceOf(collection, partitions.one),
      },
    ],
    rest: {
      collectionName: name,
      ...(partitions.names.length === 0 ? {} : { partitionNames: partitions.names }),
      ...readConsistency(body["consistencyLevel"]),
    },
  };
}

/** Reads `entities/delete`: what the filter finds. */
export function readDelete(request: StoreRequest, store: StoreConfig, route: MilvusRoute): DeleteOperation {
  const { body, name, collection, database } = readTarget(request, store, [
    "filter",
    "exprParams",
    "partitionName",
  ]);
  schemaOrRefuse(collection);
  const filter = readFilter(body["filter"], body["exprParams"]);
  // by policy's condition alone, all that the caller may see would go
  if (filter.expression === undefined) return unread("invalid_request", "filter");
  const given = body["partitionName"];
  const partition = given === undefined || given === "" ? undefined : named(given, "partitionName");
  return {
    ...{ kind: "operation", route: route.name, doing: "delete", collection, filter },
    asks: [
      {
        ...{ action: "retrieval.delete", effect: "change", name, collection },
        ...namespaceOf(collection, partition),
        query: factsOf([], { kinds: ["filter"], top_k: 1, fields: filterPaths(filter) }),
      },
    ],
    body: {
      ...{ dbName: database, collectionName: name },
      ...(partition === undefined ? {} : { partitionName: partition }),
    },
  };
}

/** The filter that finds documents by their ids; each must be of the primary column's type, however it is written. */
export function byIds(ids: readonly Json[], { primary, columns }: Schema): Expression {
  const whole64 = columns.get(primary) === "int64";
  const items = list([...ids], "id").map((id): Expression => {
    if (whole64) {
      const text = typeof id === "string" ? id : id instanceof JsonNumber ? id.text : String(plainNumber(id));
      if (!/^-?(?:0|[1-9]\d{0,18})$/.test(text))
        return unread("invalid_request", "id must be a whole number");
      return { kind: "number", text };
    }
    if (typeof id !== "string" || !isPrintable(id)) return unread("invalid_request", "id must be a text");
    return { kind: "string", value: id };
  });
  return both("in", nameOf(primary), { kind: "list", items });
}
