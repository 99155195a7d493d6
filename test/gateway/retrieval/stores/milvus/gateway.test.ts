/** Milvus's own HTTP client, unmodified, through the real gateway to Milvus Lite; and what it must not get. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
// the package's entrance also brings its writer of Parquet files, which jest can't load
import { HttpClient } from "@zilliz/milvus2-sdk-node/dist/milvus/HttpClient.js";
import type { Condition } from "../../../../../sidecar/contract.js";
import { callerToken } from "../../../world.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import type { MilvusServer } from "./server.js";
import { startMilvus } from "./server.js";

const schema = {
  ...{ id: "varchar", vector: "float_vector", tenant: "varchar", level: "int64", body: "varchar" },
  ...{ tags: "array<varchar>", meta: "json" },
};
const rows = [
  {
    id: "a1",
    vector: [0, 0],
    tenant: "a",
    level: 1,
    body: "one",
    tags: ["p"],
    meta: { own: "x", secret: "s" },
  },
  { id: "b1", vector: [0, 0.1], tenant: "b", level: 1, body: "two", tags: ["p"], meta: { own: "x" } },
  {
    id: "a2",
    vector: [0, 0.2],
    tenant: "a",
    level: 5,
    body: "three",
    tags: [],
    meta: { own: "y" },
    extra: "e",
  },
  { id: "n1", vector: [0, 0.3], body: "nobody's", meta: { own: "x" } },
  { id: "a3", vector: [0, 0.4], tenant: "a", level: 2, body: "four", meta: null, extra: 5 },
];
const spaces = [
  { id: "s1", vector: [0, 0], body: "of a", $partition: "a" },
  { id: "s2", vector: [0, 0], body: "of b", $partition: "b" },
];
const eq = (field: string, value: string | number): Condition => ({
  type: "field",
  operator: "eq",
  field,
  value,
});
const tenantA = eq("tenant", "a");
/** Milvus can't say it: a list within JSON may hold what isn't a text. */
const inexact: Condition = {
  ...{ type: "compound", operator: "or" },
  value: [tenantA, { type: "field", operator: "contains", field: "groups", value: "g" }],
};

let milvus: MilvusServer;
let lab: StoreLab;
let client: HttpClient;
beforeAll(async () => {
  milvus = await startMilvus([{ collectionName: "docs", schema, dynamic: true, rows }]);
  lab = await startStoreLab(milvus.url, {
    kind: "milvus",
    collections: {
      docs: {
        ...{ schema, dynamic: true, hidden: ["meta.secret", "concealed"], text: "body" },
        fields: {
          ...{ tenant: "tenant", level: { type: "number" }, own: "meta.own" },
          groups: { path: "meta.groups", type: "strings" },
        },
        limits: { top_k: 50 },
      },
      spaces: {
        schema: { id: "varchar", vector: "float_vector", body: "varchar" },
        fields: { tenant: "$namespace" },
      },
      empty: { schema: { id: "varchar", vector: "float_vector" } },
    },
  });
  client = new HttpClient({ baseURL: `${lab.url}/v2`, token: callerToken });
}, 60_000);
afterAll(async () => {
  await lab.close();
  await milvus.close();
});
beforeEach(() => {
  lab.received.length = 0;
  lab.narrow(tenantA);
});

const path = "/v2/vectordb/entities";
const sent = (at = -1): Record<string, unknown> =>
  JSON.parse(lab.received.at(at)?.body ?? "{}") as Record<string, unknown>;
const ids = (data: unknown): unknown[] => (data as { id: unknown }[]).map(({ id }) => id);
const ask = async (
  to: string,
  body: Record<string, unknown>,
): Promise<{ status: number; data: unknown; code: unknown }> => {
  const { status, body: said } = await lab.ask("POST", `${path}/${to}`, { collectionName: "docs", ...body });
  const { data, countersign } = said as { data?: unknown; countersign?: { code: string } };
  return { status, data, code: countersign?.code };
};
const stored = async (): Promise<unknown[]> =>
  ids(
    (await milvus.ask("entities/query", { collectionName: "docs", limit: 100, outputFields: ["id"] })).data,
  ).sort();

