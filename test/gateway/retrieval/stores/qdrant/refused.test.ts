/** What Qdrant's adapter doesn't take, as data; and what it tells policy of what it takes. */
import { describe, expect, test } from "@jest/globals";
import type { Json, JsonObject } from "../../../../../sidecar/contract.js";
import { parseJson } from "../../../../../sidecar/contract.js";
import type { StoreRequest } from "../../../../../gateway/retrieval/adapter.js";
import type { CollectionConfig, StoreConfig } from "../../../../../gateway/retrieval/config.js";
import { qdrant } from "../../../../../gateway/retrieval/stores/qdrant/adapter.js";

const collection = {
  ...{ key: "docs", name: "docs", store: "lab", facts: {}, constants: {}, hidden: ["secret"], settings: {} },
  fields: new Map([["tenant", { name: "tenant", path: ["org", "tenant"], type: "string" }]]),
  limits: { topK: 100, offset: 1_000, dimensions: 4_096, fetched: 1_000, written: 256 },
} as const satisfies CollectionConfig;
const sharded: CollectionConfig = { ...collection, name: "sharded", namespaceField: "tenant" };
const store = {
  settings: {},
  byName: (name: string) => ({ docs: collection, sharded })[name],
} as unknown as StoreConfig;
const cursors = {
  give: (one: string) => `sealed ${one}`,
  take: (one: string) => /^sealed (.*)$/.exec(one)?.[1],
};

function classify(method: string, path: string, body?: unknown) {
  const [way = "", query = ""] = path.split("?");
  const request: StoreRequest = {
    ...{ kind: "request", method: method as StoreRequest["method"], headers: {} },
    segments: way
      .split("/")
      .filter((one) => one !== "")
      .map(decodeURIComponent),
    query: new Map(new URLSearchParams(query)),
    ...(body === undefined
      ? { body: undefined, form: "none" }
      : { body: parseJson(typeof body === "string" ? body : JSON.stringify(body)), form: "json" }),
  };
  return qdrant.classify(request, store, cursors);
}

const points = "/collections/docs/points";
const query = (body: Json) => ["POST", `${points}/query`, body] as const;
const filter = (one: unknown) => query({ filter: one as Json });
const condition = (one: unknown) => filter({ must: [one] });
const v = [1, 0];

