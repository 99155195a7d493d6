/** Chroma's API through the real gateway to a real server: what comes back, and what the store received. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { clientId } from "../../../../../gateway/retrieval/stores/chroma/address.js";
import type { Condition } from "../../../../../sidecar/contract.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import type { ChromaServer } from "./server.js";
import { home, startChroma } from "./server.js";

const handbook = [
  {
    id: "a1",
    embedding: [1, 0],
    metadata: { tenant: "acme", class: "public", level: 1 },
    text: "acme public",
  },
  {
    id: "a2",
    embedding: [0.9, 0],
    metadata: { tenant: "acme", class: "secret", level: 5 },
    text: "acme secret",
  },
  {
    id: "b1",
    embedding: [1, 0.1],
    metadata: { tenant: "beta", class: "public", level: 1 },
    text: "beta public",
  },
  { id: "n1", embedding: [1, 0.2], metadata: { class: "public" }, text: "nobody's" },
  { id: "z1", embedding: [1, 0.3], text: "without metadata" },
  { id: "l1", embedding: [1, 0.4], metadata: { tenant: ["acme"], level: "5" }, text: "a list for a tenant" },
];
const config = {
  kind: "chroma",
  collections: {
    manual: {
      name: "handbook",
      fields: { tenant: "tenant", classification: "class", level: { path: "level", type: "number" } },
    },
    spare: { name: "spare-one" },
    secrets: { hidden: ["class", "#document"], fields: { tenant: "tenant" } },
  },
};
const field = (operator: string, name: string, value: unknown): Condition =>
  ({ type: "field", operator, field: name, value }) as Condition;
const acme = field("eq", "tenant", "acme");
const at = (name: string, route = ""): string =>
  `${home}/collections/${clientId({ store: "lab", name })}${route}`;

let chroma: ChromaServer;
let lab: StoreLab;
const uuids: Record<string, string> = {};
beforeAll(async () => {
  chroma = await startChroma();
  for (const name of ["handbook", "secrets", "others"]) uuids[name] = await chroma.fill(name, handbook);
  lab = await startStoreLab(chroma.url, config);
});
afterAll(async () => {
  await lab.close();
  await chroma.close();
});
beforeEach(() => {
  lab.received.length = 0;
  lab.narrow(acme);
});

/** The last that the store got, as JSON. */
const last = (): { path: string; body: unknown } => {
  const one = lab.received.at(-1);
  return {
    path: one?.path ?? "",
    body: one === undefined || one.body === "" ? undefined : JSON.parse(one.body),
  };
};