describe("Milvus's own client", () => {
  test("searches: the caller's documents, nearest first, with what was asked for", async () => {
    const found = await client.search({
      ...{
        collectionName: "docs",
        data: [[0, 0]],
        limit: 10,
        outputFields: ["body", "meta", "extra", "level"],
      },
      filter: 'level >= 1 or tenant == "b"',
    } as never);
    expect(found.code).toBe(0);
    expect(found.data).toEqual([
      ...[{ id: "a1", body: "one", level: "1", meta: '{"own":"x"}', distance: 0 }],
      { id: "a2", body: "three", level: "5", meta: '{"own": "y"}', extra: "e", distance: expect.any(Number) },
      { id: "a3", body: "four", level: "2", meta: null, extra: 5, distance: expect.any(Number) },
    ]);
    expect(sent()).toEqual({
      ...{ dbName: "default", collectionName: "docs", data: [[0, 0]], annsField: "vector", limit: 10 },
      filter: '((level >= 1) or (tenant == "b")) and (tenant == "a")',
      outputFields: ["body", "meta", "extra", "level", "tenant", "id"],
    });
    expect(lab.received.at(-1)?.headers["accept-type-allow-int64"]).toBe("true");
  });

  test("queries, gets, counts, writes and deletes", async () => {
    const found = await client.query({
      collectionName: "docs",
      filter: "level < 5",
      outputFields: ["level"],
    });
    expect(found.data).toEqual([
      { id: "a1", level: "1" },
      { id: "a3", level: "2" },
    ]);
    const got = await client.get({
      collectionName: "docs",
      id: ["b1", "a2"],
      outputFields: ["body"],
    } as never);
    expect(got.data).toEqual([{ id: "a2", body: "three" }]);
    const counted = await client.query({ collectionName: "docs", filter: "", outputFields: ["count(*)"] });
    expect(counted.data).toEqual([{ "count(*)": 3 }]);
    const row = {
      id: "a9",
      vector: [1, 1],
      tenant: "a",
      level: 1,
      body: "new",
      tags: [],
      meta: { own: "z" },
    };
    expect(await client.upsert({ collectionName: "docs", data: [row] } as never)).toMatchObject({
      ...{ code: 0, data: { upsertCount: 1, upsertIds: ["a9"] } },
    });
    expect(
      await client.delete({ collectionName: "docs", filter: 'id in ["a9", "b1"]' } as never),
    ).toMatchObject({ code: 0 });
    expect(await stored()).toEqual(["a1", "a2", "a3", "b1", "n1"]);
    expect(sent()["filter"]).toBe('(id in ["a9", "b1"]) and (tenant == "a")');
  });

  test("lists and describes what it may know of", async () => {
    expect(await client.listCollections({} as never)).toMatchObject({ code: 0, data: ["docs"] });
    expect(await client.hasCollection({ collectionName: "docs" } as never)).toMatchObject({
      data: { has: true },
    });
    await expect(client.createUser({ userName: "x", password: "y" } as never)).rejects.toThrow(
      "unknown_operation",
    );
  });
});

