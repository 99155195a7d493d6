/** Qdrant's own client, unmodified, through the real gateway. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { QdrantClient } from "@qdrant/js-client-rest";
import type { Condition } from "../../../../../sidecar/contract.js";
import { callerToken } from "../../../world.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import { type QdrantServer, startQdrant } from "./server.js";

const uuid = "5c56c793-69f3-4fbf-87e6-c4bf54c28c26";
const points = () => [
  { id: 1, vector: [1, 0], payload: { tenant: "a", level: 1, groups: ["hr"], body: "one", secret: "s1" } },
  { id: 2, vector: [0.9, 0], payload: { tenant: "b", level: 1, groups: ["hr"], body: "two", secret: "s2" } },
  {
    id: 3,
    vector: [0.8, 0],
    payload: { tenant: "a", level: 3, groups: ["it"], body: "three", secret: "s3" },
  },
  { id: 4, vector: [0.7, 0], payload: { tenant: ["a"], level: 1, groups: [], body: "four" } },
  { id: 5, vector: [0.6, 0], payload: { level: 1, body: "five" } },
  {
    id: uuid,
    vector: [0.5, 0],
    payload: { tenant: "a", level: 2, groups: ["hr", "it"], body: "six", n: { deep: 1, other: 2 } },
  },
];
const tenantA: Condition = { type: "field", operator: "eq", field: "tenant", value: "a" };
const inexact: Condition = { type: "field", operator: "startswith", field: "tenant", value: "a" };

let store: QdrantServer;
let lab: StoreLab;
let client: QdrantClient;

beforeAll(async () => {
  store = await startQdrant({ docs: points(), other: [] });
  lab = await startStoreLab(store.url, {
    kind: "qdrant",
    api_key: { value: "the-store's-own" },
    collections: {
      docs: {
        fields: { tenant: "tenant", level: { type: "number" }, groups: { type: "strings" } },
        hidden: ["secret"],
        text: "body",
        limits: { top_k: 50 },
        qdrant: { model: "embed/small" },
      },
    },
  });
  const { hostname, port, pathname } = new URL(lab.url);
  client = new QdrantClient({
    ...{ host: hostname, port: Number(port), https: false, prefix: pathname, checkCompatibility: false },
    headers: { authorization: `Bearer ${callerToken}` },
  });
});
afterAll(async () => {
  await lab.close();
  await store.close();
});
beforeEach(() => {
  store.collections.set("docs", points());
  lab.received.length = 0;
  lab.narrow(tenantA);
});

const sent = (at = -1): Record<string, unknown> =>
  JSON.parse(lab.received.at(at)?.body ?? "{}") as Record<string, unknown>;
const ids = (found: readonly { id: unknown }[]) => found.map(({ id }) => id);
const code = (error: unknown): unknown =>
  (error as { data?: { status?: { code?: string } } }).data?.status?.code;
const refusal = (asked: Promise<unknown>): Promise<unknown> => asked.then(() => "given", code);

describe("reading", () => {
  test("queries find the caller's documents only, in their order, without what is hidden", async () => {
    const { points: found } = await client.query("docs", { query: [1, 0], limit: 10, with_payload: true });
    expect(ids(found)).toEqual([1, 3, uuid]);
    expect(found[0]).toEqual({
      id: 1,
      version: 3,
      score: 1,
      payload: { tenant: "a", level: 1, groups: ["hr"], body: "one" },
    });
    expect(sent()["limit"]).toBe(10);
  });

  test("the caller's filter stands beside policy's, whatever it says", async () => {
    const filter = {
      should: [
        { key: "tenant", match: { value: "b" } },
        { key: "tenant", match: { value: "a" } },
      ],
    };
    const { points: found } = await client.query("docs", { query: [1, 0], filter });
    expect(ids(found)).toEqual([1, 3, uuid]);
    expect(sent()["filter"]).toEqual({
      must: [filter, expect.objectContaining({ must: expect.anything() })],
    });
    const none = { must_not: [{ key: "tenant", match: { value: "a" } }] };
    expect((await client.query("docs", { query: [1, 0], filter: none })).points).toEqual([]);
  });

  test("payloads are given as they were asked for", async () => {
    const ask = async (with_payload: unknown) =>
      (
        await client.query("docs", { query: [1, 0], limit: 10, with_payload: with_payload as never })
      ).points.at(-1)?.payload;
    expect(await ask(false)).toBeUndefined();
    expect(await ask(["level"])).toEqual({ level: 2 });
    expect(await ask({ include: ["n.deep"] })).toEqual({ n: { deep: 1 } });
    expect(await ask({ exclude: ["n", "tenant", "groups"] })).toEqual({ level: 2, body: "six" });
    // a path of the caller's doesn't keep policy from seeing what it goes by
    expect(sent()["with_payload"]).toBe(true);
    await ask(false);
    expect(sent()["with_payload"]).toEqual({ include: ["tenant", "level", "groups"] });
  });

  test("every level of a prefetch is filtered and bounded", async () => {
    const deep = {
      prefetch: { query: [1, 0], filter: { must: [{ key: "level", range: { lte: 2 } }] } },
      query: [0, 1],
      limit: 20_000,
    };
    const { points: found } = await client.query("docs", {
      prefetch: [deep, { query: [0, 1] }],
      query: { fusion: "rrf" } as never,
    });
    expect(ids(found)).not.toContain(2);
    const policy = sent()["filter"] as { must: unknown[] };
    const [outer, beside] = sent()["prefetch"] as {
      filter: unknown;
      limit: number;
      prefetch: { filter: { must: unknown[] } }[];
    }[];
    expect([outer?.filter, beside?.filter]).toEqual([policy, policy]);
    expect(outer?.limit).toBe(1_000);
    expect(outer?.prefetch[0]?.filter.must[1]).toEqual(policy.must[0]);
  });

  test("batches are asked one by one and answered in their order", async () => {
    const searches = [
      { query: [1, 0], limit: 1 },
      { query: [-1, 0], limit: 1, with_payload: ["body"] },
    ];
    const found = await client.queryBatch("docs", { searches });
    expect(found.map((one) => ids(one.points))).toEqual([[1], [uuid]]);
    const older = await client.searchBatch("docs", {
      searches: [
        { vector: [1, 0], limit: 2 },
        { vector: [-1, 0], limit: 1 },
      ],
    });
    expect(older.map(ids)).toEqual([[1, 3], [uuid]]);
  });

  test("the older forms: search, recommend, discover, groups", async () => {
    expect(ids(await client.search("docs", { vector: [1, 0], with_vector: true }))).toEqual([1, 3, uuid]);
    expect(ids(await client.recommend("docs", { positive: [1], limit: 2 }))).toEqual([1, 3]);
    expect(ids(await client.discoverPoints("docs", { target: 3, limit: 2 } as never))).toEqual([1, 3]);
    const { groups } = await client.searchPointGroups("docs", {
      vector: [1, 0],
      group_by: "groups",
      group_size: 2,
      limit: 5,
    });
    expect(groups.map(({ id, hits }) => [id, ids(hits)])).toEqual([
      ["hr", [1, uuid]],
      ["it", [3, uuid]],
    ]);
  });

  test.each([
    ["another's", [2]],
    ["one that isn't there", [99]],
    ["one of two", [1, 2]],
  ])("points to search by must be the caller's: %s", async (_, positive) => {
    expect(await refusal(client.recommend("docs", { positive, limit: 2 }))).toBe("document_refused");
    expect(await refusal(client.query("docs", { query: positive.at(-1) as number }))).toBe(
      "document_refused",
    );
    expect(lab.received.every(({ path }) => path.endsWith("/points"))).toBe(true);
  });

  test("by ids, what isn't the caller's isn't there", async () => {
    expect(ids(await client.retrieve("docs", { ids: [1, 2, 4, 99, uuid] }))).toEqual([1, uuid]);
    const one = async (id: number) =>
      (await lab.ask("GET", `/collections/docs/points/${id}`)).body as { result: unknown };
    expect((await one(1)).result).toMatchObject({ id: 1, payload: { body: "one" }, vector: [1, 0] });
    expect(await one(2)).toEqual(await one(99));
    expect((await lab.ask("GET", "/collections/docs/points/2")).status).toBe(404);
  });

  test("pages go on where they ended, for who began them", async () => {
    const first = await client.scroll("docs", { limit: 2 });
    expect(ids(first.points)).toEqual([1, 3]);
    const offset = first.next_page_offset as string;
    expect(offset).not.toBe(uuid);
    const second = await client.scroll("docs", { limit: 2, offset });
    expect([ids(second.points), second.next_page_offset]).toEqual([[uuid], null]);
    const one = await client.scroll("docs", { limit: 1 });
    const three = await client.scroll("docs", { limit: 1, offset: one.next_page_offset as string });
    expect([ids(one.points), ids(three.points), sent()["offset"]]).toEqual([[1], [3], 3]);
    expect(await refusal(client.scroll("docs", { offset: 2 }))).toBe("unknown_cursor");
    expect(await refusal(client.scroll("docs", { offset: `${offset.slice(0, -2)}AA` }))).toBe(
      "unknown_cursor",
    );
  });

  test("where the store can't filter so, more is fetched and the rest left out", async () => {
    lab.narrow(inexact);
    const { points: found } = await client.query("docs", { query: [1, 0], limit: 2, offset: 1 });
    expect(ids(found)).toEqual([3, uuid]);
    // few at first, which is enough here
    expect(sent()).toMatchObject({ limit: 16 });
    expect(sent()["offset"]).toBeUndefined();
    const first = await client.scroll("docs", { limit: 2 });
    expect(ids(first.points)).toEqual([1, 3]);
    const next = await client.scroll("docs", { limit: 2, offset: first.next_page_offset as string });
    expect([ids(next.points), next.next_page_offset]).toEqual([[uuid], null]);
    expect(await refusal(client.count("docs", {}))).toBe("filter_not_expressible");
    expect(await refusal(client.facet("docs", { key: "groups" }))).toBe("filter_not_expressible");
    expect(await refusal(client.queryGroups("docs", { query: [1, 0], group_by: "level" }))).toBe(
      "filter_not_expressible",
    );
    expect(await refusal(client.delete("docs", { filter: { must: [] } }))).toBe("filter_not_expressible");
  });

  test("counts, facets and matrices are of the caller's documents", async () => {
    expect(await client.count("docs", { exact: true })).toEqual({ count: 3 });
    expect((await client.facet("docs", { key: "groups" })).hits).toEqual([
      { value: "hr", count: 2 },
      { value: "it", count: 2 },
    ]);
    expect((await client.searchMatrixPairs("docs", { sample: 5 })).pairs.map(({ a, b }) => [a, b])).toEqual([
      [1, 3],
      [1, uuid],
    ]);
  });

  test("what can't be met finds nothing, in each form, and nothing is sent", async () => {
    lab.narrow({ type: "compound", operator: "or", value: [] });
    expect((await client.query("docs", { query: [1, 0] })).points).toEqual([]);
    expect(await client.search("docs", { vector: [1, 0] })).toEqual([]);
    expect((await client.scroll("docs", {})).next_page_offset).toBeNull();
    expect(await client.count("docs", {})).toEqual({ count: 0 });
    expect(lab.received).toEqual([]);
  });

  test("a neutral query is a query", async () => {
    const ask = async (body: unknown) => {
      const answer = await fetch(`${lab.world.url}/v1/retrieval/docs/query`, {
        ...{ method: "POST", body: JSON.stringify(body) },
        headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
      });
      return (await answer.json()) as { documents?: { id: string; text: string }[]; code?: string };
    };
    expect((await ask({ vector: [1, 0], top_k: 2 })).documents?.map(({ id, text }) => [id, text])).toEqual([
      ["1", "one"],
      ["3", "three"],
    ]);
    expect((await ask({ ids: ["2", uuid] })).documents?.map(({ id }) => id)).toEqual([uuid]);
    await ask({ query: "holidays", top_k: 1 });
    expect(sent()["query"]).toEqual({ text: "holidays", model: "embed/small" });
    expect((await ask({ ids: ["nonsense"] })).code).toBe("invalid_request");
  });
});

describe("writing", () => {
  const vector = [0.1, 0.1];
  const stored = (id: unknown) => store.collections.get("docs")?.find((one) => one.id === id);

  test("brings what policy stamps, and only over the caller's own", async () => {
    lab.narrow(tenantA, [{ type: "stamp_documents", properties: { set: { tenant: "a" } } }]);
    await client.upsert("docs", { points: [{ id: 9, vector, payload: { level: 1 } }] });
    expect(stored(9)?.payload).toEqual({ level: 1, tenant: "a" });
    await client.upsert("docs", {
      batch: { ids: [10, 11], vectors: [vector, vector], payloads: [{ level: 2 }, null as never] },
    });
    expect([stored(10)?.payload, stored(11)?.payload]).toEqual([{ level: 2, tenant: "a" }, { tenant: "a" }]);
    expect(sent()["update_filter"]).toBeDefined();
    expect(
      await refusal(client.upsert("docs", { points: [{ id: 9, vector, payload: { tenant: "b" } }] })),
    ).toBe("document_refused");
    expect(await refusal(client.upsert("docs", { points: [{ id: 2, vector, payload: {} }] }))).toBe(
      "document_refused",
    );
    expect(stored(2)?.payload["body"]).toBe("two");
  });

  test("deletes and changes the caller's only, by ids or by a filter", async () => {
    expect(await refusal(client.delete("docs", { points: [1, 2] }))).toBe("document_refused");
    await client.delete("docs", { points: [1] });
    expect(sent()).toEqual({ filter: { must: [{ has_id: [1] }, expect.anything()] } });
    await client.delete("docs", { filter: { must: [{ key: "level", range: { gte: 0 } }] } });
    expect(store.collections.get("docs")?.map(({ id }) => id)).toEqual([2, 4, 5]);
  });

  test("changes what policy doesn't read freely, and what it does only with the whole in view", async () => {
    lab.narrow(tenantA);
    await client.setPayload("docs", { payload: { body: "new" }, filter: {} });
    expect([stored(1)?.payload["body"], stored(2)?.payload["body"]]).toEqual(["new", "two"]);
    await client.setPayload("docs", { payload: { level: 2 }, points: [1] });
    expect(stored(1)?.payload).toMatchObject({ level: 2, tenant: "a", body: "new" });
    const changes: [string, Promise<unknown>][] = [
      ["another tenant", client.setPayload("docs", { payload: { tenant: "b" }, points: [1] })],
      ["no tenant", client.setPayload("docs", { payload: { tenant: null }, points: [1] })],
      ["by a filter", client.setPayload("docs", { payload: { level: 1 }, filter: {} })],
      ["under a key", client.setPayload("docs", { payload: { x: 1 }, key: "tenant", points: [1] })],
      ["another's", client.setPayload("docs", { payload: { body: "x" }, points: [2] })],
      ["a key that policy reads", client.deletePayload("docs", { keys: ["tenant"], points: [1] })],
      ["a key that is hidden", client.deletePayload("docs", { keys: ["secret"], points: [1] })],
      ["all of it", client.clearPayload("docs", { points: [1] })],
      ["over all of it", client.overwritePayload("docs", { payload: { body: "x" }, points: [1] })],
    ];
    for (const [what, asked] of changes)
      expect([what, await refusal(asked)]).toEqual([what, "document_refused"]);
    await client.overwritePayload("docs", { payload: { tenant: "a", body: "over" }, points: [1] });
    expect(stored(1)?.payload).toEqual({ tenant: "a", body: "over" });
    await client.deletePayload("docs", { keys: ["body"], points: [1] });
    await client.updateVectors("docs", { points: [{ id: 1, vector: [0, 1] }] });
    expect(stored(1)).toMatchObject({ payload: { tenant: "a" }, vector: [0, 1] });
  });

  test("several operations in one: each is decided, none is sent unless all may be", async () => {
    await client.batchUpdate("docs", {
      operations: [
        { upsert: { points: [{ id: 12, vector, payload: { tenant: "a" } }] } },
        { set_payload: { payload: { body: "z" }, points: [12] } },
        { delete: { filter: { must: [{ has_id: [3] }] } } },
      ],
    });
    expect([stored(12)?.payload, stored(3)]).toEqual([{ tenant: "a", body: "z" }, undefined]);
    const asked = client.batchUpdate("docs", {
      operations: [{ delete: { points: [1] } }, { delete: { points: [2] } }],
    });
    expect(await refusal(asked)).toBe("document_refused");
    expect(stored(1)).toBeDefined();
  });
});

describe("credentials", () => {
  const search = (headers: Record<string, string>) =>
    fetch(`${lab.url}/collections/docs/points/search`, {
      ...{ method: "POST", body: JSON.stringify({ vector: [1, 0], limit: 1 }) },
      headers: { "content-type": "application/json", ...headers },
    });
  const seen = (): unknown[] => {
    const bearers: unknown[] = [];
    const { decide } = lab.sidecar;
    lab.sidecar.decide = (call, request) => {
      bearers.push(request.credentials.bearer);
      return decide(call, request);
    };
    return bearers;
  };

  test("stand where the client puts its key, unless they stand where ours do", async () => {
    const bearers = seen();
    expect((await search({ "api-key": callerToken })).status).toBe(200);
    expect((await search({ "api-key": "the-store's", authorization: `Bearer ${callerToken}` })).status).toBe(
      200,
    );
    expect(new Set(bearers)).toEqual(new Set([callerToken]));
    expect(lab.received.every(({ headers }) => headers["api-key"] === "the-store's-own")).toBe(true);
    expect((await search({ "api-key": "two words" })).status).toBe(401);
  });

  test("of stores say nothing elsewhere", async () => {
    const bearers = seen();
    await fetch(`${lab.world.url}/v1/retrieval/docs/query`, {
      ...{ method: "POST", body: JSON.stringify({ vector: [1, 0] }) },
      headers: { "content-type": "application/json", "api-key": callerToken },
    });
    expect(new Set(bearers)).toEqual(new Set([undefined]));
  });
});

describe("collections", () => {
  test("are those that are configured", async () => {
    lab.narrow(undefined);
    expect((await client.getCollections()).collections).toEqual([{ name: "docs" }]);
    expect((await client.getAliases()).aliases).toEqual([{ alias_name: "latest", collection_name: "docs" }]);
    const { payload_schema, points_count } = await client.getCollection("docs");
    expect(Object.keys(payload_schema)).toEqual(["tenant"]);
    // how many there are, whosever they are
    expect(points_count).toBeUndefined();
    expect(payload_schema["tenant"]?.points).toBe(0);
    expect(await client.collectionExists("docs")).toEqual({ exists: true });
    expect(await refusal(client.query("other", { query: [1, 0] }))).toBe("unknown_collection");
    expect(await refusal(client.query("latest", { query: [1, 0] }))).toBe("unknown_collection");
    expect(await refusal(client.createCollection("new", { vectors: { size: 2, distance: "Dot" } }))).toBe(
      "unknown_collection",
    );
    expect(
      await client.createPayloadIndex("docs", { field_name: "level", field_schema: "integer" }),
    ).toMatchObject({ status: "completed" });
    expect((await client.versionInfo()).version).toBe("1.18.0");
  });
});