const cases: readonly [name: string, request: readonly [string, string, unknown?], code: string][] = [
  // where a filter could be that is not looked at
  ["a clause that isn't known", filter({ must: [], must_nott: [] }), "filter_refused"],
  ["a condition that isn't known", condition({ custom_id_checker: {} }), "filter_refused"],
  ["two tests of one key", condition({ key: "a", match: { value: 1 }, range: { gte: 1 } }), "filter_refused"],
  ["no test of a key", condition({ key: "a" }), "filter_refused"],
  [
    "a key beside another condition",
    condition({ key: "a", match: { value: 1 }, has_id: [1] }),
    "filter_refused",
  ],
  ["two kinds of match", condition({ key: "a", match: { value: 1, text: "x" } }), "filter_refused"],
  ["a match that isn't known", condition({ key: "a", match: { regex: "(a+)+$" } }), "filter_refused"],
  ["a fraction to match", condition({ key: "a", match: { value: 1.5 } }), "filter_refused"],
  ["texts and numbers to match", condition({ key: "a", match: { any: ["x", 1] } }), "filter_refused"],
  [
    "numbers and times as bounds",
    condition({ key: "a", range: { gte: 1, lt: "2026-01-01" } }),
    "filter_refused",
  ],
  ["a key that is no path", condition({ key: "a b", match: { value: 1 } }), "filter_refused"],
  ["a key that begins with a list", condition({ key: "[].a", match: { value: 1 } }), "filter_refused"],
  ["an empty key", condition({ key: "", match: { value: 1 } }), "filter_refused"],
  ["a nested filter without one", condition({ nested: { key: "a" } }), "filter_refused"],
  [
    "a nested clause that isn't known",
    condition({ nested: { key: "a", filter: { any: [] } } }),
    "filter_refused",
  ],
  [
    "too deep",
    filter(Array.from({ length: 20 }).reduce<unknown>((inner) => ({ must: [inner] }), {})),
    "filter_refused",
  ],
  [
    "too many conditions",
    filter({ should: Array.from({ length: 1_100 }, () => ({ has_id: [1] })) }),
    "filter_refused",
  ],
  ["a filter that is a list", filter([]), "filter_refused"],
  ["min_should without a count", filter({ min_should: { conditions: [] } }), "filter_refused"],
  ["an id that is none", condition({ has_id: ["x"] }), "invalid_request"],
  [
    "a filter in a prefetch",
    query({ prefetch: [{ prefetch: { filter: { x: 1 } as never } }], query: v }),
    "filter_refused",
  ],
  [
    "a filter in a formula",
    query({ prefetch: {}, query: { formula: { sum: ["$score", { must: [{ x: 1 }] }] } } }),
    "filter_refused",
  ],
  ["a formula that isn't known", query({ query: { formula: { script: "x" } } }), "filter_refused"],
  ["statistics of a chosen part", query({ query: v, params: { idf: { corpus: {} } } }), "filter_refused"],
  // other collections
  ["lookup_from", query({ query: 1, lookup_from: { collection: "other" } }), "invalid_request"],
  [
    "lookup_from in a prefetch",
    query({ prefetch: { query: 1, lookup_from: { collection: "x" } } }),
    "invalid_request",
  ],
  [
    "lookup_from of the same",
    ["POST", `${points}/recommend`, { positive: [1], limit: 1, lookup_from: { collection: "docs" } }],
    "invalid_request",
  ],
  [
    "with_lookup",
    ["POST", `${points}/query/groups`, { query: v, group_by: "a", with_lookup: "other" }],
    "invalid_request",
  ],
  [
    "init_from",
    ["PUT", "/collections/docs", { vectors: {}, init_from: { collection: "other" } }],
    "invalid_request",
  ],
  ["aliases", ["POST", "/collections/aliases", { actions: [] }], "unknown_operation"],
  // other shards
  [
    "a number as shard",
    ["POST", "/collections/sharded/points/query", { query: v, shard_key: 1 }],
    "invalid_request",
  ],
  [
    "several shards",
    ["POST", "/collections/sharded/points/query", { query: v, shard_key: ["a", "b"] }],
    "invalid_request",
  ],
  [
    "a shard to fall back to",
    ["POST", "/collections/sharded/points/scroll", { shard_key: { target: "a", fallback: "b" } }],
    "invalid_request",
  ],
  ["points of one shard", ["POST", "/collections/docs/shards/0/points/scroll", {}], "unknown_operation"],
  // pages
  ["another's page", ["POST", `${points}/scroll`, { offset: 7 }], "unknown_cursor"],
  [
    "a page that isn't ours",
    ["POST", `${points}/scroll`, { offset: "5c56c793-69f3-4fbf-87e6-c4bf54c28c26" }],
    "unknown_cursor",
  ],
  // two meanings
  ["with_vector twice", query({ query: v, with_vector: false, with_vectors: true }), "invalid_request"],
  ["limit twice", ["POST", `${points}/search`, { vector: v, limit: 1, top: 1_000 }], "invalid_request"],
  [
    "points and a filter to delete by",
    ["POST", `${points}/delete`, { points: [1], filter: {} }],
    "invalid_request",
  ],
  ["nothing to delete by", ["POST", `${points}/delete`, {}], "invalid_request"],
  [
    "an id twice",
    [
      "PUT",
      points,
      {
        points: [
          { id: 1, vector: v },
          { id: 1, vector: v },
        ],
      },
    ],
    "invalid_request",
  ],
  [
    "a UUID twice, in two spellings",
    [
      "PUT",
      points,
      {
        points: [
          { id: "5c56c79369f34fbf87e6c4bf54c28c26", vector: v },
          { id: "5C56C793-69F3-4FBF-87E6-C4BF54C28C26", vector: v },
        ],
      },
    ],
    "invalid_request",
  ],
  ["an id as a fraction", ["POST", points, '{"ids":[1.0]}'], "invalid_request"],
  ["an id beyond 64 bits", ["POST", points, '{"ids":[18446744073709551616]}'], "invalid_request"],
  ["an id with a sign, in the path", ["GET", `${points}/+5`], "invalid_request"],
  ["an id with zeros before it, in the path", ["GET", `${points}/007`], "invalid_request"],
  [
    "fewer payloads than ids",
    ["PUT", points, { batch: { ids: [1, 2], vectors: [v, v], payloads: [{}] } }],
    "invalid_request",
  ],
  [
    "two operations in one",
    [
      "POST",
      `${points}/batch`,
      { operations: [{ delete: { points: [1] }, clear_payload: { points: [1] } }] },
    ],
    "invalid_request",
  ],
  // what isn't known
  ["a member that isn't known", query({ query: v, filters: {} }), "invalid_request"],
  ["a parameter that isn't known", ["POST", `${points}/query?filter=x`, { query: v }], "invalid_request"],
  [
    "a parameter's value that isn't known",
    ["POST", `${points}/query?consistency=none`, { query: v }],
    "invalid_request",
  ],
  ["a route that isn't known", ["POST", "/collections/docs/export", {}], "unknown_route"],
  ["a method that isn't known", ["PATCH", `${points}/query`, {}], "method_not_allowed"],
  ["snapshots of everything", ["GET", "/snapshots"], "unknown_operation"],
  ["a snapshot's bytes", ["GET", "/collections/docs/snapshots/a.snapshot"], "unknown_operation"],
  [
    "a snapshot from elsewhere",
    ["PUT", "/collections/docs/snapshots/recover", { location: "http://x" }],
    "unknown_operation",
  ],
  ["telemetry", ["GET", "/telemetry"], "unknown_operation"],
  // too much
  [
    "too many prefetches",
    query({ prefetch: Array.from({ length: 40 }, () => ({})), query: v }),
    "retrieval_limit",
  ],
  [
    "too many searches",
    [
      "POST",
      `${points}/search/batch`,
      { searches: Array.from({ length: 65 }, () => ({ vector: v, limit: 1 })) },
    ],
    "retrieval_limit",
  ],
  // what policy reads
  [
    "a part of what policy reads",
    ["POST", `${points}/payload`, { payload: { org: {} }, filter: {} }],
    "document_refused",
  ],
  [
    "beneath what policy reads",
    ["POST", `${points}/payload`, { payload: { x: 1 }, key: "org.tenant", points: [1] }],
    "document_refused",
  ],
  [
    "what holds it, taken for a list",
    ["POST", `${points}/payload`, { payload: { x: 1 }, key: "org[].other", points: [1] }],
    "document_refused",
  ],
  [
    "through a list",
    ["POST", `${points}/payload/delete`, { keys: ["org[].tenant"], points: [1] }],
    "document_refused",
  ],
  ["all that policy reads", ["POST", `${points}/payload/clear`, { filter: {} }], "document_refused"],
];

