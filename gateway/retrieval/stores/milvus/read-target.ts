import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import { list, members, longText as text, unread, whole } from "../strict.js";
import { named, names } from "./read-name.js";
import type { Output } from "./operation.js";
import type { Schema } from "./settings.js";
import { databaseOf, isVector, schemaOf } from "./settings.js";

/** What a request is about. */
export interface Target {
  readonly body: JsonObject;
  readonly name: string;
  readonly collection: CollectionConfig | undefined;
  readonly database: string;
}

/** Reads whose documents a request is about: of the configured database, always. */
export function readTarget(
  request: StoreRequest,
  store: StoreConfig,
  known: readonly string[],
  required = true,
): Target {
  const body = members(request.body ?? {}, ["dbName", "collectionName", ...known], "the body");
  const database = databaseOf(store);
  const given = body["dbName"];
  // an empty name is the default database to Milvus
  if (given !== undefined && (given === "" ? "default" : text(given, "dbName")) !== database)
    return unread("unknown_collection", "dbName");
  const name =
    required || body["collectionName"] !== undefined ? named(body["collectionName"], "collectionName") : "";
  return { body, name, collection: name === "" ? undefined : store.byName(name), database };
}

/** The one partition that a request reaches, where it says one. */
export function readPartitions(value: Json | undefined): { readonly names: string[]; readonly one?: string } {
  const read = value === undefined ? [] : names(value, "partitionNames");
  const [one] = read;
  return read.length === 1 && one !== undefined ? { names: read, one } : { names: read };
}

/** Of a collection whose partitions stand for a field, a request reaches one. */
export function namespaceOf(
  collection: CollectionConfig | undefined,
  partition: string | undefined,
): { readonly namespace?: string } {
  if (partition !== undefined) return { namespace: partition };
  if (collection?.namespaceField !== undefined) return unread("namespace_required", "one partition");
  return {};
}

/** Milvus gives 100 where a request says nothing; or fewer, where that is the most that may be asked for. */
export function limitOf(value: Json | undefined, collection: CollectionConfig | undefined): number {
  return value === undefined ? Math.min(100, collection?.limits.topK ?? 100) : whole(value, "limit", 1);
}

export function readOutput(value: Json | undefined, byDefault: readonly string[]): Output {
  const given =
    value === undefined
      ? byDefault
      : list(value, "outputFields").map((one) => text(one, "outputFields", 255));
  const plain = given.filter((one) => one !== "*" && one !== "$meta");
  return {
    all: given.includes("*"),
    meta: given.includes("$meta"),
    names: plain.map((one) => named(one, "outputFields")),
  };
}

/** Whether the answer would hold vectors. */
export function asksVectors({ all, names: listed }: Output, { columns }: Schema): boolean {
  return all ? [...columns.values()].some(isVector) : listed.some((name) => isVector(columns.get(name)));
}

export function schemaOrRefuse(collection: CollectionConfig | undefined): Schema {
  return collection === undefined ? unread("unknown_collection") : schemaOf(collection);
}

const consistency = ["Strong", "Session", "Bounded", "Eventually"] as const;

export function readConsistency(value: Json | undefined): JsonObject {
  if (value === undefined || value === "") return {};
  const known = consistency.find((one) => one === value);
  return known === undefined
    ? unread("invalid_request", `consistencyLevel must be one of ${consistency.join(", ")}`)
    : { consistencyLevel: known };
}

/** Whether the caller takes 64-bit numbers as numbers (header `Accept-Type-Allow-Int64`). */
export function takesNumbers({ headers }: StoreRequest): boolean {
  const given = headers["accept-type-allow-int64"];
  return typeof given === "string" && /^(?:true|1|t)$/i.test(given);
}
