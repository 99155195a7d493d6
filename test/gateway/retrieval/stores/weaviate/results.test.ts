import { describe, expect, test } from "@jest/globals";
import type { Found, Narrowing, StoreRequest } from "../../../../../gateway/retrieval/adapter.js";
import type { CollectionConfig, StoreConfig } from "../../../../../gateway/retrieval/config.js";
import { classify } from "../../../../../gateway/retrieval/stores/weaviate/classify.js";
import { narrow } from "../../../../../gateway/retrieval/stores/weaviate/narrow.js";
import { results } from "../../../../../gateway/retrieval/stores/weaviate/results.js";
import type { Json, Refusal } from "../../../../../sidecar/contract.js";
import { always, parseJson, stringifyJson } from "../../../../../sidecar/contract.js";

const id = "00000000-0000-4000-8000-000000000001";
const collection = {
  ...{ key: "docs", name: "Docs", store: "s", hidden: [], constants: {}, limits: { topK: 10 } },
  fields: new Map([
    ["tenant", { name: "tenant", path: ["tenant"], type: "string" }],
    ["street", { name: "street", path: ["address", "street"], type: "string" }],
  ]),
  settings: { schema: { tenant: "keyword" }, text_search: "bm25" },
} as unknown as CollectionConfig;
const store = {
  settings: {},
  byName: (name: string) => (name === "Docs" ? collection : undefined),
} as unknown as StoreConfig;
const narrowing: Narrowing = { condition: always, most: 10, hidden: [], topK: 10 };

function read(
  method: "GET" | "POST" | "DELETE",
  path: string,
  body: unknown,
  answer: string,
): Found | Refusal {
  const request: StoreRequest = {
    ...{ kind: "request", method, query: new Map(), form: "json", headers: {} },
    segments: path.split("/").slice(1),
    body: body as Json,
  };
  const operation = classify(request, store);
  if (operation.kind === "refusal") return operation;
  const sent = narrow(
    operation,
    operation.asks.map(() => narrowing),
  );
  if (sent.kind === "refusal") return sent;
  return results(operation, sent, { status: 200, value: parseJson(answer) });
}
const get = (selected: string, answer: string): Found | Refusal =>
  read("POST", "/v1/graphql", { query: `{ Get { Docs { ${selected} } } }` }, answer);

describe("an answer that isn't understood is refused", () => {
  test.each<[string, string, string]>([
    [
      "an error beside documents",
      '{"data":{"Get":{"Docs":[]}},"errors":[{"message":"secret"}]}',
      "upstream_refused",
    ],
    ["an error", '{"data":null,"errors":[{"message":"secret"}]}', "upstream_refused"],
    ["no class", '{"data":{"Get":{"Other":[]}}}', "upstream_invalid"],
    ["no list", '{"data":{"Get":{"Docs":null}}}', "upstream_invalid"],
    ["an object without an id", '{"data":{"Get":{"Docs":[{"body":"x"}]}}}', "upstream_invalid"],
  ])("%s", (_name, answer, code) => {
    const said = get("body", answer);
    expect(said).toMatchObject({ kind: "refusal", code });
    expect(JSON.stringify(said)).not.toContain("secret");
  });

  test("an object of another class", () => {
    const said = read(
      "GET",
      `/v1/objects/Docs/${id}`,
      undefined,
      `{"class":"Other","id":"${id}","properties":{}}`,
    );
    expect(said).toMatchObject({ code: "upstream_invalid" });
  });
});

describe("an answer holds what was selected", () => {
  const answer = `{"data":{"Get":{"Docs":[{"body":"x","tenant":"a","address":{"city":"c","street":"s"},"more":1,"_additional":{"id":"${id}","vector":[1]}}],"Other":[{"body":"y"}]}}}`;

  test("without what policy needed", () => {
    const said = get("body address { city }", answer);
    if (said.kind === "refusal") throw new Error(said.code);
    expect(said.items).toMatchObject([{ id, metadata: { tenant: "a", address: { street: "s" } } }]);
    expect(JSON.parse(stringifyJson(said.rebuild(said.items) ?? null))).toEqual({
      data: { Get: { Docs: [{ body: "x", address: { city: "c" } }] } },
    });
    expect(JSON.parse(stringifyJson(said.rebuild([undefined]) ?? null))).toEqual({
      data: { Get: { Docs: [] } },
    });
  });

  test("one object that is taken out is not found", () => {
    const object = `{"class":"Docs","id":"${id}","properties":{"body":"x"},"vector":[1],"additional":{"a":1}}`;
    const said = read("GET", `/v1/objects/Docs/${id}`, undefined, object);
    if (said.kind === "refusal") throw new Error(said.code);
    expect(said.status?.([undefined])).toBe(404);
    expect(said.rebuild([undefined])).toBeUndefined();
    expect(said.status?.(said.items)).toBe(200);
    expect(said.rebuild(said.items)).toEqual({ class: "Docs", id, properties: { body: "x" } });
  });

  test("a deletion tells the caller's own filter", () => {
    const where = { operator: "Equal", path: ["tenant"], valueText: "x" };
    const said = read(
      "DELETE",
      "/v1/batch/objects",
      { match: { class: "Docs", where } },
      `{"match":{"where":{"operator":"And","policy":1}},"output":"verbose","results":{"matches":1,"successful":1,"failed":0,"objects":[{"id":"${id}","status":"SUCCESS","errors":{"error":[{"message":"secret"}]}}]}}`,
    );
    if (said.kind === "refusal") throw new Error(said.code);
    expect(said.rebuild([])).toEqual({
      ...{ match: { class: "Docs", where }, output: "verbose", dryRun: false },
      results: { matches: 1, successful: 1, failed: 0, objects: [{ id, status: "SUCCESS" }] },
    });
  });
});
