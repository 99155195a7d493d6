/** Requests that would reach past what is looked at: each is refused before the store hears of it. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import { collections, indices, ofAcme } from "./library.js";
import type { SearchServer } from "./server.js";
import { startSearch } from "./server.js";

interface Case {
  readonly name: string;
  readonly make: readonly [method: string, path: string, body?: unknown];
  readonly code: string;
  readonly kind?: "opensearch";
}

const at = "/handbook/_search";
const find = (name: string, body: unknown, code = "filter_refused"): Case => ({
  name,
  make: ["POST", at, body],
  code,
});
const by = (name: string, query: unknown, code?: string): Case => find(name, { query }, code);
const go = (name: string, method: string, path: string, code: string, body?: unknown): Case => ({
  name,
  make: [method, path, body],
  code,
});
const lines = (...all: unknown[]): string => all.map((one) => `${JSON.stringify(one)}\n`).join("");

const cases: readonly Case[] = [
  // which index
  go("a pattern of indices", "POST", "/hand*/_search", "filter_refused", {}),
  go("all indices by name", "POST", "/_all/_search", "unknown_route", {}),
  go("all indices by none", "POST", "/_search", "filter_refused", {}),
  go("an exclusion", "POST", "/handbook,-notes/_search", "filter_refused", {}),
  go("date math", "POST", "/%3Chandbook-%7Bnow%7D%3E/_search", "filter_refused", {}),
  go("a remote cluster", "POST", "/far:handbook/_search", "filter_refused", {}),
  go("a component of a stream", "POST", "/handbook::failures/_search", "filter_refused", {}),
  go("an index that isn't configured", "POST", "/other/_search", "obligation_unsatisfiable", {}),
  go("an index beside one that is", "POST", "/handbook,other/_search", "obligation_unsatisfiable", {}),
  go("an alias beside an index", "POST", "/handbook,current/_search", "filter_refused", {}),
  go("an index twice", "POST", "/handbook,handbook/_search", "filter_refused", {}),
  go("an index in capital letters", "POST", "/HANDBOOK/_search", "filter_refused", {}),
  go(
    "another index in a search of several",
    "POST",
    "/handbook/_msearch",
    "obligation_unsatisfiable",
    lines({}, {}, { index: "other" }, {}),
  ),
  go("all indices in a search of several", "POST", "/_msearch", "filter_refused", lines({}, {})),
  go("another index of documents by their ids", "POST", "/handbook/_mget", "obligation_unsatisfiable", {
    docs: [{ _index: "other", _id: "o1" }],
  }),
  go("a routing value", "POST", `${at}?routing=bolt`, "filter_refused", {}),
  // kinds of query
  by("a lookup of terms", { terms: { tenant: { index: "other", id: "o1", path: "tenant" } } }),
  by("a script", { script: { script: "true" } }),
  by("a score by a script", { script_score: { query: { match_all: {} }, script: { source: "1" } } }),
  by("a function by a script", { function_score: { script_score: { script: "1" } } }),
  by("a wrapped query", { wrapper: { query: "eyJtYXRjaF9hbGwiOnt9fQ==" } }),
  by("a percolator", { percolate: { field: "query", index: "other", id: "1" } }),
  by("children", { has_child: { type: "x", query: { match_all: {} } } }),
  by("parents", { has_parent: { parent_type: "x", query: { match_all: {} } } }),
  by("the children of one", { parent_id: { type: "x", id: "b1" } }),
  by("likeness to another's document", {
    more_like_this: { fields: ["text"], like: { _index: "handbook", _id: "b1" } },
  }),
  by("likeness in all fields", { more_like_this: { like: "x" } }),
  by("a string that names fields", { query_string: { query: "secret:key*" } }),
  by("a simple string in all fields", { simple_query_string: { query: "key" } }),
  by("a shape of another document", { geo_shape: { at: { indexed_shape: { index: "other", id: "1" } } } }),
  by("pinned documents", { pinned: { ids: ["b1"], organic: { match_all: {} } } }),
  by("rules", { rule: { organic: { match_all: {} }, ruleset_ids: ["x"], match_criteria: {} } }),
  by("a vector made by a model", {
    knn: { field: "embedding", query_vector_builder: { text_embedding: { model_id: "m", model_text: "x" } } },
  }),
  by("an unknown kind", { everything: {} }),
  by("an inherited kind", { constructor: {} }),
  by("two kinds", { match_all: {}, match_none: {} }),
  by("a parameter that isn't known", { match: { text: { query: "x", secret: 1 } } }),
  by("hits within a nested query", { nested: { path: "a", query: { match_all: {} }, inner_hits: {} } }),
  by("the store's own field", { term: { _index: "other" } }),
  by("a pattern of fields", { multi_match: { query: "x", fields: ["*"] } }),
  by("a very long pattern", { regexp: { text: "(a+)+".repeat(100) } }, "retrieval_limit"),
  by("an automaton without a bound", { regexp: { text: { value: "a", max_determinized_states: 1e9 } } }),
  by("a fuzzy search in everything", { fuzzy: { text: { value: "a", max_expansions: 10_000 } } }),
  by(
    "too many clauses",
    { bool: { should: Array.from({ length: 1_100 }, () => ({ match_all: {} })) } },
    "retrieval_limit",
  ),
  by("a hidden field", { term: { secret: "key-bolt" } }, "field_hidden"),
  by("a hidden field by a second name", { prefix: { "secret.keyword": "key" } }, "field_hidden"),
  by(
    "a hidden field within a filter of neighbours",
    { knn: { field: "embedding", query_vector: [1, 1], filter: { exists: { field: "secret" } } } },
    "field_hidden",
  ),
  by(
    "a hidden field in a function",
    { function_score: { field_value_factor: { field: "secret" } } },
    "field_hidden",
  ),
  // sections
  find("fields by scripts", { script_fields: { x: { script: "1" } } }),
  find("fields made at query time", { runtime_mappings: { x: { type: "keyword", script: "emit('')" } } }),
  find("suggestions", { suggest: { x: { text: "key", term: { field: "text" } } } }),
  find("stored fields", { stored_fields: ["secret"] }),
  find("an explanation", { explain: true }),
  find("a profile", { profile: true }),
  find("hits within groups", { collapse: { field: "owner", inner_hits: { name: "all" } } }),
  find("extensions", { ext: {} }),
  find("boosted indices", { indices_boost: [{ other: 2 }] }),
  find("a section that isn't known", { everything: true }),
  find("a sort by a script", { sort: { _script: { type: "number", script: "1" } } }),
  find("a sort by a hidden field", { sort: [{ secret: "asc" }] }, "field_hidden"),
  find("a sort by the store's own field", { sort: ["_seq_no"] }),
  find("a highlight by a hidden field", { highlight: { fields: { secret: {} } } }, "field_hidden"),
  find("a field that is hidden", { fields: ["secret"] }, "field_hidden"),
  find("a rescore by a script", { rescore: { query: { rescore_query: { script: {} } } } }),
  find(
    "an order by a hidden field in a rescore",
    { rescore: { query: { rescore_query: { term: { secret: "x" } } } } },
    "field_hidden",
  ),
  find("a retriever that brings documents by their ids", {
    retriever: { pinned: { ids: ["b1"], retriever: { standard: {} } } },
  }),
  find("a retriever that asks a model", {
    retriever: {
      text_similarity_reranker: {
        retriever: { standard: {} },
        field: "text",
        inference_id: "m",
        inference_text: "x",
      },
    },
  }),
  find("a retriever beside a query", { retriever: { standard: {} }, query: { match_all: {} } }),
  ...(
    [
      ["post_filter", (knn: unknown) => ({ post_filter: knn })],
      ["groups", (knn: unknown) => ({ aggs: { x: { filter: knn } } })],
      ["a rescore", (knn: unknown) => ({ rescore: { query: { rescore_query: knn } } })],
      ["a highlight", (knn: unknown) => ({ highlight: { fields: { text: {} }, highlight_query: knn } })],
      [
        "a filter of neighbours",
        (filter: unknown) => ({ knn: { field: "embedding", query_vector: [1, 1], filter } }),
      ],
      [
        "a function",
        (filter: unknown) => ({ query: { function_score: { functions: [{ filter, weight: 2 }] } } }),
      ],
      ["a retriever's filter", (filter: unknown) => ({ retriever: { standard: { filter } } })],
    ] as const
  ).map(([where, make]) =>
    find(
      `others' neighbours in ${where}`,
      make({ bool: { must: { knn: { field: "embedding", query_vector: [1, 1] } } } }),
    ),
  ),
  find("very many", { size: 5_000 }, "retrieval_limit"),
  find("very deep", { from: 5_000 }, "retrieval_limit"),
  find(
    "a very long vector",
    {
      knn: {
        field: "embedding",
        query_vector: Array.from({ length: 5_000 }, () => 1),
        k: 1,
        num_candidates: 1,
      },
    },
    "retrieval_limit",
  ),
  find("a vector of texts", { knn: { field: "embedding", query_vector: ["1"], k: 1 } }),
  find("very many neighbours", { knn: { field: "embedding", query_vector: [1, 1], k: 100_000 } }),
  // aggregations
  find("all documents", { aggs: { x: { global: {} } } }),
  find("documents of groups", { aggs: { x: { terms: { field: "level" }, aggs: { y: { top_hits: {} } } } } }),
  find("values of documents", {
    aggs: { x: { top_metrics: { metrics: { field: "secret" }, sort: { level: "asc" } } } },
  }),
  find("terms of others' documents", { aggs: { x: { terms: { field: "level", min_doc_count: 0 } } } }),
  find("terms beside those of others", { aggs: { x: { significant_terms: { field: "tags" } } } }),
  find("a measure by a script", { aggs: { x: { scripted_metric: { map_script: "1" } } } }),
  find("a term by a script", { aggs: { x: { terms: { script: "1" } } } }),
  find("a hidden field's values", { aggs: { x: { terms: { field: "secret" } } } }, "field_hidden"),
  find(
    "counts where the store's filter is wider",
    { aggs: { x: { terms: { field: "level" } } } },
    "filter_not_expressible",
  ),
  find("a total where the store's filter is wider", { size: 0 }, "filter_not_expressible"),
  // parameters
  go("a query in the URL", "GET", `${at}?q=secret:key*`, "filter_refused"),
  go(
    "a body in the URL",
    "GET",
    `${at}?source=%7B%7D&source_content_type=application/json`,
    "filter_refused",
  ),
  go("a part of the answer", "GET", `${at}?filter_path=hits.total`, "filter_refused"),
  go("a size twice", "POST", `${at}?size=1`, "filter_refused", { size: 2 }),
  go("a hidden field's order in the URL", "GET", `${at}?sort=secret:asc`, "field_hidden"),
  go("an explanation in the URL", "GET", `${at}?explain=true`, "filter_refused"),
  go("another pipeline of searches", "GET", `${at}?search_pipeline=x`, "filter_refused"),
  go("nodes of one's choice", "GET", `${at}?preference=_only_nodes:x`, "filter_refused"),
  go("a parameter that isn't known", "GET", `${at}?everything=1`, "filter_refused"),
  // writes
  go("a script for one document", "POST", "/handbook/_update/a1", "filter_refused", {
    script: "ctx._source.tenant='acme'",
  }),
  go("a document that would be made", "POST", "/handbook/_update/a9", "filter_refused", {
    doc: {},
    upsert: {},
  }),
  go("a lower classification", "POST", "/handbook/_update/a3", "document_refused", {
    doc: { meta: { classification: "public" } },
  }),
  go(
    "a lower classification by another way to write it",
    "POST",
    "/handbook/_update/a3",
    "document_refused",
    { doc: { "meta.classification": "public" } },
  ),
  go("a change of another's document", "POST", "/handbook/_update/b1", "document_refused", {
    doc: { text: "mine" },
  }),
  go("another's document in its place", "PUT", "/handbook/_doc/b1", "document_refused", { tenant: "acme" }),
  go("a field in two ways", "PUT", "/handbook/_doc/n1", "document_refused", {
    tenant: "acme",
    meta: { classification: "public" },
    "meta.classification": "restricted",
  }),
  go("a list for a field that is stated to be one value", "PUT", "/handbook/_doc/n1", "document_refused", {
    tenant: "acme",
    owner: ["ann", "bob"],
  }),
  go("a tenant of two", "PUT", "/handbook/_doc/n1", "document_refused", { tenant: ["acme", "bolt"] }),
  go("a pipeline", "PUT", "/handbook/_doc/n1?pipeline=x", "filter_refused", { tenant: "acme" }),
  go("a routing value of a document", "PUT", "/handbook/_doc/n1?routing=x", "filter_refused", {
    tenant: "acme",
  }),
  go(
    "a pipeline in a line",
    "POST",
    "/_bulk",
    "filter_refused",
    lines({ index: { _index: "handbook", _id: "n1", pipeline: "x" } }, { tenant: "acme" }),
  ),
  go(
    "a routing value in a line",
    "POST",
    "/_bulk",
    "filter_refused",
    lines({ index: { _index: "handbook", _id: "n1", routing: "x" } }, { tenant: "acme" }),
  ),
  go(
    "another's document among one's own",
    "POST",
    "/_bulk",
    "document_refused",
    lines({ delete: { _index: "handbook", _id: "a1" } }, { delete: { _index: "handbook", _id: "b1" } }),
  ),
  go(
    "another's tenant among one's own",
    "POST",
    "/handbook/_bulk",
    "document_refused",
    lines({ index: {} }, { tenant: "acme" }, { index: {} }, { tenant: "bolt" }),
  ),
  go(
    "a script in a line",
    "POST",
    "/handbook/_bulk",
    "filter_refused",
    lines({ update: { _id: "a1" } }, { script: "1" }),
  ),
  go(
    "an index that isn't configured in a line",
    "POST",
    "/handbook/_bulk",
    "obligation_unsatisfiable",
    lines({ create: { _index: "other" } }, { tenant: "acme" }),
  ),
  go(
    "deletes where the store's filter is wider",
    "POST",
    "/handbook/_delete_by_query",
    "filter_not_expressible",
    { query: { match_all: {} } },
  ),
  go("deletes without a query", "POST", "/handbook/_delete_by_query", "filter_refused", {}),
  go("deletes later", "POST", "/handbook/_delete_by_query?wait_for_completion=false", "filter_refused", {
    query: { match_all: {} },
  }),
  // indices
  go("another name for an index", "PUT", "/fresh", "filter_refused", { aliases: { handbook: {} } }),
  go("another name for a field", "PUT", "/handbook/_mapping", "filter_refused", {
    properties: { open: { type: "alias", path: "secret" } },
  }),
  go("a copy of a field", "PUT", "/handbook/_mapping", "filter_refused", {
    properties: { secret: { type: "text", copy_to: "open" } },
  }),
  // cursors
  go("a scroll id that nobody gave", "POST", "/_search/scroll", "unknown_cursor", {
    scroll_id: "DXF1ZXJ5QW5kRmV0Y2gBAAAAAAAAAD4",
  }),
  go("all scrolls", "DELETE", "/_search/scroll", "unknown_cursor", { scroll_id: "_all" }),
  go("a point in time that nobody gave", "POST", "/_search", "unknown_cursor", {
    pit: { id: "46ToAwMDaWR5" },
  }),
  go("an index beside a point in time", "POST", at, "unknown_cursor", { pit: { id: "46ToAwMDaWR5" } }),
  // routes
  ...(
    [
      ["POST", "/_reindex"],
      ["POST", "/handbook/_update_by_query"],
      ["POST", "/handbook/_search/template"],
      ["GET", "/handbook/_explain/a1"],
      ["POST", "/handbook/_validate/query"],
      ["GET", "/handbook/_termvectors/b1"],
      ["POST", "/handbook/_terms_enum"],
      ["POST", "/handbook/_rank_eval"],
      ["POST", "/handbook/_knn_search"],
      ["POST", "/handbook/_async_search"],
      ["POST", "/_sql"],
      ["POST", "/_query"],
      ["POST", "/handbook/_eql/search"],
      ["GET", "/_cat/indices"],
      ["GET", "/_nodes/_all/http"],
      ["GET", "/_cluster/state"],
      ["POST", "/_aliases"],
      ["PUT", "/handbook/_alias/mine"],
      ["PUT", "/_snapshot/s/1"],
      ["GET", "/_tasks"],
      ["PUT", "/_scripts/x"],
      ["PUT", "/_ingest/pipeline/x"],
      ["GET", "/_search_shards"],
      ["GET", "/_mapping"],
      ["GET", "/_stats"],
    ] as const
  ).map(([method, path]) => go(`${method} ${path}`, method, path, "unknown_operation")),
  go("a route that isn't there", "GET", "/_everything", "unknown_route"),
  go("a method that the route doesn't take", "DELETE", "/handbook/_search", "method_not_allowed"),
  // the other dialect
  {
    ...go("PPL", "POST", "/_plugins/_ppl", "unknown_operation", { query: "source=handbook" }),
    kind: "opensearch",
  },
  {
    ...go("all points in time", "DELETE", "/_search/point_in_time/_all", "unknown_operation"),
    kind: "opensearch",
  },
  {
    ...go("a section of the other store", "POST", at, "filter_refused", {
      knn: { field: "embedding", query_vector: [1, 1] },
    }),
    kind: "opensearch",
  },
  {
    ...go("a retriever of the other store", "POST", at, "filter_refused", { retriever: { standard: {} } }),
    kind: "opensearch",
  },
  {
    ...go("lists put together within another query", "POST", at, "filter_refused", {
      query: { bool: { must: { hybrid: { queries: [] } } } },
    }),
    kind: "opensearch",
  },
  {
    ...go("neighbours in the other's form", "POST", at, "filter_refused", {
      query: { knn: { field: "embedding", query_vector: [1, 1] } },
    }),
    kind: "opensearch",
  },
];

describe.each(["elasticsearch", "opensearch"] as const)("%s", (kind) => {
  let server: SearchServer;
  let lab: StoreLab;
  beforeAll(async () => {
    server = await startSearch(kind, indices);
    lab = await startStoreLab(server.url, { kind, collections });
    lab.narrow(ofAcme);
  });
  afterAll(async () => {
    await lab.close();
    await server.close();
  });

  test.each(
    cases.filter((one) => (one.kind ?? "elasticsearch") === kind).map((one) => [one.name, one] as const),
  )("%s", async (_name, { make, code }) => {
    lab.received.length = 0;
    const before = JSON.stringify(server.documents("handbook"));
    const { status, body } = await lab.ask(...make);
    expect((body as { error: { countersign: { code: string } } }).error.countersign.code).toBe(code);
    expect(status).toBeGreaterThanOrEqual(400);
    // no more than a look at what would be written over
    expect(lab.received.filter(({ path }) => path !== "/_mget")).toEqual([]);
    expect(JSON.stringify(server.documents("handbook"))).toBe(before);
  });
});
