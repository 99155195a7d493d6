/** Pinecone's own client, unmodified, through the real gateway; its key is the caller's token. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type Index, Pinecone } from "@pinecone-database/pinecone";
import type { Condition } from "../../../../../sidecar/contract.js";
import { callerToken } from "../../../world.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import { type PineconeServer, startPinecone, type Stored } from "./server.js";

const records = (): Stored[] => [
  { id: "d1", values: [1, 0], metadata: { tenant: "a", level: 1, body: "one", secret: "s" } },
  { id: "d2", values: [0.9, 0], metadata: { tenant: "b", level: 1, body: "two" } },
  { id: "d3", values: [0.8, 0], metadata: { tenant: "a", level: 3, body: "three" } },
  { id: "d4", values: [0.7, 0], metadata: { tenant: ["a"], level: 1, body: "four" } },
  { id: "d5", values: [0.6, 0], metadata: { level: 1, body: "five" } },
  { id: "e6", values: [0.5, 0], metadata: { tenant: "a", level: 2, body: "six" } },
];
const tenantA: Condition = { type: "field", operator: "eq", field: "tenant", value: "a" };
const low: Condition = { type: "field", operator: "le", field: "level", value: 2 };

let store: PineconeServer;
let lab: StoreLab;
let typed: StoreLab;
let control: StoreLab;
let index: Index;

const collection = {
  fields: { tenant: "tenant", level: { type: "number" } },
  hidden: ["secret"],
  text: "body",
};
const clientOf = (one: StoreLab): Pinecone =>
  new Pinecone({ apiKey: callerToken, controllerHostUrl: one.url });

beforeAll(async () => {
  store = await startPinecone({ __default__: records(), other: [] });
  lab = await startStoreLab(store.url, {
    kind: "pinecone",
    collections: { docs: { ...collection, pinecone: { embeds: true } } },
  });
  typed = await startStoreLab(store.url, {
    kind: "pinecone",
    collections: {
      docs: { ...collection, fields: { ...collection.fields, ns: "$namespace" }, pinecone: { typed: true } },
    },
  });
  control = await startStoreLab(store.url, {
    kind: "pinecone",
    plane: "control",
    collections: { docs: { pinecone: { host: lab.url } }, other: {} },
  });
  index = clientOf(lab).index({ host: lab.url });
});
afterAll(async () => {
  for (const one of [lab, typed, control]) await one.close();
  await store.close();
});
beforeEach(() => {
  store.namespaces.clear();
  store.namespaces.set("__default__", records());
  for (const one of [lab, typed, control]) one.received.length = 0;
  lab.narrow(tenantA);
  typed.narrow(tenantA);
});

const sent = (at = -1): Record<string, unknown> =>
  JSON.parse(lab.received.at(at)?.body ?? "{}") as Record<string, unknown>;
const ids = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id);
/** What the gateway refuses with; the client keeps the text of the answer. */
const refusal = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "given",
    (error: unknown) => /\[([a-z_]+)(?:;|\])/.exec(String((error as Error).message))?.[1] ?? String(error),
  );

