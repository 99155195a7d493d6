import { describe, expect, test } from "@jest/globals";
import type { FoundItem, Narrowing, StoreRequest } from "../../../../../gateway/retrieval/adapter.js";
import type { CollectionConfig, StoreConfig } from "../../../../../gateway/retrieval/config.js";
import type { FieldConfig } from "../../../../../gateway/retrieval/document.js";
import { classify } from "../../../../../gateway/retrieval/stores/milvus/classify.js";
import { narrow } from "../../../../../gateway/retrieval/stores/milvus/narrow.js";
import { results } from "../../../../../gateway/retrieval/stores/milvus/results.js";
import type { Found } from "../../../../../gateway/retrieval/adapter.js";
import type { Json, JsonObject, Refusal } from "../../../../../sidecar/contract.js";
import { always, parseJson, stringifyJson } from "../../../../../sidecar/contract.js";

const fields = new Map<string, FieldConfig>([
  ["tenant", { name: "tenant", path: ["meta", "tenant"], type: "string" }],
  ["tags", { name: "tags", path: ["tags"], type: "strings" }],
]);
const schema = {
  id: "int64",
  vector: "float_vector",
  tags: "array<varchar>",
  meta: "json",
  sealed: "varchar",
};
const collection = {
  ...{ key: "docs", name: "docs", store: "s", fields, hidden: ["sealed"], constants: {} },
  ...{ limits: { topK: 10 }, settings: { schema, primary: "id", dynamic: true } },
} as unknown as CollectionConfig;
const store = {
  settings: { database: "default" },
  byName: (name: string) => (name === "docs" ? collection : undefined),
} as unknown as StoreConfig;
const narrowing: Narrowing = { condition: always, most: 10, hidden: ["sealed"], topK: 10 };

function read(body: Record<string, unknown>, answer: string, numbers = false): Found | Refusal {
  const request: StoreRequest = {
    ...{ kind: "request", method: "POST", query: new Map(), form: "json" },
    segments: ["v2", "vectordb", "entities", "data" in body ? "search" : "query"],
    headers: numbers ? { "accept-type-allow-int64": "true" } : {},
    body: { collectionName: "docs", ...body } as JsonObject,
  };
  const operation = classify(request, store);
  if (operation.kind === "refusal") return operation;
  const sent = narrow(
    operation,
    operation.asks.map(() => narrowing),
    store,
  );
  if (sent.kind === "refusal") return sent;
  return results(operation, sent, { status: 200, value: parseJson(answer) });
}

const found = (said: Found | Refusal): Found => {
  if (said.kind === "refusal") throw new Error(said.code);
  return said;
};
const text = (value: Json | undefined): unknown => JSON.parse(stringifyJson(value ?? null));

describe("an answer that isn't understood is refused", () => {
  const vectors = { data: [[0], [1]] };
  test.each<[string, Record<string, unknown>, string, string]>([
    ["an error", {}, '{"code":1100,"message":"secret in here"}', "upstream_refused"],
    ["no code", {}, '{"data":[]}', "upstream_invalid"],
    ["no list", {}, '{"code":0,"data":{}}', "upstream_invalid"],
    ["a row that is none", {}, '{"code":0,"data":[1]}', "upstream_invalid"],
    ["a row without an id", {}, '{"code":0,"data":[{"meta":"{}"}]}', "upstream_invalid"],
    ["JSON that is none", {}, '{"code":0,"data":[{"id":1,"meta":"{"}]}', "upstream_invalid"],
    [
      "JSON of two meanings",
      {},
      '{"code":0,"data":[{"id":1,"meta":"{\\"a\\":1,\\"a\\":2}"}]}',
      "upstream_invalid",
    ],
    ["rows of nobody", vectors, '{"code":0,"data":[{"id":1}],"topks":[0,0]}', "upstream_invalid"],
    ["rows that are missing", vectors, '{"code":0,"data":[{"id":1}],"topks":[1,1]}', "upstream_invalid"],
    ["rows of a third", vectors, '{"code":0,"data":[{"id":1}],"topks":[0,0,1]}', "upstream_invalid"],
    ["rows of one of two", vectors, '{"code":0,"data":[{"id":1}]}', "upstream_invalid"],
    [
      "a count that is none",
      { outputFields: ["count(*)"] },
      '{"code":0,"data":[{"count(*)":"many"}]}',
      "upstream_invalid",
    ],
  ])("%s", (_name, body, answer, code) => {
    const said = read(body, answer);
    expect(said).toMatchObject({ kind: "refusal", code });
    expect(JSON.stringify(said)).not.toContain("secret");
  });
});

describe("an answer is read as policy means it, and written as Milvus does", () => {
  const row =
    '{"id":9007199254740993,"vector":[1],"tags":{"Data":{"StringData":{"data":["p"]}}},"meta":"{\\"tenant\\":\\"a\\",\\"n\\":1.0}","sealed":"x","extra":7,"distance":0.5}';
  const answer = `{"code":0,"data":[${row}],"cost":6,"topks":[1],"recalls":[1],"else":"x"}`;

  test("columns of JSON and lists", () => {
    const { items } = found(read({ data: [[0]], outputFields: ["*"] }, answer));
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ ask: 0, id: "9007199254740993", score: 0.5 });
    expect(text(items[0]?.metadata)).toMatchObject({ tags: ["p"], meta: { tenant: "a" }, extra: 7 });
    expect(items[0]?.metadata).not.toHaveProperty("vector");
  });

  test("what wasn't touched stays, 64-bit numbers are texts, what is hidden isn't there", () => {
    const said = found(read({ data: [[0]], outputFields: ["*"] }, answer));
    expect(text(said.rebuild(said.items))).toEqual({
      ...{ code: 0, cost: 0, topks: [1] },
      data: [
        {
          ...{ id: "9007199254740993", vector: [1], extra: 7, distance: 0.5 },
          ...{ tags: { Data: { StringData: { data: ["p"] } } }, meta: '{"tenant":"a","n":1.0}' },
        },
      ],
    });
  });

  test("numbers where the caller takes them", () => {
    const said = found(read({ data: [[0]], outputFields: [] }, answer, true));
    expect(stringifyJson(said.rebuild(said.items) ?? null)).toContain('"id":9007199254740993');
  });

  test("only what was asked for, and what is masked within JSON", () => {
    const said = found(read({ data: [[0]], outputFields: ["meta", "sealed"] }, answer));
    const masked = said.items.map((item): FoundItem => ({ ...item, metadata: { meta: { tenant: "***" } } }));
    expect(text(said.rebuild(masked))).toMatchObject({ data: [{ meta: '{"tenant":"***"}' }] });
    expect(stringifyJson(said.rebuild(masked) ?? null)).not.toContain("sealed");
    expect(text(said.rebuild([undefined]))).toEqual({ code: 0, cost: 0, data: [], topks: [0] });
  });

  test("the rows of each vector", () => {
    const rows = '{"code":0,"data":[{"id":1},{"id":2},{"id":3}],"topks":[1,2]}';
    const said = found(read({ data: [[0], [1]] }, rows));
    expect(said.items.map(({ ask }) => ask)).toEqual([0, 1, 1]);
    const left = said.items.map((item, i) => (i === 1 ? undefined : item));
    expect(text(said.rebuild(left))).toMatchObject({ data: [{ id: "1" }, { id: "3" }], topks: [1, 1] });
  });
});
