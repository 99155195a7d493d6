/** Weaviate's own client (REST and GraphQL), unmodified, through the real gateway; and what the store must not get. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import weaviateClient from "weaviate-ts-client";
import type { WeaviateClient } from "weaviate-ts-client";
import type { Condition } from "../../../../../sidecar/contract.js";
import { callerToken } from "../../../world.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import type { Schema, StoredObject } from "./matches.js";
import type { WeaviateServer } from "./server.js";
import { startWeaviate } from "./server.js";

const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const schema: Schema = { tenant: "keyword", level: "int", body: "text", secret: "text", owner: "text" };
const objects: readonly StoredObject[] = [
  {
    id: uuid(1),
    vector: [0, 0],
    properties: { tenant: "a", level: 1, body: "one red", secret: "s", owner: "x" },
  },
  { id: uuid(2), vector: [0, 0.1], properties: { tenant: "b", level: 1, body: "two red", owner: "x" } },
  { id: uuid(3), vector: [0, 0.2], properties: { tenant: "a", level: 5, body: "three blue", owner: "y" } },
  { id: uuid(4), vector: [0, 0.3], properties: { level: 1, body: "four red" } },
  { id: uuid(5), vector: [0, 0.4], properties: { tenant: "a", level: 2, body: "five red", owner: "x" } },
];
const rooms: readonly StoredObject[] = [
  { id: uuid(6), tenant: "ta", properties: { body: "of a" } },
  { id: uuid(7), tenant: "tb", properties: { body: "of b" } },
];
const eq = (field: string, value: string | number): Condition => ({
  type: "field",
  operator: "eq",
  field,
  value,
});
const tenantA = eq("tenant", "a");
/** `owner` is taken apart into words: it isn't pushed down. */
const inexact: Condition = { type: "compound", operator: "and", value: [tenantA, eq("owner", "x")] };

let store: WeaviateServer;
let lab: StoreLab;
let client: WeaviateClient;
beforeAll(async () => {
  store = await startWeaviate({
    Docs: { schema, objects },
    Rooms: { schema: { body: "text" }, objects: rooms },
    Hidden: { schema, objects },
  });
  lab = await startStoreLab(store.url, {
    kind: "weaviate",
    collections: {
      docs: {
        ...{ name: "Docs", schema, hidden: ["secret"], text: "body", limits: { top_k: 50 } },
        fields: { tenant: "tenant", level: { type: "number" }, owner: "owner" },
      },
      rooms: { name: "Rooms", schema: { body: "text" }, fields: { tenant: "$namespace" } },
    },
  });
  // the types say CommonJS where the module is none
  const make = weaviateClient as unknown as (typeof weaviateClient)["default"];
  client = make.client({
    ...{ scheme: "http", host: lab.url.replace("http://", "") },
    headers: { authorization: `Bearer ${callerToken}` },
  });
});
afterAll(async () => {
  await lab.close();
  await store.close();
});
beforeEach(() => {
  const docs = store.classes.get("Docs");
  if (docs !== undefined) docs.objects = [...objects];
  lab.received.length = 0;
  lab.narrow(tenantA);
});

const sent = (at = -1): string => lab.received.at(at)?.body ?? "";
const query = (at = -1): string => (JSON.parse(sent(at)) as { query: string }).query.replaceAll(/\s+/g, " ");
const graphql = async (
  text: string,
  more: Record<string, unknown> = {},
): Promise<{ code: unknown; data: unknown }> => {
  const { body } = await lab.ask("POST", "/v1/graphql", { query: text, ...more });
  const { data, countersign } = body as { data?: unknown; countersign?: { code: string } };
  return { data, code: countersign?.code };
};
const stored = (): string[] => (store.classes.get("Docs")?.objects ?? []).map(({ id }) => id).sort();