describe("what is found", () => {
  test("a query is narrowed, and answered as Chroma answers", async () => {
    const { status, body } = await lab.ask("POST", at("handbook", "/query"), {
      ...{
        query_embeddings: [
          [1, 0],
          [0, 1],
        ],
        n_results: 3,
      },
      ...{
        where: { level: { $gte: 1 } },
        where_document: { $contains: "acme" },
        include: ["documents", "distances"],
      },
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        ids: [
          ["a1", "a2"],
          ["a2", "a1"],
        ],
        distances: [
          [0, expect.closeTo(0.01)],
          [expect.closeTo(1.81), 2],
        ],
        documents: [
          ["acme public", "acme secret"],
          ["acme secret", "acme public"],
        ],
        ...{ embeddings: null, metadatas: null, uris: null, include: ["documents", "distances"] },
      },
    });
    expect(last()).toEqual({
      path: `${home}/collections/${uuids["handbook"]}/query`,
      body: {
        where: { $and: [{ level: { $gte: 1 } }, { tenant: { $eq: "acme" } }] },
        ...{
          where_document: { $contains: "acme" },
          query_embeddings: [
            [1, 0],
            [0, 1],
          ],
          n_results: 3,
        },
        include: ["documents", "distances", "metadatas"],
      },
    });
  });

  test("$or widens nothing", async () => {
    const where = { $or: [{ tenant: "acme" }, { tenant: "beta" }, { level: { $ne: 77 } }] };
    const { body } = await lab.ask("POST", at("handbook", "/get"), { where });
    expect(body).toMatchObject({ ids: ["a1", "a2"] });
  });

  test("a filter that is wider is made up for", async () => {
    lab.narrow({ type: "compound", operator: "and", value: [field("ne", "tenant", "beta")] });
    const asked = { query_embeddings: [[1, 0]], n_results: 2, include: [] };
    const { body } = await lab.ask("POST", at("handbook", "/query"), asked);
    expect(body).toMatchObject({ ids: [["a1", "a2"]], metadatas: null, include: [] });
    expect(last().body).toMatchObject({ where: { tenant: { $ne: "beta" } }, n_results: 1000 });
    const page = await lab.ask("POST", at("handbook", "/get"), { offset: 1 });
    expect(page).toMatchObject({ status: 403, body: { code: "filter_not_expressible" } });
  });

  test("everything is what may be fetched at most; pages begin where they do", async () => {
    lab.narrow(undefined);
    const all = await lab.ask("POST", at("handbook", "/get"), { include: ["metadatas"] });
    expect(all.body).toMatchObject({ ids: handbook.map(({ id }) => id), documents: null });
    expect(last().body).toMatchObject({ limit: 100, offset: 0 });
    const page = await lab.ask("POST", at("handbook", "/get"), { limit: 2, offset: 1, include: [] });
    expect(page.body).toMatchObject({ ids: ["a2", "b1"] });
  });

  test("where nothing can be found, the store isn't asked", async () => {
    lab.narrow({ type: "compound", operator: "or", value: [] });
    const query = await lab.ask("POST", at("handbook", "/query"), {
      query_embeddings: [
        [1, 0],
        [1, 1],
      ],
    });
    expect(query.body).toEqual({
      ...{ ids: [[], []], documents: [[], []], metadatas: [[], []], distances: [[], []] },
      ...{ embeddings: null, uris: null, include: ["documents", "metadatas", "distances"] },
    });
    expect((await lab.ask("POST", at("handbook", "/get"), {})).body).toMatchObject({
      ids: [],
      documents: [],
    });
    expect((await lab.ask("GET", at("handbook", "/count"))).body).toBe(0);
    expect(lab.received).toEqual([]);
  });

  test("policy masks, removes and hides documents of an answer, in their places", async () => {
    lab.narrow(undefined, [
      { type: "keep_documents", phase: "response", properties: { documents: [1, 2] } },
      {
        type: "mask_documents",
        phase: "response",
        properties: { documents: [2], fields: ["text", "classification"] },
      },
      { type: "hide_fields", properties: { fields: ["level"] } },
    ]);
    const { body } = await lab.ask("POST", at("handbook", "/get"), { limit: 3 });
    expect(body).toEqual({
      ...{ ids: ["a2", "b1"], documents: ["acme secret", "***"], embeddings: null, uris: null },
      metadatas: [
        { tenant: "acme", class: "secret" },
        { tenant: "beta", class: "***" },
      ],
      include: ["documents", "metadatas"],
    });
  });

  test("what is hidden isn't asked for", async () => {
    const { body } = await lab.ask("POST", at("secrets", "/get"), {});
    expect(body).toMatchObject({ ids: ["a1", "a2"], documents: null, include: ["metadatas"] });
    expect(JSON.stringify(body)).not.toContain("secret");
    expect(last().body).toMatchObject({ include: ["metadatas"] });
    for (const filter of [{ where: { class: "secret" } }, { where_document: { $contains: "s" } }])
      expect(await lab.ask("POST", at("secrets", "/get"), filter)).toMatchObject({
        ...{ status: 403, body: { error: "AuthorizationError", code: "field_hidden" } },
      });
  });

  test("a count is of what may be seen", async () => {
    expect((await lab.ask("GET", at("handbook", "/count?read_level=index_and_wal"))).body).toBe(2);
    expect(last().body).toMatchObject({ where: { tenant: { $eq: "acme" } }, include: [] });
    lab.narrow(undefined);
    expect((await lab.ask("GET", at("handbook", "/count"))).body).toBe(6);
    lab.narrow(field("ne", "tenant", "beta"));
    expect(await lab.ask("GET", at("handbook", "/count"))).toMatchObject({ status: 403 });
  });

  test("a neutral query", async () => {
    const answer = await fetch(`${lab.world.url}/v1/retrieval/manual/query`, {
      method: "POST",
      headers: { authorization: "Bearer caller-token-e30.e30.c2ln", "content-type": "application/json" },
      body: JSON.stringify({ vector: [1, 0], top_k: 1, filter: field("eq", "classification", "secret") }),
    });
    expect(await answer.json()).toMatchObject({ documents: [{ id: "a2", text: "acme secret" }] });
  });
});

