import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { requestObligations } from "../../gateway/retrieval/serve/duties.js";
import type { Call } from "../../sidecar/contract.js";
import type { World } from "./world.js";
import { allow, callerToken, deny, json, post, startWorld } from "./world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
beforeEach(() => {
  world.sidecar.decide = allow;
  world.sidecar.asked.length = 0;
  world.store.received.length = 0;
  world.store.answer = (_req, res) => {
    json(res, { documents, internal: "not for clients" });
  };
});

const documents = [
  { id: "own", text: "a", tenant: "acme", classification: "internal", score: 1 },
  { id: "secret", text: "b", tenant: "acme", classification: "restricted" },
  { id: "foreign", text: "c", tenant: "globex", classification: "public" },
  { id: "nobody's", text: "d", classification: "public" },
  { id: "unclassified", text: "e", tenant: "acme" },
  { id: "oddly classified", text: "f", tenant: "acme", classification: "INTERNAL" },
  { id: "classified by a list", text: "g", tenant: "acme", classification: ["internal"] },
];
const path = "/v1/retrieval/handbook/query";
const filter =
  (properties: Record<string, unknown>) =>
  ({ action }: Call) => ({
    allow: true,
    obligations:
      action.properties["phase"] === "request"
        ? [{ id: "o", type: "filter_documents", properties: properties as never }]
        : [],
  });
const ids = async (response: Response): Promise<string[]> =>
  ((await response.json()) as { documents: { id: string }[] }).documents.map(({ id }) => id);

test("an allowed query is sent as it was decided, without the caller's token", async () => {
  const response = await post(world, path, '{"query":"holiday","top_k":3}');
  expect(response.status).toBe(200);
  // no more than was asked for, whatever the store gives; each whole, under its id
  const given = documents.slice(0, 3).map(({ text, ...metadata }) => ({ id: metadata.id, text, metadata }));
  expect(await response.json()).toEqual({ documents: given.map((one) => expect.objectContaining(one)) });
  expect(world.store.received[0]).toMatchObject({ path: "/query", body: '{"query":"holiday","top_k":3}' });
  expect(JSON.stringify(world.store.received)).not.toContain(callerToken);
  const [asked] = world.sidecar.asked;
  expect(asked?.calls?.[0]?.resource).toMatchObject({
    type: "collection",
    id: "handbook",
    properties: { classification: "internal", region: "eu", environment: "prod" },
  });
  expect(asked?.obligations).toEqual([...requestObligations]);
  expect(JSON.stringify(asked)).not.toContain("holiday");
});

test("documents of others, of higher classes and of none stay behind", async () => {
  world.sidecar.decide = filter({ tenant: "acme", max_classification: "confidential" });
  expect(await ids(await post(world, path, '{"query":"x"}'))).toEqual(["own"]);
});

describe("what can't be done is a deny", () => {
  test.each([
    ["no tenant", filter({ max_classification: "public" })],
    ["an unknown class", filter({ tenant: "acme", max_classification: "secret" })],
    ["more than is understood", filter({ tenant: "acme", max_classification: "public", mask: true })],
  ])("%s", async (_name, decide) => {
    world.sidecar.decide = decide;
    const response = await post(world, path, '{"query":"x"}');
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: "obligation_unsatisfiable" });
  });
});

test("a denial is in this product's own form", async () => {
  world.sidecar.decide = deny("retrieval.tenant");
  const response = await post(world, path, '{"query":"x"}');
  expect(response.status).toBe(403);
  const error = (await response.json()) as Record<string, unknown>;
  expect(Object.keys(error).sort()).toEqual(["code", "decision_id", "fix", "message", "reasons"]);
  expect(world.store.received).toEqual([]);
});

test.each([
  ["no query", "{}", 400],
  ["a query that is a list", '{"query":["x"]}', 400],
  ["a field that isn't known", '{"query":"x","tenant":"globex"}', 400],
  ["top_k of nothing", '{"query":"x","top_k":0}', 400],
  ["top_k as text", '{"query":"x","top_k":"3"}', 400],
  ["top_k past all numbers", '{"query":"x","top_k":1e400}', 400],
  ["the query twice", '{"query":"x","query":"y"}', 400],
])("%s is refused", async (_name, body, status) => {
  const response = await post(world, path, body);
  expect(response.status).toBe(status);
  expect([...world.store.received, ...world.sidecar.asked]).toEqual([]);
});

test("an unknown collection leads nowhere", async () => {
  const response = await post(world, "/v1/retrieval/nope/query", '{"query":"x"}');
  expect([response.status, await response.json()]).toMatchObject([404, { code: "unknown_collection" }]);
});

test.each([
  ["no documents", "{}"],
  ["no JSON", "<p>"],
  ["documents twice", '{"documents":[],"documents":[]}'],
])("a store that answers with %s is not understood", async (_name, body) => {
  world.store.answer = (_req, res) => {
    res.writeHead(200, { "content-type": "application/json" }).end(body);
  };
  const response = await post(world, path, '{"query":"x"}');
  expect([response.status, await response.json()]).toMatchObject([502, { code: "upstream_invalid" }]);
});