describe("Weaviate's own client", () => {
  test("queries by a vector, with a filter of its own", async () => {
    const found = await client.graphql
      .get()
      .withClassName("Docs")
      .withFields("body level _additional { distance }")
      .withNearVector({ vector: [0, 0] })
      .withWhere({
        operator: "Or",
        operands: [
          { path: ["level"], operator: "GreaterThanEqual", valueInt: 1 },
          { path: ["tenant"], operator: "Equal", valueText: "b" },
        ],
      })
      .withLimit(10)
      .do();
    expect(found).toEqual({
      data: {
        Get: {
          Docs: [
            { body: "one red", level: 1, _additional: { distance: 0 } },
            { body: "three blue", level: 5, _additional: { distance: expect.any(Number) } },
            { body: "five red", level: 2, _additional: { distance: expect.any(Number) } },
          ],
        },
      },
    });
    expect(query()).toContain(
      'where: {operator: And, operands: [{operator: Or, operands: [{operator: GreaterThanEqual, path: ["level"], valueInt: 1}, {operator: Equal, path: ["tenant"], valueText: "b"}]}, {operator: Equal, path: ["tenant"], valueText: "a"}]}',
    );
    expect(query()).toContain("{ body level tenant owner _additional { distance id } }");
  });

  test("searches texts, counts, and reads objects", async () => {
    const text = client.graphql.get().withClassName("Docs").withFields("body");
    expect(await text.withBm25({ query: "red", properties: ["body"] }).do()).toEqual({
      data: { Get: { Docs: [{ body: "one red" }, { body: "five red" }] } },
    });
    const counted = await client.graphql.aggregate().withClassName("Docs").withFields("meta { count }").do();
    expect(counted).toEqual({ data: { Aggregate: { Docs: [{ meta: { count: 3 } }] } } });
    const one = await client.data.getterById().withClassName("Docs").withId(uuid(1)).do();
    expect(one).toMatchObject({ id: uuid(1), properties: { body: "one red" } });
    expect(one.properties).not.toHaveProperty("secret");
    await expect(client.data.getterById().withClassName("Docs").withId(uuid(2)).do()).rejects.toThrow("404");
    const listed = await client.data.getter().withClassName("Docs").withLimit(2).do();
    expect(listed.objects?.map(({ id }) => id)).toEqual([uuid(1), uuid(3)]);
    expect((await client.schema.getter().do()).classes?.map((each) => each.class)).toEqual(["Docs", "Rooms"]);
  });

  test("writes and deletes", async () => {
    const made = await client.data
      .creator()
      .withClassName("Docs")
      .withId(uuid(8))
      .withProperties({ tenant: "a", body: "new" })
      .do();
    expect(made).toMatchObject({ id: uuid(8), properties: { tenant: "a", body: "new" } });
    const batch = await client.batch
      .objectsBatcher()
      .withObject({ class: "Docs", id: uuid(9), properties: { tenant: "a", body: "more" } })
      .do();
    expect(batch).toMatchObject([{ id: uuid(9), result: { status: "SUCCESS" } }]);
    const dropped = await client.batch
      .objectsBatchDeleter()
      .withClassName("Docs")
      .withWhere({ path: ["level"], operator: "Equal", valueInt: 1 })
      .do();
    expect(dropped).toMatchObject({ match: { where: { path: ["level"] } }, results: { successful: 1 } });
    await client.data.deleter().withClassName("Docs").withId(uuid(9)).do();
    await expect(client.data.deleter().withClassName("Docs").withId(uuid(2)).do()).rejects.toThrow(
      "document_refused",
    );
    expect(stored()).toEqual([2, 3, 4, 5, 8].map(uuid));
  });
});

describe("each query finds its own", () => {
  test("several classes at once", async () => {
    const { data } = await graphql(
      "{ Get { first: Docs(limit: 1) { body } second: Docs(offset: 1, limit: 5) { level } } }",
    );
    expect(data).toEqual({ Get: { first: [{ body: "one red" }], second: [{ level: 5 }, { level: 2 }] } });
  });

  test("near another object, if it is the caller's", async () => {
    const near = (id: string): string => `{ Get { Docs(nearObject: { id: "${id}" }, limit: 2) { body } } }`;
    expect((await graphql(near(uuid(5)))).data).toEqual({
      Get: { Docs: [{ body: "five red" }, { body: "three blue" }] },
    });
    expect((await graphql(near(uuid(2)))).code).toBe("document_refused");
  });

  test("what Weaviate can't say is looked for among more", async () => {
    lab.narrow(inexact);
    const { data } = await graphql("{ Get { Docs(limit: 2) { body } } }");
    expect(data).toEqual({ Get: { Docs: [{ body: "one red" }, { body: "five red" }] } });
    expect(query()).toContain("limit: 1000");
    expect((await graphql("{ Aggregate { Docs { meta { count } } } }")).code).toBe("filter_not_expressible");
    const dropped = await lab.ask("DELETE", "/v1/batch/objects", {
      match: { class: "Docs", where: { operator: "Equal", path: ["level"], valueInt: 1 } },
    });
    expect(dropped.body).toMatchObject({ countersign: { code: "filter_not_expressible" } });
  });

  test("a tenant stands for the field", async () => {
    lab.narrow(eq("tenant", "ta"));
    expect((await graphql('{ Get { Rooms(tenant: "ta") { body } } }')).data).toEqual({
      Get: { Rooms: [{ body: "of a" }] },
    });
    lab.received.length = 0;
    expect((await graphql('{ Get { Rooms(tenant: "tb") { body } } }')).data).toEqual({ Get: { Rooms: [] } });
    expect((await graphql("{ Get { Rooms { body } } }")).code).toBe("namespace_required");
    const other = await lab.ask("GET", `/v1/objects/Rooms/${uuid(7)}?tenant=tb`);
    expect(other.status).toBe(403);
    expect(lab.received).toEqual([]);
  });

  test("the neutral door", async () => {
    const response = await fetch(`${lab.world.url}/v1/retrieval/docs/query`, {
      method: "POST",
      headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
      body: JSON.stringify({ query: "red", top_k: 5, filter: eq("level", 2) }),
    });
    const { documents } = (await response.json()) as { documents: Record<string, unknown>[] };
    expect(documents).toEqual([
      {
        id: uuid(5),
        score: 1,
        text: "five red",
        metadata: { tenant: "a", level: 2, body: "five red", owner: "x" },
      },
    ]);
  });
});

