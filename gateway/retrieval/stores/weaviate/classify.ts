import type { JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { StoreAsk, StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { members, oneOf, orRefusal, unread, whole } from "../strict.js";
import { idOf, readGraphql, tenantOf } from "./classify-graphql.js";
import { readManaged } from "./classify-managed.js";
import { readAdd, readAddMany } from "./classify-write.js";
import type { DropManyOperation, DropOperation, ObjectsOperation, WeaviateOperation } from "./operation.js";
import type { Matched } from "./routes.js";
import { collectionOf, queryOf } from "./read-target.js";
import { matchRoute } from "./routes.js";
import { pathsOf, readWhere } from "./where.js";

/** Says what a request would do. */
export function classify(request: StoreRequest, store: StoreConfig): WeaviateOperation | Refusal {
  const matched = matchRoute(request);
  if (matched === undefined) return refuse("unknown_route");
  if (matched === "method") return refuse("method_not_allowed");
  const { route } = matched;
  if (route.treated === "denied") return refuse("unknown_operation", route.why);
  return orRefusal<WeaviateOperation>(() => {
    switch (route.handled) {
      case "graphql":
        queryOf(request, []);
        return readGraphql(request, store, route.name);
      case "get-object":
        return readObject(request, store, matched);
      case "list-objects":
        return readObjects(request, store, matched);
      case "add-object":
      case "put-object":
        return readAdd(request, store, matched);
      case "add-objects":
        return readAddMany(request, store, matched);
      case "drop-object":
        return readDrop(request, store, matched);
      case "drop-objects":
        return readDropMany(request, store, matched);
      case undefined:
        return unread("unknown_operation");
      default:
        return readManaged(request, store, matched, route.handled);
    }
  });
}

function includesVector(value: string | undefined): boolean {
  if (value === undefined || value === "") return false;
  return value === "vector" ? true : unread("invalid_request", "include: vector");
}

function readObject(request: StoreRequest, store: StoreConfig, { route, values }: Matched): ObjectsOperation {
  const query = queryOf(request, ["include", "tenant", "consistency_level"]);
  const collection = collectionOf(store, values.get("class"));
  const id = idOf(values.get("id"));
  const vectors = includesVector(request.query.get("include"));
  return {
    ...{ kind: "operation", route: route.name, doing: "object", collection, query, limit: 1, vectors },
    path: `/v1/objects/${collection.name}/${id}`,
    asks: [
      {
        ...{ action: "retrieval.get", effect: "find", name: collection.name, collection },
        ...tenantOf(collection, request.query.get("tenant")),
        query: { kinds: ["ids"], top_k: 1, ...(vectors ? { vectors } : {}) },
      },
    ],
  };
}

/** A list has no filter: what comes back is sorted out here. */
function readObjects(request: StoreRequest, store: StoreConfig, { route }: Matched): ObjectsOperation {
  const query = queryOf(request, [
    ...["class", "limit", "offset", "include", "sort", "order", "tenant", "consistency_level"],
  ]);
  const given = request.query.get("class");
  if (given === undefined)
    return unread("invalid_request", "class: a list without it reaches all collections");
  const collection = collectionOf(store, given);
  const count = request.query.get("limit");
  const limit = count === undefined ? Math.min(25, collection.limits.topK) : whole(Number(count), "limit", 1);
  const skipped = request.query.get("offset");
  const offset = skipped === undefined ? 0 : whole(Number(skipped), "offset", 0);
  const vectors = includesVector(request.query.get("include"));
  const fields = request.query.get("sort")?.split(",") ?? [];
  return {
    ...{ kind: "operation", route: route.name, doing: "objects", collection, limit, vectors },
    ...{ path: "/v1/objects", query: query.filter(([name]) => name !== "limit" && name !== "offset") },
    asks: [
      {
        ...{ action: "retrieval.export", effect: "find", name: collection.name, collection },
        ...tenantOf(collection, request.query.get("tenant")),
        query: {
          ...{ kinds: [], top_k: limit },
          ...(offset > 0 ? { offset } : {}),
          ...(vectors ? { vectors } : {}),
          ...(fields.length > 0 ? { fields } : {}),
        },
      },
    ],
  };
}

function readDrop(request: StoreRequest, store: StoreConfig, { route, values }: Matched): DropOperation {
  const query = queryOf(request, ["tenant", "consistency_level"]);
  const collection = collectionOf(store, values.get("class"));
  const id = idOf(values.get("id"));
  const ask: StoreAsk = {
    ...{ action: "retrieval.delete", effect: "change", name: collection.name, collection, ids: [id] },
    ...tenantOf(collection, request.query.get("tenant")),
  };
  return {
    ...{ kind: "operation", route: route.name, doing: "drop", query, asks: [ask] },
    path: `/v1/objects/${collection.name}/${id}`,
  };
}

function readDropMany(request: StoreRequest, store: StoreConfig, { route }: Matched): DropManyOperation {
  const query = queryOf(request, ["tenant", "consistency_level"]);
  const { match, output, dryRun } = members(request.body, ["match", "output", "dryRun"], "the body");
  const { class: name, where } = members(match, ["class", "where"], "match");
  const collection = collectionOf(store, name);
  if (where === undefined || match === undefined) return unread("invalid_request", "match.where");
  const read = readWhere(where);
  const rest: JsonObject = {
    ...(output === undefined ? {} : { output: oneOf(output, ["minimal", "verbose"], "output") }),
    ...(dryRun === undefined ? {} : { dryRun: dryRun === true }),
  };
  const fields = pathsOf(read);
  return {
    ...{
      kind: "operation",
      route: route.name,
      doing: "drop-many",
      collection,
      query,
      where: read,
      rest,
      match,
    },
    asks: [
      {
        ...{ action: "retrieval.delete", effect: "change", name: collection.name, collection },
        ...tenantOf(collection, request.query.get("tenant")),
        query: { kinds: ["filter"], top_k: 1, ...(fields.length > 0 ? { fields } : {}) },
      },
    ],
  };
}
