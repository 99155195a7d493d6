/** What Pinecone's adapter doesn't take, as data; and what it tells policy of what it takes. */
import { describe, expect, test } from "@jest/globals";
import type { Json } from "../../../../../sidecar/contract.js";
import { parseJson } from "../../../../../sidecar/contract.js";
import type { StoreRequest } from "../../../../../gateway/retrieval/adapter.js";
import type { CollectionConfig, StoreConfig } from "../../../../../gateway/retrieval/config.js";
import { pinecone } from "../../../../../gateway/retrieval/stores/pinecone/adapter.js";

const collection = {
  ...{ key: "docs", name: "docs", store: "lab", facts: {}, constants: {}, hidden: ["secret"], settings: {} },
  fields: new Map([["tenant", { name: "tenant", path: ["tenant"], type: "string" }]]),
  limits: { topK: 100, offset: 1_000, dimensions: 4_096, fetched: 1_000, written: 256 },
} as const satisfies CollectionConfig;
const storeOf = (plane: string, collections = [collection]): StoreConfig =>
  ({
    settings: { plane },
    collections: new Map(collections.map((one) => [one.key, one])),
    byName: (name: string) => (name === "docs" ? collection : undefined),
  }) as unknown as StoreConfig;
const data = storeOf("data");
const control = storeOf("control");
const cursors = {
  give: (one: string) => `sealed ${one}`,
  take: (one: string) => /^sealed (.*)$/.exec(one)?.[1],
};

function classify(store: StoreConfig, method: string, path: string, body?: unknown, headers = {}) {
  const [way = "", query = ""] = path.split("?");
  const given = [...new URLSearchParams(query)];
  const lines = Array.isArray(body);
  const request: StoreRequest = {
    ...{ kind: "request", method: method as StoreRequest["method"], headers },
    segments: way
      .split("/")
      .filter((one) => one !== "")
      .map(decodeURIComponent),
    query: new Map(given.filter(([name]) => name !== "ids")),
    lists: new Map([["ids", given.filter(([name]) => name === "ids").map(([, value]) => value)]]),
    ...(body === undefined
      ? { body: undefined, form: "none" }
      : { body: parseJson(JSON.stringify(body)), form: lines ? "ndjson" : "json" }),
  };
  return pinecone.classify(request, store, cursors);
}

const query = (body: object) => ["POST", "/query", { vector: [1], topK: 1, ...body }] as const;
const filter = (one: unknown) => query({ filter: one as Json });
const search = (body: object) =>
  ["POST", "/records/namespaces/n/search", { query: { inputs: { text: "x" }, top_k: 1 }, ...body }] as const;

const cases: readonly [name: string, request: readonly [string, string, unknown?], code: string][] = [
  // filters
  ["an operator that isn't known", filter({ a: { $regex: "(a+)+$" } }), "filter_refused"],
  ["an operator for all", filter({ $not: { a: 1 } }), "filter_refused"],
  ["a clause that is no list", filter({ $or: { a: 1 } }), "filter_refused"],
  ["a field without a test", filter({ a: {} }), "filter_refused"],
  ["a field with nothing", filter({ a: null }), "filter_refused"],
  ["a field with a list", filter({ a: ["x"] }), "filter_refused"],
  ["order of texts", filter({ a: { $gt: "x" } }), "filter_refused"],
  ["$exists of a number", filter({ a: { $exists: 1 } }), "filter_refused"],
  ["$in of one", filter({ a: { $in: "x" } }), "filter_refused"],
  ["a name of the prototype's as operator", filter({ a: { constructor: 1 } }), "filter_refused"],
  ["a filter that is a list", filter([]), "filter_refused"],
  [
    "too deep",
    filter(Array.from({ length: 20 }).reduce<unknown>((inner) => ({ $and: [inner] }), {})),
    "filter_refused",
  ],
  ["too many", filter({ $or: Array.from({ length: 1_100 }, () => ({ a: 1 })) }), "filter_refused"],
  [
    "a filter in a search",
    [
      "POST",
      "/records/namespaces/n/search",
      { query: { inputs: { text: "x" }, top_k: 1, filter: { a: { $x: 1 } } } },
    ],
    "filter_refused",
  ],
  ["a filter beside the query of a search", search({ filter: { a: 1 } }), "invalid_request"],
  ["a filter to count by", ["POST", "/describe_index_stats", { filter: { tenant: "b" } }], "invalid_request"],
  // queries of their own namespace and filter
  [
    "several queries in one",
    query({ queries: [{ values: [1], namespace: "other", filter: {} }] }),
    "invalid_request",
  ],
  ["an id and a vector", query({ id: "x" }), "invalid_request"],
  ["neither", ["POST", "/query", { topK: 1 }], "invalid_request"],
  ["a namespace that is no text", query({ namespace: ["a"] }), "invalid_request"],
  [
    "a namespace in the path's query",
    ["POST", "/query?namespace=other", { vector: [1], topK: 1 }],
    "invalid_request",
  ],
  ["ids in the path's query", ["POST", "/query?ids=a", { vector: [1], topK: 1 }], "invalid_request"],
  ["all namespaces", ["GET", "/namespaces"], "unknown_operation"],
  // pages
  ["another's page", ["GET", "/vectors/list?paginationToken=Tm90aGluZw"], "unknown_cursor"],
  [
    "a page of another kind",
    ["POST", "/vectors/fetch_by_metadata", { filter: {}, paginationToken: "sealed l:v1" }],
    "unknown_cursor",
  ],
  // two meanings
  [
    "ids and a filter to delete by",
    ["POST", "/vectors/delete", { ids: ["a"], filter: {} }],
    "invalid_request",
  ],
  [
    "all, and a filter",
    ["POST", "/vectors/delete", { deleteAll: true, filter: { a: 1 } }],
    "invalid_request",
  ],
  ["nothing to delete by", ["POST", "/vectors/delete", { namespace: "a" }], "invalid_request"],
  [
    "an id and a filter to update by",
    ["POST", "/vectors/update", { id: "a", filter: {} }],
    "invalid_request",
  ],
  ["an id twice", ["POST", "/vectors/upsert", { vectors: [{ id: "a" }, { id: "a" }] }], "invalid_request"],
  [
    "two ids of a record",
    ["POST", "/records/namespaces/n/upsert", [{ _id: "a", id: "b" }]],
    "invalid_request",
  ],
  ["no id of a record", ["POST", "/records/namespaces/n/upsert", [{ body: "x" }]], "invalid_request"],
  // what can't be stored
  [
    "null in metadata",
    ["POST", "/vectors/upsert", { vectors: [{ id: "a", metadata: { tenant: null } }] }],
    "invalid_request",
  ],
  [
    "objects in metadata",
    ["POST", "/vectors/upsert", { vectors: [{ id: "a", metadata: { a: { b: 1 } } }] }],
    "invalid_request",
  ],
  [
    "lists of numbers in metadata",
    ["POST", "/vectors/update", { id: "a", setMetadata: { a: [1] } }],
    "invalid_request",
  ],
  [
    "an operator as name",
    ["POST", "/records/namespaces/n/upsert", [{ _id: "a", $ne: "x" }]],
    "invalid_request",
  ],
  // what isn't known
  ["a member that isn't known", query({ top_k: 1 }), "invalid_request"],
  ["a parameter that isn't known", ["GET", "/vectors/fetch?ids=a&filter=x"], "invalid_request"],
  ["no ids to fetch", ["GET", "/vectors/fetch"], "invalid_request"],
  ["a list of many", ["GET", "/vectors/list?limit=1000"], "invalid_request"],
  ["an import", ["POST", "/bulk/imports", { uri: "s3://x" }], "unknown_operation"],
  ["a route that isn't known", ["POST", "/vectors/export", {}], "unknown_route"],
  ["the control plane's", ["GET", "/indexes"], "unknown_route"],
  ["a method that isn't known", ["PUT", "/query", {}], "method_not_allowed"],
  // what policy reads
  [
    "what policy reads, by a filter",
    ["POST", "/vectors/update", { filter: { a: 1 }, setMetadata: { tenant: "b" } }],
    "document_refused",
  ],
  [
    "what nobody sees, by a filter",
    ["POST", "/vectors/update", { filter: { a: 1 }, setMetadata: { secret: "b" } }],
    "document_refused",
  ],
];