/** What is refused before the store is asked; the code says why. */
const refused: readonly [name: string, query: string, code: string][] = [
  ["a class that isn't configured", "{ Get { Hidden { body } } }", "unknown_collection"],
  ["a class in small letters", "{ Get { docs { body } } }", "unknown_collection"],
  ["Explore", '{ Explore(nearText: { concepts: ["x"] }) { beacon } }', "unknown_operation"],
  ["introspection", "{ __schema { types { name } } }", "filter_refused"],
  ["a type's name", "{ Get { Docs { __typename } } }", "filter_refused"],
  ["a reference", "{ Get { Docs { of { ... on Hidden { secret } } } } }", "filter_refused"],
  ["a fragment", "{ Get { Docs { ...F } } } fragment F on Docs { secret }", "filter_refused"],
  [
    "two operations",
    "query A { Get { Docs { body } } } query B { Get { Hidden { body } } }",
    "filter_refused",
  ],
  ["a mutation", "mutation { Get { Docs { body } } }", "filter_refused"],
  ["a variable", "query($w: X) { Get { Docs(where: $w) { body } } }", "filter_refused"],
  ["a name of the server's", "{ Get { __proto__: Docs { body } } }", "filter_refused"],
  ["a directive", "{ Get { Docs { body @include(if: true) } } }", "filter_refused"],
  ["another name for a property", "{ Get { Docs { tenant: owner body } } }", "filter_refused"],
  [
    "two filters",
    '{ Get { Docs(where: {path: ["level"], operator: Equal, valueInt: 1}, where: {path: ["level"], operator: Equal, valueInt: 2}) { body } } }',
    "filter_refused",
  ],
  [
    "a member twice",
    '{ Get { Docs(where: {path: ["level"], operator: Equal, valueInt: 1, valueInt: 2}) { body } } }',
    "filter_refused",
  ],
  [
    "a path through a reference",
    '{ Get { Docs(where: {path: ["of", "Hidden", "body"], operator: Equal, valueText: "x"}) { body } } }',
    "filter_refused",
  ],
  [
    "an unknown operator",
    '{ Get { Docs(where: {path: ["level"], operator: Matches, valueInt: 1}) { body } } }',
    "filter_refused",
  ],
  [
    "a filter by what is hidden",
    '{ Get { Docs(where: {path: ["secret"], operator: Like, valueText: "s*"}) { body } } }',
    "field_hidden",
  ],
  [
    "the length of what is hidden",
    '{ Get { Docs(where: {path: ["len(secret)"], operator: GreaterThan, valueInt: 1}) { body } } }',
    "field_hidden",
  ],
  [
    "an order by what is hidden",
    '{ Get { Docs(sort: [{path: ["secret"], order: asc}]) { body } } }',
    "field_hidden",
  ],
  [
    "a search in what is hidden",
    '{ Get { Docs(bm25: {query: "s", properties: ["secret^2"]}) { body } } }',
    "field_hidden",
  ],
  ["a search everywhere", '{ Get { Docs(bm25: {query: "s"}) { body } } }', "field_hidden"],
  ["a hybrid search everywhere", '{ Get { Docs(hybrid: {query: "s"}) { body } } }', "field_hidden"],
  ["a question to a model", '{ Get { Docs(ask: {question: "x"}) { body } } }', "filter_refused"],
  ["groups", "{ Get { Docs(group: {type: merge, force: 1}) { body } } }", "filter_refused"],
  [
    "groups by a property",
    '{ Get { Docs(groupBy: {path: ["secret"], groups: 2, objectsPerGroup: 2}) { body } } }',
    "filter_refused",
  ],
  ["a cursor", `{ Get { Docs(after: "${uuid(1)}", limit: 2) { body } } }`, "filter_refused"],
  [
    "what a model makes of documents",
    '{ Get { Docs { _additional { generate(singleResult: {prompt: "x"}) { error } } } } }',
    "filter_refused",
  ],
  [
    "a move to other objects",
    `{ Get { Docs(nearText: {concepts: ["x"], moveTo: {force: 1, objects: [{id: "${uuid(2)}"}]}}) { body } } }`,
    "invalid_request",
  ],
  [
    "near an object of another collection",
    `{ Get { Docs(nearObject: {beacon: "weaviate://localhost/Hidden/${uuid(2)}"}) { body } } }`,
    "filter_refused",
  ],
  ["values in an aggregate", "{ Aggregate { Docs { level { maximum } meta { count } } } }", "filter_refused"],
  [
    "groups in an aggregate",
    '{ Aggregate { Docs(groupBy: ["tenant"]) { meta { count } } } }',
    "filter_refused",
  ],
  ["too many", "{ Get { Docs(limit: 51) { body } } }", "retrieval_limit"],
  ["no GraphQL", "{ Get { Docs { body } }", "filter_refused"],
  ["too deep", `{ Get { Docs(where: ${"[".repeat(20_000)}`, "filter_refused"],
];

