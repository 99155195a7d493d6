import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, JsonRefused, parseJson } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { list, unread } from "../strict.js";
import { named } from "./read-name.js";
import { byIds } from "./classify-query.js";
import type { WriteOperation } from "./operation.js";
import { namespaceOf, readTarget, schemaOrRefuse } from "./read-target.js";
import type { MilvusRoute } from "./routes.js";
import type { Schema } from "./settings.js";
import { isVector } from "./settings.js";

/** Reads `entities/insert` and `entities/upsert`: rows, each a document. */
export function readWrite(request: StoreRequest, store: StoreConfig, route: MilvusRoute): WriteOperation {
  const { body, name, collection, database } = readTarget(request, store, ["data", "partitionName"]);
  const schema = schemaOrRefuse(collection);
  const rows = list(body["data"], "data").map((row) => readRow(row, schema));
  if (rows.length === 0) return unread("invalid_request", "data");
  const given = body["partitionName"];
  const partition = given === undefined || given === "" ? undefined : named(given, "partitionName");
  // an insert of an id that is there makes a second document of that id, which hides the first
  const ids = rows.flatMap((row) => {
    const id = row[schema.primary];
    return id === undefined ? [] : [idText(id)];
  });
  // they are looked up: what can't be an id is none
  if (ids.length > 0) byIds(ids, schema);
  return {
    ...{ kind: "operation", route: route.name, doing: "write", collection, path: route.path, rows },
    body: {
      ...{ dbName: database, collectionName: name },
      ...(partition === undefined ? {} : { partitionName: partition }),
    },
    asks: [
      {
        ...{ action: "retrieval.write", effect: "write", name, collection },
        ...namespaceOf(collection, partition),
        documents: rows.map((row) => withoutVectors(row, schema)),
        ...(ids.length === 0 ? {} : { ids: [...new Set(ids)] }),
      },
    ],
  };
}

export function idText(id: Json): string {
  if (typeof id === "string" && id !== "") return id;
  if (typeof id === "number") return String(id);
  if (id instanceof JsonNumber) return id.text;
  return unread("invalid_request", "an id must be a text or a number");
}

/** A row with its JSON columns read: Milvus takes them as JSON, or as a text that holds it. */
function readRow(value: Json, { columns, primary }: Schema): JsonObject {
  if (!isObject(value)) return unread("invalid_request", "data must hold objects");
  const out = Object.create(null) as JsonObject;
  for (const [name, given] of Object.entries(value)) {
    if (name === "" || name.startsWith("$")) return unread("invalid_request", "a column's name");
    // an empty id is one that the store makes
    if (name === primary && given === null) continue;
    out[name] = columns.get(name) === "json" ? readJsonColumn(given) : given;
  }
  return out;
}

/** @throws (a refusal) where a text holds no JSON of one meaning */
export function readJsonColumn(value: Json): Json {
  if (typeof value !== "string") return value;
  try {
    return parseJson(value);
  } catch (error) {
    if (error instanceof JsonRefused) return unread("invalid_request", "a JSON column must hold JSON");
    throw error;
  }
}

export function withoutVectors(row: JsonObject, { columns }: Schema): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const [name, value] of Object.entries(row)) {
    if (!isVector(columns.get(name))) out[name] = value;
  }
  return out;
}
