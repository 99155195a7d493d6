/** The official clients, unmodified, through the real gateway. */
import { Client as Elastic, errors as elasticErrors } from "@elastic/elasticsearch";
import { Client as OpenSearch } from "@opensearch-project/opensearch";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { callerToken } from "../../../world.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import { collections, indices, ofAcme, ofPublic } from "./library.js";
import type { SearchServer } from "./server.js";
import { startSearch } from "./server.js";

const headers = { authorization: `Bearer ${callerToken}` };
const idsOf = (hits: readonly { readonly _id?: string }[]): (string | undefined)[] =>
  hits.map(({ _id }) => _id).sort();

describe("@elastic/elasticsearch", () => {
  let server: SearchServer;
  let lab: StoreLab;
  let client: Elastic;
  beforeAll(async () => {
    server = await startSearch("elasticsearch", indices);
    lab = await startStoreLab(server.url, { kind: "elasticsearch", collections });
    client = new Elastic({ node: lab.url, headers, maxRetries: 0 });
  });
  afterAll(async () => {
    await client.close();
    await lab.close();
    await server.close();
  });
  beforeEach(() => {
    lab.narrow(ofAcme);
  });

  test("says who it is", async () => {
    expect((await client.info()).tagline).toBe("You Know, for Search");
    expect(await client.ping()).toBe(true);
  });

  test("finds by text what the caller may see", async () => {
    const { hits } = await client.search<{ tenant: string }>({
      index: "handbook",
      query: { match: { text: "holidays" } },
    });
    expect(idsOf(hits.hits)).toEqual(["a1", "a2", "a3"]);
    expect(hits.total).toEqual({ value: 3, relation: "eq" });
    expect(hits.hits[0]?._source).not.toHaveProperty("secret");
    expect(hits.hits[0]?._source).not.toHaveProperty("embedding");
  });

  test("finds the nearest of those that the caller may see", async () => {
    const { hits } = await client.search({
      index: "handbook",
      knn: { field: "embedding", query_vector: [4, 1], k: 2, num_candidates: 10 },
      _source: ["level"],
    });
    expect(hits.hits.map(({ _id, _source }) => [_id, _source])).toEqual([
      ["a3", { level: 3 }],
      ["a2", { level: 2 }],
    ]);
  });

  test("counts where that can be done exactly, and else not", async () => {
    await expect(client.count({ index: "handbook" })).rejects.toMatchObject({ statusCode: 403 });
    lab.narrow(ofPublic);
    expect((await client.count({ index: "handbook" })).count).toBe(4);
    const { aggregations } = await client.search({
      index: "handbook",
      size: 0,
      aggs: { of: { terms: { field: "level" } } },
    });
    expect(aggregations?.["of"]).toMatchObject({
      buckets: [
        { key: 1, doc_count: 3 },
        { key: 4, doc_count: 1 },
      ],
    });
  });

  test("gets documents by their ids, and none that the caller may not see", async () => {
    expect((await client.get({ index: "handbook", id: "a1" }))._source).toMatchObject({ tenant: "acme" });
    for (const id of ["b1", "none"])
      await expect(client.get({ index: "handbook", id })).rejects.toMatchObject({
        statusCode: 404,
        body: { _index: "handbook", _id: id, found: false },
      });
    expect(await client.exists({ index: "handbook", id: "a1" })).toBe(true);
    expect(await client.exists({ index: "handbook", id: "b1" })).toBe(false);
    const { docs } = await client.mget({ index: "handbook", ids: ["a1", "b1", "none"] });
    expect(docs).toMatchObject([{ found: true }, { found: false }, { found: false }]);
  });

  test("writes, changes and deletes its own", async () => {
    const document = { tenant: "acme", meta: { classification: "public" }, text: "new" };
    expect((await client.index({ index: "handbook", id: "w1", document })).result).toBe("created");
    await expect(client.index({ index: "handbook", id: "b1", document })).rejects.toBeInstanceOf(
      elasticErrors.ResponseError,
    );
    await expect(
      client.index({ index: "handbook", id: "w2", document: { ...document, tenant: "bolt" } }),
    ).rejects.toMatchObject({ statusCode: 403 });
    await client.update({ index: "handbook", id: "w1", doc: { text: "newer" } });
    expect(server.documents("handbook")["w1"]).toMatchObject({ text: "newer" });
    await expect(client.delete({ index: "handbook", id: "b1" })).rejects.toMatchObject({ statusCode: 403 });
    const bulk = await client.bulk({
      operations: [
        { index: { _index: "handbook", _id: "w3" } },
        document,
        { delete: { _index: "handbook", _id: "w1" } },
      ],
    });
    expect(bulk.errors).toBe(false);
    expect(Object.keys(server.documents("handbook"))).toEqual(["a1", "a2", "a3", "b1", "b2", "x1", "w3"]);
    await client.delete({ index: "handbook", id: "w3" });
  });

  test("scrolls over its own", async () => {
    const found: unknown[] = [];
    for await (const page of client.helpers.scrollSearch({
      index: "handbook",
      size: 2,
      query: { match_all: {} },
    }))
      found.push(...page.body.hits.hits.map(({ _id }) => _id));
    expect(found.sort()).toEqual(["a1", "a2", "a3"]);
    expect([...server.open.keys()].filter((id) => id.startsWith("scroll"))).toEqual([]);
  });

  test("reads on at a point in time", async () => {
    const { id } = await client.openPointInTime({ index: "handbook", keep_alive: "1m" });
    const first = await client.search({ pit: { id, keep_alive: "1m" }, size: 2, sort: [{ owner: "asc" }] });
    expect(first.hits.hits).toHaveLength(2);
    expect((await client.closePointInTime({ id: first.pit_id ?? "" })).succeeded).toBe(true);
  });

  test("searches several at once", async () => {
    const { responses } = await client.msearch({
      searches: [
        { index: "handbook" },
        { query: { match: { text: "bolt" } } },
        { index: "notes" },
        { query: { match_all: {} } },
      ],
    });
    expect(responses.map((one) => ("hits" in one ? idsOf(one.hits.hits) : []))).toEqual([[], ["n1"]]);
    const { hits } = await client.search({
      index: ["handbook", "notes"],
      query: { match: { text: "holidays" } },
    });
    expect(idsOf(hits.hits)).toEqual(["a1", "a2", "a3", "n1"]);
  });

  test("searches by an alias", async () => {
    const { hits } = await client.search({ index: "current" });
    expect(hits.hits).toMatchObject([{ _index: "real-1", _id: "c1" }]);
  });

  test("puts lists together", async () => {
    const { hits } = await client.search({
      index: "handbook",
      retriever: {
        rrf: {
          retrievers: [
            { standard: { query: { match: { text: "holidays" } } } },
            { knn: { field: "embedding", query_vector: [4, 1], k: 2, num_candidates: 10 } },
          ],
          rank_window_size: 10,
        },
      },
    });
    expect(idsOf(hits.hits)).toEqual(["a1", "a2", "a3"]);
  });
});