describe("what could reach further is refused", () => {
  test.each(refused)("%s", async (_name, text, code) => {
    expect(await graphql(text)).toMatchObject({ code });
    expect(lab.received).toEqual([]);
  });

  const object = { class: "Docs", properties: { tenant: "a" } };
  test.each<[name: string, method: string, path: string, body: unknown, code: string]>([
    ["another's id, written anew", "PUT", `/v1/objects/Docs/${uuid(2)}`, object, "document_refused"],
    [
      "another's id in a batch",
      "POST",
      "/v1/batch/objects",
      { objects: [{ ...object, id: uuid(2) }] },
      "document_refused",
    ],
    [
      "an id in capitals",
      "POST",
      "/v1/objects",
      { ...object, id: uuid(4).toUpperCase() },
      "document_refused",
    ],
    [
      "a document of another",
      "POST",
      "/v1/objects",
      { class: "Docs", properties: { tenant: "b" } },
      "document_refused",
    ],
    ["a document of nobody", "POST", "/v1/objects", { class: "Docs", properties: {} }, "document_refused"],
    [
      "another class in the body",
      "PUT",
      `/v1/objects/Docs/${uuid(1)}`,
      { ...object, class: "Rooms", tenant: "t" },
      "invalid_request",
    ],
    [
      "a reference",
      "POST",
      "/v1/objects",
      { class: "Docs", properties: { tenant: "a", of: [{ beacon: "weaviate://x" }] } },
      "invalid_request",
    ],
    ["a part of a document", "PATCH", `/v1/objects/Docs/${uuid(2)}`, object, "unknown_operation"],
    ["a list of all collections", "GET", "/v1/objects", undefined, "invalid_request"],
    ["an id of any collection", "GET", `/v1/objects/${uuid(2)}`, undefined, "unknown_operation"],
    ["several operations", "POST", "/v1/graphql/batch", [], "unknown_operation"],
    ["a copy", "POST", "/v1/backups/s3", { id: "x" }, "unknown_operation"],
    ["an alias", "POST", "/v1/aliases", { alias: "Docs", class: "Hidden" }, "unknown_operation"],
    [
      "variables",
      "POST",
      "/v1/graphql",
      { query: "{ Get { Docs { body } } }", variables: { a: 1 } },
      "filter_refused",
    ],
    ["what isn't known", "GET", "/v1/anything", undefined, "unknown_route"],
  ])("%s", async (_name, method, path, body, code) => {
    const answer = await lab.ask(method, path, body);
    expect(answer.body).toMatchObject({ countersign: { code } });
    expect(stored()).toEqual([1, 2, 3, 4, 5].map(uuid));
    // look-ups only
    expect(lab.received.filter(({ path: at }) => at !== "/v1/graphql")).toEqual([]);
  });

  test("a text is one text", async () => {
    const value = `a"}]}) { secret } } } # \\`;
    lab.narrow({ type: "compound", operator: "or", value: [eq("tenant", value), eq("tenant", "b")] });
    expect((await graphql("{ Get { Docs { body } } }")).data).toEqual({
      Get: { Docs: [{ body: "two red" }] },
    });
  });
});