describe("what is written", () => {
  const records = (id: string, metadata: unknown, more: object = {}): object => ({
    ...{ ids: [id], embeddings: [[0, 5]], metadatas: [metadata], documents: [`new ${id}`], ...more },
  });
  const stored = async (id: string): Promise<unknown> =>
    (await chroma.ask("POST", `${home}/collections/${uuids["handbook"]}/get`, { ids: [id] })).body;
  const stamp = {
    type: "stamp_documents",
    properties: {
      set: { tenant: "acme" },
      at_least: { classification: { value: "internal", order: ["public", "internal", "secret"] } },
    },
  };

  test("carries what policy says; a caller can't choose less", async () => {
    lab.narrow(acme, [stamp]);
    expect(await lab.ask("POST", at("handbook", "/add"), records("w1", null))).toMatchObject({
      status: 201,
      body: {},
    });
    expect(await stored("w1")).toMatchObject({ metadatas: [{ tenant: "acme", class: "internal" }] });
    for (const metadata of [{ tenant: "beta" }, { class: "public" }, { tenant: null }, { tenant: ["acme"] }])
      expect(await lab.ask("POST", at("handbook", "/add"), records("w2", metadata))).toMatchObject({
        ...{ status: 403, body: { error: "AuthorizationError", code: "document_refused" } },
      });
    expect(await stored("w2")).toMatchObject({ ids: [] });
  });

  test("an upsert of a new document is stamped, too", async () => {
    lab.narrow(acme, [stamp]);
    const { status } = await lab.ask("POST", at("handbook", "/upsert"), records("w3", { note: "x" }));
    expect(status).toBe(200);
    expect(await stored("w3")).toMatchObject({
      metadatas: [{ tenant: "acme", class: "internal", note: "x" }],
    });
  });

  test("another's document is neither overwritten nor taken over, and no rank is lowered", async () => {
    lab.narrow(acme, [stamp]);
    for (const [id, metadata] of [
      ["b1", null],
      ["b1", { tenant: "acme" }],
      ["n1", { tenant: "acme" }],
      ["a2", { class: "internal" }],
    ] as const)
      for (const route of ["/upsert", "/update"])
        expect(await lab.ask("POST", at("handbook", route), records(id, metadata))).toMatchObject({
          status: 403,
        });
    expect(await stored("b1")).toMatchObject({ documents: ["beta public"], metadatas: [{ tenant: "beta" }] });
    expect(await stored("a2")).toMatchObject({
      documents: ["acme secret"],
      metadatas: [{ class: "secret" }],
    });
  });

  test("one's own keeps what a change doesn't name", async () => {
    lab.narrow(acme, [stamp]);
    const change = { ids: ["a2"], documents: ["changed"] };
    expect(await lab.ask("POST", at("handbook", "/update"), change)).toMatchObject({ status: 200 });
    expect(await stored("a2")).toMatchObject({
      documents: ["changed"],
      metadatas: [{ class: "secret", tenant: "acme", level: 5 }],
    });
  });

  test("deletes reach what the condition reaches", async () => {
    expect(await lab.ask("POST", at("handbook", "/delete"), { ids: ["w1", "b1"] })).toMatchObject({
      status: 403,
    });
    expect(
      await lab.ask("POST", at("handbook", "/delete"), { where_document: { $contains: "new" } }),
    ).toMatchObject({
      ...{ status: 200, body: { deleted: 2 } },
    });
    expect(last().body).toEqual({ where: { tenant: { $eq: "acme" } }, where_document: { $contains: "new" } });
    lab.narrow(field("ne", "tenant", "beta"));
    expect(await lab.ask("POST", at("handbook", "/delete"), { where: { level: 1 } })).toMatchObject({
      ...{ status: 403, body: { code: "filter_not_expressible" } },
    });
    // by their ids they are looked at one by one
    expect(await lab.ask("POST", at("handbook", "/delete"), { ids: ["b1"] })).toMatchObject({ status: 403 });
    expect(await stored("b1")).toMatchObject({ ids: ["b1"] });
  });
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