describe("reading", () => {
  test("queries find the caller's records only, in their order, without what is hidden", async () => {
    const { matches } = await index.query({ vector: [1, 0], topK: 10, includeMetadata: true });
    expect(ids(matches)).toEqual(["d1", "d3", "e6"]);
    expect(matches[0]).toMatchObject({ score: 1, metadata: { tenant: "a", level: 1, body: "one" } });
    expect(matches[0]?.metadata).not.toHaveProperty("secret");
    const bare = await index.query({ vector: [1, 0], topK: 2, includeValues: true });
    expect(bare.matches.map(({ id, values, metadata }) => [id, values, metadata])).toEqual([
      ["d1", [1, 0], undefined],
      ["d3", [0.8, 0], undefined],
    ]);
  });

  test("the caller's filter stands beside policy's, whatever it says", async () => {
    const filter = { $or: [{ tenant: { $eq: "b" } }, { tenant: { $ne: "b" } }] };
    expect(ids((await index.query({ vector: [1, 0], topK: 10, filter })).matches)).toEqual([
      "d1",
      "d3",
      "e6",
    ]);
    expect(sent()["filter"]).toEqual({ $and: [filter, { tenant: { $eq: "a" } }] });
  });

  test("more is fetched where a list could have the text, and only so much where not", async () => {
    await index.query({ vector: [1, 0], topK: 2 });
    // few at first, which is enough here
    expect(sent()["topK"]).toBe(16);
    lab.narrow(low);
    await index.query({ vector: [1, 0], topK: 2 });
    expect(sent()).toMatchObject({ topK: 2, includeMetadata: true });
  });

  test.each([
    ["another's", "d2"],
    ["one that isn't there", "none"],
  ])("a record to search by must be the caller's: %s", async (_, id) => {
    expect(await refusal(index.query({ id, topK: 2 }))).toBe("document_refused");
    expect(lab.received.map(({ path }) => path.slice(0, 14))).toEqual(["/vectors/fetch"]);
    expect(ids((await index.query({ id: "d3", topK: 1 })).matches)).toEqual(["d1"]);
  });

  test("by ids, what isn't the caller's isn't there", async () => {
    const { records: found } = await index.fetch({ ids: ["d1", "d2", "d4", "none"] });
    expect(Object.keys(found)).toEqual(["d1"]);
    expect(found["d1"]).toMatchObject({ values: [1, 0], metadata: { body: "one" } });
  });

  test("by metadata, page by page, for who began", async () => {
    const first = await index.fetchByMetadata({ filter: { level: { $gte: 1 } }, limit: 2 });
    expect(Object.keys(first.records)).toEqual(["d1", "d3"]);
    const token = first.pagination?.next ?? "";
    const second = await index.fetchByMetadata({
      filter: { level: { $gte: 1 } },
      limit: 2,
      paginationToken: token,
    });
    expect([Object.keys(second.records), second.pagination]).toEqual([["e6"], undefined]);
    expect(await refusal(index.fetchByMetadata({ filter: {}, paginationToken: "2" }))).toBe("unknown_cursor");
    expect(await refusal(index.listPaginated({ paginationToken: token }))).toBe("unknown_cursor");
  });

  test("lists are of the caller's records", async () => {
    expect(ids(((await index.listPaginated({ prefix: "d" })).vectors ?? []) as { id: string }[])).toEqual([
      "d1",
      "d3",
    ]);
    expect(lab.received.at(-1)?.path).toBe("/vectors/fetch_by_metadata");
    lab.narrow(undefined);
    const first = await index.listPaginated({ prefix: "d", limit: 4 });
    expect(first.vectors?.length).toBe(4);
    const next = await index.listPaginated({
      prefix: "d",
      limit: 4,
      paginationToken: first.pagination?.next ?? "",
    });
    expect(next.vectors?.map(({ id }) => id)).toEqual(["d5"]);
    lab.narrow({ type: "compound", operator: "not", value: [tenantA] });
    expect(await refusal(index.listPaginated())).toBe("filter_not_expressible");
  });

  test("texts that the index embeds", async () => {
    const { result } = await index.searchRecords({
      query: { topK: 2, inputs: { text: "three" } },
      fields: ["body", "secret"],
    });
    expect(result.hits.map(({ _id, fields }) => [_id, fields])).toEqual([
      ["d3", { body: "three" }],
      ["d1", { body: "one" }],
    ]);
    expect(sent()).toMatchObject({ fields: ["body", "secret", "tenant", "level"], query: { top_k: 1_000 } });
    const rerank = { model: "m", rankFields: ["body"], topN: 1 };
    await index.searchRecords({ query: { topK: 2, inputs: { text: "three" } }, rerank });
    expect(sent()).toMatchObject({
      query: { top_k: 2 },
      rerank: { model: "m", rank_fields: ["body"], top_n: 1 },
    });
    expect(
      await refusal(
        index.searchRecords({
          query: { topK: 2, inputs: { text: "x" } },
          rerank: { ...rerank, rankFields: ["secret"] },
        }),
      ),
    ).toBe("field_hidden");
  });

  test("a neutral query is a query, a search or a fetch", async () => {
    const ask = async (body: unknown) => {
      const answer = await fetch(`${lab.world.url}/v1/retrieval/docs/query`, {
        ...{ method: "POST", body: JSON.stringify(body) },
        headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
      });
      return (await answer.json()) as { documents?: { id: string; text: string }[]; code?: string };
    };
    expect((await ask({ vector: [1, 0], top_k: 2 })).documents?.map(({ id, text }) => [id, text])).toEqual([
      ["d1", "one"],
      ["d3", "three"],
    ]);
    expect((await ask({ query: "six", top_k: 1 })).documents?.map(({ id }) => id)).toEqual(["e6"]);
    expect((await ask({ ids: ["d1", "d2"] })).documents?.map(({ id }) => id)).toEqual(["d1"]);
    expect((await ask({ ids: ["d1"], vector: [1, 0] })).code).toBe("invalid_request");
  });

  test("how large an index is, but not what is in it", async () => {
    const { dimension, namespaces } = await index.describeIndexStats();
    expect([dimension, namespaces]).toEqual([2, {}]);
    expect(await refusal(index.listNamespaces())).toBe("unknown_operation");
    expect(await refusal(index.describeNamespace("__default__"))).toBe("filter_not_expressible");
    lab.narrow(undefined);
    expect((await index.describeNamespace("__default__")).recordCount).toBe(6);
  });
});