const managed: typeof cases = [
  ["the data plane's", query({}), "unknown_route"],
  [
    "records of a collection",
    ["POST", "/indexes", { name: "docs", spec: { pod: { source_collection: "x" } } }],
    "invalid_request",
  ],
  ["another kind of index", ["POST", "/indexes", { name: "docs", spec: { other: {} } }], "invalid_request"],
  ["a backup", ["POST", "/indexes/docs/backups", {}], "unknown_operation"],
  ["an index from a backup", ["POST", "/backups/b/create-index", { name: "docs" }], "unknown_operation"],
  ["a model", ["POST", "/embed", {}], "unknown_operation"],
  ["an assistant", ["POST", "/chat/a", {}], "unknown_operation"],
  ["keys", ["POST", "/admin/projects/p/api-keys", {}], "unknown_operation"],
];

describe("requests to Pinecone", () => {
  test.each(cases)("are refused: %s", (_, [method, path, body], code) => {
    const read = classify(data, method, path, body);
    expect(read.kind === "refusal" ? read.code : read.route).toBe(code);
    expect(JSON.stringify(read)).not.toMatch(/\(a\+\)|s3:|Tm90/);
  });

  test.each(managed)("are refused at the control plane: %s", (_, [method, path, body], code) => {
    const read = classify(control, method, path, body);
    expect(read.kind === "refusal" ? read.code : read.route).toBe(code);
  });

  test("of a revision that isn't known, or at a host that isn't of one index, are refused", () => {
    const [method, path, body] = query({});
    const unknown = classify(data, method, path, body, { "x-pinecone-api-version": "2026-01.alpha" });
    expect(unknown).toMatchObject({ kind: "refusal", code: "invalid_request" });
    const two = storeOf("data", [collection, { ...collection, key: "more" } as never]);
    expect(classify(two, method, path, body)).toMatchObject({ kind: "refusal", code: "unknown_collection" });
  });

  test("tell policy what they search for, where, and by which fields", () => {
    const read = classify(data, "POST", "/records/namespaces/n/search", {
      query: { inputs: { text: "x" }, top_k: 3, filter: { $or: [{ a: 1 }, { b: { $gte: 1, $lt: 5 } }] } },
      rerank: { model: "m", rank_fields: ["c"] },
    });
    expect(read).toMatchObject({
      asks: [
        {
          ...{ action: "retrieval.query", effect: "find", name: "docs", namespace: "n" },
          query: { kinds: ["filter", "text"], top_k: 3, fields: ["a", "b", "c"] },
        },
      ],
    });
    expect(classify(data, ...query({ sparseVector: { indices: [1], values: [0.5] } }))).toMatchObject({
      asks: [{ namespace: "__default__", query: { kinds: ["sparse", "vector"], dimensions: 1, top_k: 1 } }],
    });
  });
});

describe("the table of routes", () => {
  test("says of each why it is denied, and names each once", () => {
    for (const { treated, why } of pinecone.routes) expect(why === undefined).toBe(treated === "decided");
    const lines = pinecone.routes.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, "{}")}`);
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.length).toBeGreaterThan(60);
  });
});