describe("each search finds its own", () => {
  test("several vectors", async () => {
    const { data } = await ask("search", {
      data: [
        [0, 0],
        [0, 0.4],
      ],
      limit: 1,
      outputFields: ["tenant"],
    });
    expect(ids(data)).toEqual(["a1", "a3"]);
  });

  test("the parts of a hybrid search are each narrowed", async () => {
    const { data } = await ask("hybrid_search", {
      search: [
        { data: [[0, 0]], annsField: "vector", limit: 5, filter: 'tenant == "b" or true' },
        { data: [[0, 0.1]], annsField: "vector", limit: 5 },
      ],
      ...{ rerank: { strategy: "rrf", params: { k: 60 } }, limit: 5, outputFields: ["tenant"] },
    });
    expect(ids(data).sort()).toEqual(["a1", "a2", "a3"]);
    expect((sent()["search"] as { filter: string }[]).map(({ filter }) => filter)).toEqual([
      '((tenant == "b") or (true)) and (tenant == "a")',
      'tenant == "a"',
    ]);
  });

  test("a condition that Milvus can't say is looked for among more", async () => {
    lab.narrow(inexact);
    const { data } = await ask("search", { data: [[0, 0]], limit: 2 });
    expect(ids(data)).toEqual(["a1", "a2"]);
    expect(sent()).toMatchObject({
      limit: 1_000,
      filter: '(tenant == "a") or (json_contains(meta["groups"], "g"))',
    });
  });

  test("templates keep their values", async () => {
    // Milvus Lite knows none: what is sent is what counts
    const body = { filter: "level in {some} and body == {said}", exprParams: { some: [1, 5], said: "one" } };
    expect((await ask("query", body)).code).toBe("upstream_refused");
    expect(sent()).toMatchObject({
      filter: '((level in {some}) and (body == {said})) and (tenant == "a")',
      exprParams: { some: [1, 5], said: "one" },
    });
  });

  test("groups count as many as they hold", async () => {
    const body = { data: [[0, 0]], groupingField: "level", groupSize: 10, limit: 6 };
    expect((await ask("search", body)).code).toBe("retrieval_limit");
  });

  test("a partition stands for the field", async () => {
    await milvus.create({
      ...{ collectionName: "spaces", schema: { id: "varchar", vector: "float_vector", body: "varchar" } },
      ...{ partitions: ["a", "b"], rows: spaces },
    });
    const mine = await ask("query", {
      collectionName: "spaces",
      partitionNames: ["a"],
      outputFields: ["body"],
    });
    expect(mine.data).toEqual([{ id: "s1", body: "of a" }]);
    const theirs = await ask("query", { collectionName: "spaces", partitionNames: ["b"] });
    expect(theirs).toMatchObject({ status: 200, data: [] });
    for (const partitionNames of [["a", "b"], [], undefined])
      expect((await ask("query", { collectionName: "spaces", partitionNames })).code).toBe(
        "namespace_required",
      );
  });

  test("the neutral door", async () => {
    const response = await fetch(`${lab.world.url}/v1/retrieval/docs/query`, {
      method: "POST",
      headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
      body: JSON.stringify({ vector: [0, 0], top_k: 2, filter: eq("own", "x") }),
    });
    const { documents } = (await response.json()) as { documents: Record<string, unknown>[] };
    expect(documents).toEqual([
      {
        ...{ id: "a1", score: 0, text: "one" },
        metadata: { id: "a1", tenant: "a", level: 1, body: "one", tags: ["p"], meta: { own: "x" } },
      },
    ]);
  });
});