describe("writing", () => {
  const stored = (id: string, namespace = "__default__") =>
    store.namespaces.get(namespace)?.find((one) => one.id === id);
  const values = [0.1, 0.1];

  test("brings what policy stamps, and only over the caller's own", async () => {
    lab.narrow(tenantA, [{ type: "stamp_documents", properties: { set: { tenant: "a" } } }]);
    await index.upsert({ records: [{ id: "n1", values, metadata: { level: 1 } }] });
    expect(stored("n1")?.metadata).toEqual({ tenant: "a", level: 1 });
    expect(await refusal(index.upsert({ records: [{ id: "n2", values, metadata: { tenant: "b" } }] }))).toBe(
      "document_refused",
    );
    expect(await refusal(index.upsert({ records: [{ id: "d2", values, metadata: { tenant: "a" } }] }))).toBe(
      "document_refused",
    );
    await index.upsertRecords({
      records: [
        { _id: "n3", body: "text" },
        { id: "n4", body: "more", tenant: "a" },
      ],
    });
    expect([stored("n3")?.metadata, stored("n4")?.metadata]).toEqual([
      { body: "text", tenant: "a" },
      { body: "more", tenant: "a" },
    ]);
    expect(lab.received.at(-1)?.headers["content-type"]).toBe("application/x-ndjson");
  });

  test("updates by id with the whole in view, by a filter only what policy doesn't read", async () => {
    await index.update({ id: "d1", metadata: { level: 2, body: "new" } });
    expect(stored("d1")?.metadata).toMatchObject({ tenant: "a", level: 2, body: "new" });
    expect(await refusal(index.update({ id: "d1", metadata: { tenant: "b" } }))).toBe("document_refused");
    expect(await refusal(index.update({ id: "d2", metadata: { body: "x" } }))).toBe("document_refused");
    expect(await refusal(index.update({ id: "d2", values }))).toBe("document_refused");
    expect(await refusal(index.update({ filter: { body: "one" }, metadata: { body: "x" } }))).toBe(
      "filter_not_expressible",
    );
    lab.narrow(low);
    await index.update({ filter: { tenant: "a" }, metadata: { body: "low" } });
    expect([stored("d1")?.metadata["body"], stored("d3")?.metadata["body"]]).toEqual(["low", "three"]);
    expect(await refusal(index.update({ filter: { tenant: "a" }, metadata: { tenant: "b" } }))).toBe(
      "document_refused",
    );
  });

  test("deletes the caller's only", async () => {
    expect(await refusal(index.deleteMany({ ids: ["d1", "d2"] }))).toBe("document_refused");
    await index.deleteOne({ id: "d1" });
    expect(stored("d1")).toBeUndefined();
    expect(await refusal(index.deleteAll())).toBe("filter_not_expressible");
    expect(await refusal(index.deleteMany({ filter: { level: 1 } }))).toBe("filter_not_expressible");
    lab.narrow(low);
    await index.deleteAll();
    expect(sent()).toEqual({
      filter: { level: { $gte: -Number.MAX_SAFE_INTEGER, $lte: 2 } },
    });
    expect(store.namespaces.get("__default__")?.map(({ id }) => id)).toEqual(["d3"]);
  });
});

describe("namespaces", () => {
  test("stand for a field: a request names one, and reaches no other", async () => {
    store.namespaces.set("t1", [{ id: "x", values: [1, 0], metadata: { tenant: "a" } }]);
    const of = clientOf(typed).index({ host: typed.url });
    typed.narrow({
      type: "compound",
      operator: "and",
      value: [tenantA, { type: "field", operator: "eq", field: "ns", value: "t1" }],
    });
    expect(ids((await of.query({ vector: [1, 0], topK: 5, namespace: "t1" })).matches)).toEqual(["x"]);
    expect(JSON.parse(typed.received.at(-1)?.body ?? "{}")).toMatchObject({
      filter: { tenant: { $eq: "a" } },
      topK: 5,
      namespace: "t1",
    });
    expect(ids((await of.query({ vector: [1, 0], topK: 5 })).matches)).toEqual([]);
    expect(ids((await of.query({ vector: [1, 0], topK: 5, namespace: "other" })).matches)).toEqual([]);
    expect(typed.received.length).toBe(1);
    // no name, and the default's, are one
    typed.narrow({ type: "field", operator: "eq", field: "ns", value: "__default__" });
    expect((await of.query({ vector: [1, 0], topK: 9 })).matches.length).toBe(6);
    await of.deleteAll({ namespace: "__default__" });
    expect(store.namespaces.get("__default__")).toEqual([]);
    expect(await refusal(of.deleteNamespace("t1"))).toBe("nothing_allowed");
  });
});

describe("the control plane", () => {
  test("shows indexes that are configured, and where they are through the gateway", async () => {
    const pinecone = clientOf(control);
    expect((await pinecone.listIndexes()).indexes?.map(({ name, host }) => [name, host])).toEqual([
      ["docs", lab.url],
    ]);
    expect((await pinecone.describeIndex("docs")).host).toBe(lab.url);
    expect((await control.ask("GET", "/indexes/secret")).body).toMatchObject({
      error: { code: "UNKNOWN_COLLECTION" },
    });
    expect(await refusal(pinecone.listBackups({}))).toBe("unknown_operation");
    // a client that asks where the index is gets to the gateway again
    expect(ids((await pinecone.index("docs").query({ vector: [1, 0], topK: 1 })).matches)).toEqual(["d1"]);
  });

  test("and the data plane are two stores", async () => {
    expect((await control.ask("POST", "/query", { vector: [1], topK: 1 })).status).toBe(404);
    expect((await lab.ask("GET", "/indexes")).status).toBe(404);
  });
});
