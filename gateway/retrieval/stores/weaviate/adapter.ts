import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { Adapter, FoundItem, Narrowed, NeutralQuery, StoreAnswer, StoreRequest } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import { orRefusal, unread } from "../strict.js";
import { idOf } from "./classify-graphql.js";
import { classify } from "./classify.js";
import { fieldNode, mostFetched, narrow, neededPaths, withPath, writeQuery } from "./narrow.js";
import type { Tree, WeaviateOperation } from "./operation.js";
import { dataOf, results } from "./results.js";
import { routes } from "./routes.js";
import { schemaOf } from "./settings.js";
import { byIds, writeWhere } from "./where.js";

/** Weaviate's REST and GraphQL APIs (docs/gateway-retrieval-weaviate.md). */
export const weaviate: Adapter<WeaviateOperation> = {
  ...{ routes, mostFetched, classify, results },
  narrow: (operation, narrowings) => narrow(operation, narrowings),
  empty: (operation) => nothing(operation),
  lookUp,
  lookedUp,
  // REST's errors and GraphQL's
  refuse: ({ message }, about) => ({ error: [{ message }], errors: [{ message }], countersign: about }),
  ask: (query, collection) => orRefusal(() => ask(query, collection)),
};

function nothing(operation: WeaviateOperation): Json | Refusal {
  switch (operation.doing) {
    case "get":
      return { data: { Get: Object.fromEntries(operation.classes.map(({ key }) => [key, []])) } };
    case "aggregate":
      return {
        data: {
          Aggregate: Object.fromEntries(operation.classes.map(({ key }) => [key, [{ meta: { count: 0 } }]])),
        },
      };
    case "objects":
      return { deprecations: [], objects: [], totalResults: 0 };
    default:
      return refuse("nothing_allowed");
  }
}

/** Asks for objects by their ids, with what policy reads of them. */
function lookUp(collection: CollectionConfig, ids: readonly string[], tenant: string | undefined): Narrowed {
  let tree: Tree = {};
  for (const path of neededPaths(collection)) tree = withPath(tree, path);
  const args: JsonObject = {
    ...{ where: writeWhere(byIds(ids)), limit: Math.max(1, ids.length) },
    ...(tenant === undefined ? {} : { tenant }),
  };
  const query = writeQuery("Get", [
    fieldNode(collection.name, collection.name, args, { ...tree, _additional: { id: true } }),
  ]);
  const request = { method: "POST", path: "/v1/graphql", body: { query } } as const;
  return { kind: "narrowed", request, exact: [false] };
}

function lookedUp({ value }: StoreAnswer, collection: CollectionConfig): readonly FoundItem[] | Refusal {
  const data = dataOf(value, "Get") as JsonObject;
  const rows = data[collection.name];
  if (!Array.isArray(rows)) return refuse("upstream_invalid");
  const items: FoundItem[] = [];
  for (const row of rows) {
    const additional = isObject(row) ? row["_additional"] : undefined;
    const id = isObject(additional) ? additional["id"] : undefined;
    if (!isObject(row) || typeof id !== "string") return refuse("upstream_invalid");
    const { _additional, ...metadata } = row;
    items.push({ ask: 0, id, metadata });
  }
  return items;
}

const selectable = new Set(["object", "object[]", "vector", "other"]);

/** A neutral query, as a `Get`. */
function ask(
  { text, vector, ids, topK, namespace }: NeutralQuery,
  collection: CollectionConfig,
): StoreRequest {
  const { properties, textSearch } = schemaOf(collection);
  let tree: Tree = {};
  for (const [name, type] of properties) if (!selectable.has(type)) tree = withPath(tree, [name]);
  for (const path of neededPaths(collection)) tree = withPath(tree, path);
  const args: JsonObject = { limit: topK };
  const seen = [...properties].flatMap(([name, type]) =>
    type.includes("text") || type.includes("keyword") ? (isHidden(name, collection) ? [] : [name]) : [],
  );
  const within = collection.hidden.length > 0 ? { properties: seen } : {};
  if (text !== undefined && vector !== undefined)
    args["hybrid"] = { query: text, vector: [...vector], ...within };
  else if (vector !== undefined) args["nearVector"] = { vector: [...vector] };
  else if (text !== undefined && textSearch === "nearText") args["nearText"] = { concepts: [text] };
  else if (text !== undefined) args[textSearch] = { query: text, ...within };
  if (text === undefined && vector === undefined && ids === undefined) return unread("invalid_request");
  if (ids !== undefined) args["where"] = writeWhere(byIds(ids.map(idOf)));
  if (namespace !== undefined) args["tenant"] = namespace;
  const told =
    vector === undefined && text === undefined
      ? {}
      : vector === undefined || text !== undefined
        ? { score: true }
        : { distance: true };
  const additional: Tree = {
    id: true,
    ...(textSearch === "nearText" && vector === undefined && text !== undefined ? { distance: true } : told),
  } as Tree;
  const query = writeQuery("Get", [
    fieldNode(collection.name, collection.name, args, { ...tree, _additional: additional }),
  ]);
  return {
    ...{ kind: "request", method: "POST", form: "json", body: { query }, query: new Map(), headers: {} },
    segments: ["v1", "graphql"],
  };
}

function isHidden(name: string, { hidden }: CollectionConfig): boolean {
  return hidden.some((path) => path === name || path.startsWith(`${name}.`));
}
