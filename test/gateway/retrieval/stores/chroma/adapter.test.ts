/** Chroma's adapter by itself, as data; and its table beside the routes that the real server lists. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Narrowing, StoreRequest } from "../../../../../gateway/retrieval/adapter.js";
import type { StoreConfig } from "../../../../../gateway/retrieval/config.js";
import { readStore } from "../../../../../gateway/retrieval/config.js";
import { chroma } from "../../../../../gateway/retrieval/stores/chroma/adapter.js";
import { clientId } from "../../../../../gateway/retrieval/stores/chroma/address.js";
import type { ChromaOperation } from "../../../../../gateway/retrieval/stores/chroma/operation.js";
import { findRoute } from "../../../../../gateway/retrieval/stores/chroma/routes.js";
import { settings } from "../../../../../gateway/retrieval/stores/chroma/settings.js";
import type { Condition, Json, JsonObject, Refusal } from "../../../../../sidecar/contract.js";
import { always, Fields, Problems } from "../../../../../sidecar/contract.js";
import type { ChromaServer } from "./server.js";
import { startChroma } from "./server.js";

const cursors = { give: (one: string) => one, take: (one: string) => one };

function readConfig(more: JsonObject = {}, collections?: JsonObject): StoreConfig {
  const problems = new Problems();
  const fields = { tenant: "tenant", level: { path: "level", type: "number" } };
  const value: JsonObject = {
    ...{ kind: "chroma", region: "eu", environment: "prod" },
    collections: collections ?? { docs: { fields }, other: {} },
    ...more,
  };
  const read = new Fields(value, "", problems);
  const store = readStore("kb", read, problems, {
    settings: { chroma: settings },
    readUpstream: () => ({ url: new URL("http://store.test") }) as never,
  });
  read.end();
  if (problems.list.length > 0) throw new Error(problems.list.join("; "));
  return store;
}

const request = (method: string, path: string, body?: Json): StoreRequest => ({
  ...{ kind: "request", method: method as "GET", segments: path.slice(1).split("/") },
  ...{ query: new Map(), body, form: body === undefined ? "none" : "json", headers: {} },
});
const at = (route: string, tenant = "default_tenant", database = "default_database", name = "docs"): string =>
  `/api/v2/tenants/${tenant}/databases/${database}/collections/${clientId({ store: "kb", name })}${route}`;
const classify = (store: StoreConfig, ...of: Parameters<typeof request>): ChromaOperation | Refusal =>
  chroma.classify(request(...of), store, cursors);

function operation(store: StoreConfig, ...of: Parameters<typeof request>): ChromaOperation {
  const read = classify(store, ...of);
  if (read.kind === "refusal") throw new Error(read.message);
  return read;
}

const narrowing = (condition: Condition = always, more: Partial<Narrowing> = {}): Narrowing => ({
  ...{ condition, most: 1_000, hidden: [], topK: 100, ...more },
});
const field = (operator: string, name: string, value: unknown): Condition =>
  ({ type: "field", operator, field: name, value }) as Condition;

describe("every route that the server lists is in the table", () => {
  let server: ChromaServer;
  beforeAll(async () => {
    server = await startChroma();
  });
  afterAll(() => server.close());

  test("by the document that it gives", async () => {
    const { body } = await server.ask("GET", "/openapi.json");
    const { paths } = body as { paths: Record<string, Record<string, unknown>> };
    const listed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
    );
    expect(listed.length).toBeGreaterThan(30);
    const missing = listed.filter(
      ([method, path]) => findRoute(method, path.slice(1).split("/")) === undefined,
    );
    expect(missing).toEqual([]);
  });
});

describe("what policy is told of a query", () => {
  test("is one ask for each embedding; sizes and digests, nothing of what is in it", () => {
    const body = {
      ...{
        query_embeddings: [
          [0.125, 0.25],
          [0.5, 0.75],
        ],
        n_results: 7,
        include: ["embeddings"],
      },
      ...{ where: { owner: "somebody" }, where_document: { $contains: "words" }, ids: ["an-id"] },
    };
    const { asks } = operation(readConfig(), "POST", at("/query"), body);
    expect(asks).toEqual(
      [0, 1].map(() => ({
        ...{
          action: "retrieval.query",
          effect: "find",
          name: "docs",
          collection: expect.objectContaining({ key: "docs" }),
        },
        query: {
          ...{ kinds: ["vector", "filter", "ids"], top_k: 7, dimensions: 2, bytes: expect.any(Number) },
          ...{
            sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
            vectors: true,
            fields: ["owner", "#document"],
          },
        },
      })),
    );
    expect(asks[0]?.query?.sha256).not.toBe(asks[1]?.query?.sha256);
    expect(JSON.stringify(asks.map(({ query }) => query))).not.toMatch(/0\.125|somebody|words|an-id/);
  });

  test("different conditions of one request's queries are sent as what either finds", () => {
    const asked = operation(readConfig(), "POST", at("/query"), { query_embeddings: [[1], [2]] });
    const narrowings = [field("eq", "tenant", "a"), field("eq", "tenant", "b")].map((one) => narrowing(one));
    const sent = chroma.narrow(asked, narrowings, readConfig());
    expect(sent).toMatchObject({
      exact: [false, false],
      request: {
        body: { where: { $or: [{ tenant: { $eq: "a" } }, { tenant: { $eq: "b" } }] }, n_results: 1_000 },
      },
    });
    const open = chroma.narrow(asked, [narrowing(), narrowing(field("eq", "tenant", "b"))], readConfig());
    expect(open).not.toHaveProperty("request.body.where");
  });
});

describe("a tenant or a database of Chroma's that stands for a field", () => {
  const fields = { tenant: "$namespace", level: "level" };
  const parted = (namespace: string): StoreConfig =>
    readConfig({ namespace }, { docs: { fields }, other: {} });

  test.each([
    ["tenant", at("/get", "acme"), "acme"],
    ["database", at("/get", "default_tenant", "acme"), "acme"],
  ])("%s", (namespace, path, expected) => {
    const store = parted(namespace);
    const read = operation(store, "POST", path, {});
    expect(read.asks[0]).toMatchObject({ namespace: expected, collection: { key: "docs" } });
    const sent = chroma.narrow(read, [narrowing()], store);
    expect(sent).toHaveProperty("request.addressed.by.path", expect.stringContaining(`/acme/`));
    const looked = chroma.lookUp(read.collection as never, ["x"], "acme", store);
    expect(looked.request.addressed?.by.path).toBe((sent as typeof looked).request.addressed?.by.path);
  });

  test("reaches collections that have the field only, and the other part stays what it is", () => {
    const store = parted("tenant");
    expect(
      operation(store, "POST", at("/get", "acme", "default_database", "other"), {}).asks[0],
    ).not.toHaveProperty("collection");
    expect(classify(store, "POST", at("/get", "acme", "elsewhere"), {})).toMatchObject({
      code: "unknown_collection",
    });
    expect(classify(readConfig(), "POST", at("/get", "acme"), {})).toMatchObject({
      code: "unknown_collection",
    });
  });

  test.each(["..", ".", ""])("isn't a part of the path that leads elsewhere: %j", (namespace) => {
    const store = parted("tenant");
    const [collection] = store.collections.values();
    const asked = chroma.ask?.({ vector: [1], topK: 1, namespace }, collection as never, store);
    expect(asked?.kind).toBe("request");
    expect(chroma.classify(asked as StoreRequest, store, cursors)).toMatchObject({
      code: "unknown_collection",
    });
  });

  test("is asked about where it is described or listed", () => {
    const store = parted("tenant");
    const path = "/api/v2/tenants/acme/databases/default_database";
    for (const each of ["/api/v2/tenants/acme", path, `${path}/collections`])
      expect(operation(store, "GET", each).asks[0]).toMatchObject({ name: "", namespace: "acme" });
  });
});

test("the store is asked for the UUID that a name has, and takes no other's answer", () => {
  const sent = chroma.narrow(operation(readConfig(), "POST", at("/get"), {}), [narrowing()], readConfig());
  if (sent.kind === "refusal") throw new Error(sent.message);
  const { addressed } = sent.request;
  const uuid = "64ffb5e4-38f7-4e19-b34d-4ae4b28b883c";
  expect(addressed?.by).toEqual({ method: "GET", path: at("").replace(/[^/]+$/, "docs") });
  expect(addressed?.path({ status: 200, value: { name: "docs", id: uuid } })).toBe(
    at("/get").replace(/[^/]+\/get$/, `${uuid}/get`),
  );
  for (const value of [
    { name: "other", id: uuid },
    { name: "docs", id: "../../x" },
    { name: "docs" },
    undefined,
    [],
  ])
    expect(addressed?.path({ status: 200, value })).toMatchObject({ code: "upstream_invalid" });
});

test.each(["HEAD", "PATCH"])("%s isn't taken for GET", (method) => {
  expect(classify(readConfig(), method, at("/count"))).toMatchObject({ code: "unknown_operation" });
});

test("get_or_create describes, unless the store is to create", () => {
  const path = at("").replace(/\/[^/]+$/, "");
  const body = { name: "docs", get_or_create: true };
  const described = operation(readConfig(), "POST", path, body);
  expect(described.asks[0]?.action).toBe("collection.describe");
  expect(chroma.narrow(described, [narrowing()], readConfig())).toMatchObject({ request: { method: "GET" } });
  const store = readConfig({ get_or_create: "create" });
  const created = operation(store, "POST", path, body);
  expect(created.asks[0]?.action).toBe("collection.create");
  expect(chroma.narrow(created, [narrowing()], store)).toMatchObject({ request: { method: "POST", body } });
});

describe("an answer in which documents can't be seen is refused", () => {
  const store = readConfig();
  const asked = operation(store, "POST", at("/query"), {
    query_embeddings: [[1], [2]],
    include: ["documents"],
  });
  const whole = { ids: [["a"], ["b", "c"]], metadatas: [[{}], [{}, null]], documents: [["x"], ["y", null]] };
  const read = (value: Json): unknown => {
    const sent = chroma.narrow(asked, [narrowing(), narrowing()], store);
    if (sent.kind === "refusal") throw new Error(sent.message);
    return chroma.results(asked, sent, { status: 200, value }, cursors);
  };
  test("the whole one isn't", () => {
    expect(read(whole)).toMatchObject({
      kind: "found",
      items: [
        { ask: 0, id: "a", text: "x" },
        { ask: 1, id: "b" },
        { ask: 1, id: "c" },
      ],
    });
  });
  test.each<[string, Json]>([
    ["no metadata", { ...whole, metadatas: null }],
    ["metadata of fewer", { ...whole, metadatas: [[{}], [{}]] }],
    ["metadata that is none", { ...whole, metadatas: [[{}], [{}, "x"]] }],
    ["more texts than ids", { ...whole, documents: [["x"], ["y", "z", "more"]] }],
    ["another query's results", { ...whole, ids: [...whole.ids, ["d"]] }],
    ["ids that are none", { ...whole, ids: [[1], ["b", "c"]] }],
    ["no table", [whole]],
  ])("%s", (_name, value) => {
    expect(read(value)).toMatchObject({ kind: "refusal", code: "upstream_invalid" });
  });
});

test("a count that may be of more isn't told", () => {
  const store = readConfig();
  const asked = operation(store, "GET", at("/count"));
  const sent = chroma.narrow(asked, [narrowing(field("eq", "tenant", "a"))], store);
  if (sent.kind === "refusal") throw new Error(sent.message);
  const of = (count: number): unknown =>
    chroma.results(
      asked,
      sent,
      { status: 200, value: { ids: Array.from({ length: count }, (_one, i) => `${i}`) } },
      cursors,
    );
  expect(of(9_999)).toMatchObject({ count: 9_999 });
  expect(of(10_000)).toMatchObject({ code: "retrieval_limit" });
});