describe("@opensearch-project/opensearch", () => {
  let server: SearchServer;
  let lab: StoreLab;
  let client: OpenSearch;
  beforeAll(async () => {
    server = await startSearch("opensearch", indices);
    lab = await startStoreLab(server.url, { kind: "opensearch", collections });
    client = new OpenSearch({ node: lab.url, headers, maxRetries: 0 });
  });
  afterAll(async () => {
    await client.close();
    await lab.close();
    await server.close();
  });
  beforeEach(() => {
    lab.narrow(ofAcme);
  });

  test("finds by text and by neighbours", async () => {
    const byText = await client.search({
      index: "handbook",
      body: { query: { match: { text: "holidays" } } },
    });
    expect(idsOf(byText.body.hits.hits)).toEqual(["a1", "a2", "a3"]);
    const near = await client.search({
      index: "handbook",
      body: { size: 2, query: { knn: { embedding: { vector: [4, 1], k: 2 } } } },
    });
    expect(near.body.hits.hits.map(({ _id }: { _id?: string }) => _id)).toEqual(["a3", "a2"]);
  });

  test("gets, writes, counts and deletes", async () => {
    lab.narrow(ofPublic);
    expect((await client.count({ index: "handbook" })).body.count).toBe(4);
    const body = { tenant: "acme", meta: { classification: "public" }, text: "new" };
    await client.index({ index: "handbook", id: "w1", body });
    expect((await client.get({ index: "handbook", id: "w1" })).body._source).toEqual(body);
    await expect(client.get({ index: "handbook", id: "a3" })).rejects.toMatchObject({ statusCode: 404 });
    const gone = await client.deleteByQuery({ index: "handbook", body: { query: { match_all: {} } } });
    expect(gone.body).toMatchObject({ deleted: 5 });
    expect(Object.keys(server.documents("handbook"))).toEqual(["a2", "a3"]);
  });

  test("scrolls, and reads on at a point in time", async () => {
    const first = await client.search({ index: "notes", scroll: "1m", size: 1, body: {} });
    const next = await client.scroll({ body: { scroll_id: first.body._scroll_id ?? "", scroll: "1m" } });
    expect([...first.body.hits.hits, ...next.body.hits.hits]).toHaveLength(1);
    await client.clearScroll({ body: { scroll_id: [next.body._scroll_id ?? ""] } });
    const pit = await client.createPit({ index: ["notes"], keep_alive: "1m" });
    const at = await client.search({ body: { pit: { id: pit.body.pit_id ?? "", keep_alive: "1m" } } });
    expect(idsOf(at.body.hits.hits)).toEqual(["n1"]);
    await client.deletePit({ body: { pit_id: [pit.body.pit_id ?? ""] } });
    expect(server.open.size).toBe(0);
  });
});
