/** Collections through the real gateway to a real Chroma server, and what is refused before it is asked. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { clientId } from "../../../../../gateway/retrieval/stores/chroma/address.js";
import type { ChromaLab } from "./handbook.js";
import { acme, at, startChromaLab } from "./handbook.js";
import { home } from "./server.js";

let { chroma, lab, uuids, close } = {} as ChromaLab;
beforeAll(async () => {
  ({ chroma, lab, uuids, close } = await startChromaLab());
});
afterAll(() => close());
beforeEach(() => {
  lab.received.length = 0;
  lab.narrow(acme);
});

describe("collections", () => {
  test("are known by the configuration's names, under ids that say nothing of the store's", async () => {
    const { body } = await lab.ask("GET", `${home}/collections`);
    const listed = body as { id: string; name: string; log_position: number }[];
    expect(listed.map(({ name }) => name).sort()).toEqual(["handbook", "secrets"]);
    expect(listed.map(({ id, name }) => id === clientId({ store: "lab", name }))).toEqual([true, true]);
    expect(listed.map(({ log_position: position }) => position)).toEqual([0, 0]);
    expect((await lab.ask("GET", `${home}/collections?limit=1&offset=1`)).body).toHaveLength(1);
    expect((await lab.ask("GET", `${home}/collections_count`)).body).toBe(2);
    expect(
      (await lab.ask("GET", at("handbook").replace("collections/", "collections/by-id/"))).body,
    ).toMatchObject({
      name: "handbook",
    });
  });

  test("are made, described, changed and deleted where they are configured", async () => {
    const make = (name: string, more: object = {}): Promise<{ status: number; body: unknown }> =>
      lab.ask("POST", `${home}/collections`, { name, ...more });
    expect((await make("spare-one", { get_or_create: true })).status).toBe(404);
    expect(await make("spare-one")).toMatchObject({
      status: 200,
      body: { id: clientId({ store: "lab", name: "spare-one" }) },
    });
    expect(await make("spare-one", { get_or_create: true })).toMatchObject({
      status: 200,
      body: { name: "spare-one" },
    });
    expect(await lab.ask("PUT", at("spare-one"), { new_metadata: { note: "x" } })).toMatchObject({
      status: 200,
    });
    expect(await lab.ask("PUT", at("spare-one"), { new_name: "others" })).toMatchObject({ status: 400 });
    expect(await lab.ask("GET", `${home}/collections/spare-one`)).toMatchObject({
      body: { metadata: { note: "x" } },
    });
    expect(await lab.ask("DELETE", `${home}/collections/spare-one`)).toMatchObject({ status: 200 });
    expect((await make("elsewhere")).status).toBe(404);
    expect((await chroma.ask("GET", `${home}/collections/elsewhere`)).status).toBe(404);
  });

  test("are asked for once in a while; one that is made anew is found at once", async () => {
    lab.narrow(undefined);
    const document = { embedding: [1], metadata: { tenant: "acme" } };
    const ids = async (): Promise<unknown> =>
      ((await lab.ask("POST", at("spare-one", "/get"), {})).body as { ids: unknown }).ids;
    for (const id of ["first", "second"]) {
      await chroma.fill("spare-one", [{ id, ...document }]);
      expect(await ids()).toEqual([id]);
      lab.received.length = 0;
      expect(await ids()).toEqual([id]);
      expect(lab.received.map(({ method }) => method)).toEqual(["POST"]);
      await chroma.ask("DELETE", `${home}/collections/spare-one`);
    }
    expect((await lab.ask("POST", at("spare-one", "/get"), {})).status).toBe(404);
  });

  test("identity, tenant and database are the store's own", async () => {
    expect((await lab.ask("GET", "/api/v2/auth/identity")).body).toEqual({
      ...{ user_id: "", tenant: "default_tenant", databases: ["default_database"] },
    });
    expect((await lab.ask("GET", "/api/v2/tenants/default_tenant")).body).toEqual({ name: "default_tenant" });
    expect((await lab.ask("GET", home)).body).toMatchObject({ name: "default_database" });
    expect((await lab.ask("GET", "/api/v2/tenants/default_tenant/databases")).body).toHaveLength(1);
  });

  test("what tells nothing is passed on", async () => {
    for (const path of ["heartbeat", "version", "pre-flight-checks", "healthcheck"])
      expect((await lab.ask("GET", `/api/v2/${path}`)).status).toBe(200);
  });
});

interface Attack {
  readonly name: string;
  readonly method?: string;
  readonly path: () => string;
  readonly body?: unknown;
  readonly code: string;
}
const query = (more: object): object => ({ query_embeddings: [[1, 0]], ...more });
const attacks: readonly Attack[] = [
  {
    name: "the store's own UUID",
    path: () => `${home}/collections/${uuids["handbook"]}/get`,
    body: {},
    code: "unknown_collection",
  },
  {
    name: "… of a collection that isn't configured",
    path: () => `${home}/collections/${uuids["others"]}/query`,
    body: query({}),
    code: "unknown_collection",
  },
  { name: "its name", method: "GET", path: () => `${home}/collections/others`, code: "unknown_collection" },
  {
    name: "its deletion",
    method: "DELETE",
    path: () => `${home}/collections/others`,
    code: "unknown_collection",
  },
  {
    name: "another tenant",
    path: () => at("handbook", "/get").replace("default_tenant", "beta"),
    body: {},
    code: "unknown_collection",
  },
  {
    name: "another database",
    path: () => at("handbook", "/get").replace("default_database", "beta"),
    body: {},
    code: "unknown_collection",
  },
  {
    name: "another tenant's databases",
    method: "GET",
    path: () => "/api/v2/tenants/beta/databases",
    code: "unknown_collection",
  },
  { name: "a new tenant", path: () => "/api/v2/tenants", body: { name: "x" }, code: "unknown_operation" },
  { name: "reset", path: () => "/api/v2/reset", code: "unknown_operation" },
  {
    name: "fork",
    path: () => at("handbook", "/fork"),
    body: { new_name: "spare-one" },
    code: "unknown_operation",
  },
  {
    name: "search",
    path: () => at("handbook", "/search"),
    body: { searches: [] },
    code: "unknown_operation",
  },
  { name: "functions", path: () => at("handbook", "/functions/attach"), body: {}, code: "unknown_operation" },
  {
    name: "a resource name",
    method: "GET",
    path: () => "/api/v2/collections/a:b:c",
    code: "unknown_operation",
  },
  {
    name: "v1",
    path: () => `/api/v1/collections/${uuids["handbook"]}/get`,
    body: {},
    code: "unknown_operation",
  },
  { name: "no such route", path: () => at("handbook", "/peek"), body: {}, code: "unknown_operation" },
  {
    name: "a parameter that isn't one",
    path: () => `${at("handbook", "/query")}?limit=1`,
    body: query({}),
    code: "invalid_request",
  },
  {
    name: "a field that isn't one",
    path: () => at("handbook", "/query"),
    body: query({ filter: {} }),
    code: "invalid_request",
  },
  {
    name: "an unknown column",
    path: () => at("handbook", "/query"),
    body: query({ include: ["secrets"] }),
    code: "invalid_request",
  },
  {
    name: "all results",
    path: () => at("handbook", "/query"),
    body: query({ n_results: 5_000 }),
    code: "retrieval_limit",
  },
  {
    name: "deep pages",
    path: () => at("handbook", "/get"),
    body: { offset: 9_999 },
    code: "retrieval_limit",
  },
  {
    name: "too many queries",
    path: () => at("handbook", "/query"),
    body: { query_embeddings: Array.from({ length: 65 }, () => [1]) },
    code: "retrieval_limit",
  },
  ...["/delete", "/query", "/get"].map((route): Attack => ({
    ...{ name: `no ids at all: ${route}`, path: () => at("handbook", route), code: "invalid_request" },
    body: route === "/query" ? query({ ids: [] }) : { ids: [], where: { level: 1 } },
  })),
  {
    name: "a delete of everything",
    path: () => at("handbook", "/delete"),
    body: {},
    code: "invalid_request",
  },
  {
    name: "an id twice",
    path: () => at("handbook", "/upsert"),
    body: { ids: ["a", "a"], embeddings: [[1], [1]] },
    code: "invalid_request",
  },
  {
    name: "fewer metadatas than ids",
    path: () => at("handbook", "/add"),
    body: { ids: ["a", "b"], embeddings: [[1], [1]], metadatas: [{ tenant: "acme" }] },
    code: "invalid_request",
  },
  {
    name: "the server's own key",
    path: () => at("handbook", "/add"),
    body: { ids: ["a"], embeddings: [[1]], metadatas: [{ "chroma:document": "x" }] },
    code: "invalid_request",
  },
  ...(
    [
      ["$not", { $not: { tenant: "beta" } }],
      ["two keys", { tenant: "acme", level: 1 }],
      ["two operators", { level: { $gt: 1, $lt: 3 } }],
      ["an unknown operator", { level: { $exists: true } }],
      ["null", { tenant: null }],
      ["the text's second name", { "chroma:document": "x" }],
      ["a list where a value is", { tenant: ["acme"] }],
      ["a pattern on metadata", { tenant: { $regex: ".*" } }],
      ["a long pattern", { "#document": { $regex: "a".repeat(300) } }],
      ["a pattern that repeats", { "#document": { $regex: "(a{1000}){1000}" } }],
      ["many patterns", { $or: Array.from({ length: 5 }, () => ({ "#document": { $regex: "a" } })) }],
      ["too many members", { $or: Array.from({ length: 300 }, () => ({ tenant: "a" })) }],
    ] as const
  ).map(([name, where]): Attack => ({
    ...{
      name: `where: ${name}`,
      path: () => at("handbook", "/query"),
      body: query({ where }),
      code: "filter_refused",
    },
  })),
];
test.each(attacks.map((one) => [one.name, one] as const))(
  "refused: %s",
  async (_name, { method = "POST", path, body, code }) => {
    lab.narrow(undefined);
    const answer = await lab.ask(method, path(), body);
    expect(answer).toMatchObject({ body: { error: expect.any(String), message: expect.any(String), code } });
    expect(lab.received).toEqual([]);
  },
);