describe("requests to Qdrant", () => {
  test.each(cases)("are refused: %s", (_, [method, path, body], code) => {
    const read = classify(method, path, body);
    expect(read.kind === "refusal" ? read.code : read.route).toBe(code);
    // nothing of the request is in what is said of it
    expect(JSON.stringify(read)).not.toMatch(/5c56c793|\(a\+\)|http:\/\/x/i);
  });

  test("tell policy what they search for, and by which fields", () => {
    const read = classify("POST", `${points}/query`, {
      prefetch: {
        query: [1, 2, 3],
        filter: { must: { nested: { key: "a", filter: { should: { key: "b[].c", match: { value: 1 } } } } } },
      },
      query: {
        formula: { mult: ["price", { key: "d", match: { text: "x" } }] },
        defaults: { "$score[0]": 0, e: 1 },
      },
      filter: { must_not: [{ is_empty: { key: "f" } }, { is_null: { key: '"g.h"' } }] },
      ...{ limit: 7, offset: 3, with_vector: ["v"] },
    });
    expect(read).toMatchObject({
      route: "query_points",
      asks: [
        {
          ...{ action: "retrieval.query", effect: "find", name: "docs" },
          query: {
            ...{ kinds: ["filter", "vector"], top_k: 7, offset: 3, dimensions: 3, bytes: 7, vectors: true },
            fields: ["a", "a.b.c", "d", "e", "f", "g.h", "price"],
          },
        },
      ],
    });
  });

  test.each([
    ["without anything to be near to", { limit: 5 }, "retrieval.export"],
    ["in an order", { query: { order_by: "price" } }, "retrieval.export"],
    ["drawn by chance", { query: { sample: "random" } }, "retrieval.query"],
  ])("are exports where they list: %s", (_, body, action) => {
    const read = classify("POST", `${points}/query`, body);
    expect(read).toMatchObject({ asks: [{ action }] });
  });

  test("ask for each search of a batch, and for each operation", () => {
    const searches = [{ query: v }, { query: 5, limit: 3 }];
    expect(classify("POST", `${points}/query/batch`, { searches })).toMatchObject({
      asks: [{ query: { top_k: 10 } }, { query: { top_k: 3, kinds: ["ids"] }, ids: ["5"] }],
    });
    const read = classify("POST", `${points}/batch`, {
      operations: [
        { upsert: { points: [{ id: 1, vector: v }] } },
        { overwrite_payload: { payload: { a: 1 }, filter: {} } },
      ],
    }) as unknown as { asks: JsonObject[] };
    expect(read.asks.map(({ action, effect }) => `${String(action)} ${String(effect)}`)).toEqual([
      ...["retrieval.write write", "retrieval.update change", "retrieval.update write"],
    ]);
  });
});

describe("the table of routes", () => {
  test("says of each why it is passed or denied, and names each once", () => {
    for (const { treated, why } of qdrant.routes) expect(why === undefined).toBe(treated === "decided");
    const lines = qdrant.routes.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, "{}")}`);
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.length).toBeGreaterThan(90);
  });
});