/** What is refused before the store is asked; the code says why. */
const refused: readonly [name: string, to: string, body: Record<string, unknown>, code: string][] = [
  ["another database", "query", { dbName: "other" }, "unknown_collection"],
  ["a collection that isn't configured", "query", { collectionName: "other" }, "unknown_collection"],
  ["a filter that isn't understood", "query", { filter: 'tenant == "b" /* x */' }, "filter_refused"],
  ["a filter that ends early", "query", { filter: "level == 1) or (true" }, "filter_refused"],
  ["a filter that isn't text", "query", { filter: ["true"] }, "invalid_request"],
  ["a second filter in other letters", "query", { filter: "level == 1", Filter: "true" }, "invalid_request"],
  ["a template without a value", "query", { filter: "tenant == {t}" }, "filter_refused"],
  [
    "a value that no template names",
    "query",
    { filter: "level == 1", exprParams: { t: "b" } },
    "filter_refused",
  ],
  [
    "a template's value that is an expression",
    "query",
    { filter: "level == {t}", exprParams: { t: { a: 1 } } },
    "filter_refused",
  ],
  ["a filter by what is hidden", "query", { filter: 'meta["secret"] like "s%"' }, "field_hidden"],
  ["a filter by all that what is hidden is in", "query", { filter: "meta is null" }, "field_hidden"],
  [
    "a filter by a dynamic key that is hidden",
    "query",
    { filter: '$meta["concealed"] == 1' },
    "field_hidden",
  ],
  ["groups by what is hidden", "search", { data: [[0, 0]], groupingField: "concealed" }, "field_hidden"],
  [
    "a rank by what is hidden",
    "search",
    {
      data: [[0, 0]],
      functionScore: {
        functions: [
          {
            name: "f",
            type: "Rerank",
            inputFieldNames: ["concealed"],
            params: { reranker: "decay", function: "gauss", origin: 1, scale: 1 },
          },
        ],
      },
    },
    "field_hidden",
  ],
  [
    "a rank with a filter of its own",
    "search",
    { data: [[0, 0]], functionScore: { functions: [{ params: { reranker: "boost", filter: "true" } }] } },
    "invalid_request",
  ],
  ["an aggregation", "query", { outputFields: ["count(*)", "id"] }, "invalid_request"],
  ["an iterator", "search", { data: [[0, 0]], searchParams: { iterator: true } }, "invalid_request"],
  [
    "a filter among the parameters",
    "search",
    { data: [[0, 0]], searchParams: { expr: "true" } },
    "invalid_request",
  ],
  [
    "another column among the parameters",
    "search",
    { data: [[0, 0]], searchParams: { anns_field: "x" } },
    "invalid_request",
  ],
  ["a hint that isn't known", "search", { data: [[0, 0]], searchParams: { hints: "x" } }, "invalid_request"],
  ["a column that is no vector", "search", { data: [[0, 0]], annsField: "tenant" }, "invalid_request"],
  ["a partition by a pattern", "query", { partitionNames: [".*"] }, "invalid_request"],
  ["too many documents", "query", { limit: 51 }, "retrieval_limit"],
  [
    "another part with a part of its own",
    "hybrid_search",
    { search: [{ data: [[0, 0]], filter: "true) or (true" }] },
    "filter_refused",
  ],
  ["an unknown member", "query", { reduceStopForBest: true }, "invalid_request"],
  ["a delete without a filter", "delete", {}, "invalid_request"],
  [
    "an id that is another's",
    "upsert",
    { data: [{ id: "b1", vector: [0, 0], tenant: "a", meta: {} }] },
    "document_refused",
  ],
  [
    "an id that is another's, inserted",
    "insert",
    { data: [{ id: "b1", vector: [0, 0], tenant: "a", meta: {} }] },
    "document_refused",
  ],
  [
    "an id that is nobody's",
    "upsert",
    { data: [{ id: "n1", vector: [0, 0], tenant: "a", meta: {} }] },
    "document_refused",
  ],
  [
    "a document of another",
    "upsert",
    { data: [{ id: "x", vector: [0, 0], tenant: "b", meta: {} }] },
    "document_refused",
  ],
  [
    "a document without a tenant",
    "upsert",
    { data: [{ id: "x", vector: [0, 0], meta: {} }] },
    "document_refused",
  ],
  [
    "a part of a document",
    "upsert",
    { partialUpdate: true, data: [{ id: "a1", level: 2 }] },
    "invalid_request",
  ],
  [
    "JSON that is none",
    "upsert",
    { data: [{ id: "x", vector: [0, 0], tenant: "a", meta: "{" }] },
    "invalid_request",
  ],
];

describe("what could reach further is refused", () => {
  test.each(refused)("%s", async (_name, to, body, code) => {
    expect(await ask(to, body)).toMatchObject({ code });
    const writes = lab.received.filter(({ path: at }) => !at?.endsWith("/entities/query"));
    expect(writes).toEqual([]);
  });

  test("and nothing was written", async () => {
    expect(await stored()).toEqual(["a1", "a2", "a3", "b1", "n1"]);
  });

  test("what Milvus can't say isn't counted or deleted by", async () => {
    lab.narrow(inexact);
    expect(await ask("query", { outputFields: ["count(*)"] })).toMatchObject({
      code: "filter_not_expressible",
    });
    expect(await ask("delete", { filter: "level == 1" })).toMatchObject({ code: "filter_not_expressible" });
    const stats = await lab.ask("POST", "/v2/vectordb/collections/get_stats", { collectionName: "docs" });
    expect(stats.body).toMatchObject({ countersign: { code: "filter_not_expressible" } });
    expect(lab.received).toEqual([]);
  });

  test("a text is one text", async () => {
    const value = `a" or true or tenant == "\\`;
    lab.narrow({ type: "compound", operator: "or", value: [eq("tenant", value), eq("tenant", "b")] });
    expect(ids((await ask("query", { outputFields: ["id"] })).data)).toEqual(["b1"]);
  });
});
