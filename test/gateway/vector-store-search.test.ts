/** Searches in OpenAI's stores of vectors by its own client: narrowed, each result looked at, files stamped when they are put there. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI, { toFile } from "openai";
import type { Call, Condition } from "../../sidecar/contract.js";
import { until } from "../redis.js";
import type { Attributes, VectorStoreServer } from "./vector-store-server.js";
import { startVectorStores } from "./vector-store-server.js";
import type { World } from "./world.js";
import { callerToken, startWorld, subject } from "./world.js";

let world: World;
let upstream: VectorStoreServer;
async function start({ missing = true, vectorStores = {} } = {}): Promise<void> {
  upstream = await startVectorStores({ missing });
  const place = { region: "eu", environment: "prod", provider: "openai", upstream: "gpt" };
  world = await startWorld({
    config: {
      storage: { ...place, vector_stores: vectorStores },
      ...{ upstreams: { gpt: { url: upstream.url } }, models: { gpt: place } },
    },
  });
}
beforeEach(() => start());
afterEach(async () => {
  await world.close();
  await upstream.close();
});
async function restart(options: Parameters<typeof start>[0]): Promise<void> {
  await world.close();
  await upstream.close();
  await start(options);
}

const openAi = () => new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "callers", maxRetries: 0 });
const stores = () => openAi().vectorStores;
const upload = async (name = "a.txt") =>
  (await openAi().files.create({ file: await toFile(Buffer.from("x"), name), purpose: "assistants" })).id;
const last = () => upstream.received.at(-1);
const sent = () => JSON.parse(last()?.body ?? "") as Record<string, unknown>;
const calls = (): Call[] => world.sidecar.asked.flatMap(({ calls = [] }) => calls);

const field = (name: string, operator: string, value: unknown): Condition =>
  ({ type: "field", operator, field: name, value }) as Condition;
const all = (...value: Condition[]): Condition => ({ type: "compound", operator: "and", value });
const any = (...value: Condition[]): Condition => ({ type: "compound", operator: "or", value });
const not = (one: Condition): Condition => ({ type: "compound", operator: "not", value: [one] });

type Obliged = readonly { readonly type: string; readonly properties: unknown }[];
/** Allows, with obligations by phase; only on what touches documents. */
function oblige(request: Obliged, response: Obliged = [], labels: readonly string[] = []): void {
  world.sidecar.decide = ({ action, resource }) => {
    const phase = action.properties["phase"];
    const touches = action.name === "retrieval.query" || resource.properties["documents"] !== undefined;
    const owed = phase === "response" ? response : touches ? request : [];
    return {
      ...{ allow: true, subject, labels: phase === "response" ? labels : [] },
      obligations: owed.map((one, i) => ({ id: `o${i}`, ...one })) as never,
    };
  };
}
const filter = (condition: Condition) => ({ type: "filter", properties: { condition } });

const files: Readonly<Record<string, Attributes | null>> = {
  plain: { classification: "internal", tenant: "globex" },
  hr: { classification: "internal", department: "hr", owner: "ann", expires: 2e9 },
  secret: { classification: "restricted", department: "hr" },
  number: { classification: 1 },
  none: null,
  late: { classification: "internal", expires: 1e9 },
};
function fill(): void {
  for (const [id, attributes] of Object.entries(files)) upstream.files.set(id, attributes);
}
const names = (page: { data: readonly { filename: string }[] }): string[] =>
  page.data.map(({ filename }) => filename.replace(".txt", ""));
const internal = field("classification", "eq", "internal");
const department = any(not(field("department", "exists", true)), field("department", "eq", "hr"));
const unexpired = any(field("expires", "exists", false), field("expires", "gt", 1.5e9));

describe.each([{ missing: true }, { missing: false }])(
  "where `ne` holds of a missing attribute: $missing",
  (semantics) => {
    beforeEach(() => restart(semantics));

    test.each<[string, Condition, readonly string[], unknown]>([
      [
        "a comparison",
        internal,
        ["plain", "hr", "late"],
        { type: "eq", key: "classification", value: "internal" },
      ],
      [
        "what can't be said in part",
        all(internal, department),
        ["plain", "hr", "late"],
        { type: "eq", key: "classification", value: "internal" },
      ],
      [
        "a time",
        all(internal, unexpired),
        ["plain", "hr"],
        { type: "eq", key: "classification", value: "internal" },
      ],
      ["what is later", field("expires", "gt", 1.5e9), ["hr"], { type: "gt", key: "expires", value: 1.5e9 }],
      [
        "what can't be said at all",
        not(field("department", "eq", "hr")),
        ["plain", "number", "none", "late"],
        undefined,
      ],
      [
        "what isn't equal",
        field("department", "ne", "it"),
        ["hr", "secret"],
        { type: "ne", key: "department", value: "it" },
      ],
      [
        "one of several",
        field("classification", "in", ["internal", "restricted"]),
        ["plain", "hr", "secret", "late"],
        {
          type: "or",
          filters: ["internal", "restricted"].map((value) => ({ type: "eq", key: "classification", value })),
        },
      ],
      [
        "whose store it is",
        all(field("tenant", "eq", "acme"), internal),
        ["plain", "hr", "late"],
        { type: "eq", key: "classification", value: "internal" },
      ],
    ])(
      "%s narrows the search, and what is wider is left out",
      async (_name, condition, expected, filters) => {
        const { id } = await stores().create({});
        fill();
        oblige([filter(condition)]);
        const page = await stores().search(id, { query: "q", max_num_results: 20 });
        expect(names(page)).toEqual(expected);
        expect(sent()["filters"]).toEqual(filters);
        expect(sent()["max_num_results"]).toBe(50);
      },
    );

    test.each<[string, object]>([
      [
        "anything",
        {
          type: "or",
          filters: [
            { type: "ne", key: "x", value: "y" },
            { type: "eq", key: "classification", value: "restricted" },
          ],
        },
      ],
      ["what is excluded", { type: "nin", key: "classification", value: ["internal"] }],
      ["another type", { type: "eq", key: "classification", value: 1 }],
      ["all of it", { type: "gte", key: "classification", value: "" }],
    ])("a filter for %s finds nothing more", async (_name, filters) => {
      const { id } = await stores().create({});
      fill();
      oblige([filter(internal)]);
      const page = await stores().search(id, { query: "q", filters: filters as never });
      for (const name of names(page)) expect(["plain", "hr", "late"]).toContain(name);
      expect(sent()["filters"]).toEqual({
        type: "and",
        filters: [filters, { type: "eq", key: "classification", value: "internal" }],
      });
    });
  },
);

test("each result is decided on by what its file is described by, and nothing that is taken out is left", async () => {
  const { id } = await stores().create({});
  fill();
  oblige(
    [filter(internal)],
    [
      { type: "keep_documents", properties: { documents: [0, 1] } },
      { type: "mask_documents", properties: { documents: [1], fields: ["owner", "text"] } },
      { type: "label_documents", properties: { documents: [1], labels: ["hr-data"] } },
    ],
    ["restricted-data"],
  );
  const answer = await stores().search(id, { query: "who", max_num_results: 5 }).asResponse();
  const page: unknown = await answer.json();
  expect(page).toMatchObject({
    ...{
      object: "vector_store.search_results.page",
      search_query: ["who"],
      has_more: false,
      next_page: null,
    },
    data: [
      { score: 1, attributes: files["plain"], content: [{ type: "text", text: "text of plain" }] },
      { attributes: { department: "hr", owner: "***" }, content: [{ type: "text", text: "***" }] },
    ],
  });
  expect(JSON.stringify(page)).not.toMatch(/late|restricted|not for clients|ann/);
  const asked = calls().at(-1);
  expect(asked).toMatchObject({
    kind: "retrieval",
    action: { name: "retrieval.query", properties: { phase: "response", store: "vs_1", top_k: 5 } },
    resource: {
      ...{ type: "storage", id: "gpt" },
      properties: {
        recent: { queries: 1, narrow: 1 },
        // whose the store is, whatever an attribute says
        documents: [
          { tenant: "acme", classification: "internal" },
          { tenant: "acme", classification: "internal", department: "hr", owner: "ann", expires: 2e9 },
          { tenant: "acme", classification: "internal", expires: 1e9 },
        ],
      },
    },
  });
  await until(() => Promise.resolve(world.sidecar.outcomes.some(({ retrieval }) => retrieval !== undefined)));
  expect(world.sidecar.outcomes.at(-1)).toMatchObject({
    labels: ["restricted-data", "hr-data"],
    retrieval: { found: 3, filtered: 0, removed: 1, masked: 1, given: 2, exact: false },
  });
  expect(JSON.stringify(world.sidecar.outcomes)).not.toContain("who");
});

test("what came back may be denied as a whole", async () => {
  const { id } = await stores().create({});
  fill();
  world.sidecar.decide = ({ action }) => ({
    allow: action.properties["phase"] !== "response",
    subject,
    reasons: [{ code: "too_many_narrow_queries", message: "too many", rule: "document.inference" }],
  });
  await expect(stores().search(id, { query: "q" })).rejects.toMatchObject({
    status: 403,
    error: { reasons: [{ code: "too_many_narrow_queries" }] },
  });
});

test("fewer are asked for where policy says so, and where nothing can be found nothing is asked", async () => {
  const { id } = await stores().create({});
  fill();
  oblige([{ type: "limit_results", properties: { top_k: 2 } }]);
  expect((await stores().search(id, { query: "q" })).data).toHaveLength(2);
  expect(sent()).toEqual({ query: "q", max_num_results: 2 });
  const before = upstream.received.length;
  oblige([filter(field("tenant", "eq", "globex"))]);
  expect((await stores().search(id, { query: "q" })).data).toEqual([]);
  expect(upstream.received).toHaveLength(before);
});

test.each<[string, object, string]>([
  ["an operator that isn't known", { filters: { type: "regex", key: "a", value: ".*" } }, "filter_refused"],
  ["a filter in a list", { filters: { type: "eq", key: "a", value: [{ $ne: 1 }] } }, "filter_refused"],
  ["another field in a filter", { filters: { type: "eq", key: "a", value: 1, or: [] } }, "filter_refused"],
  [
    "a comparison within a comparison",
    { filters: { type: "eq", key: "a", value: 1, filters: [] } },
    "filter_refused",
  ],
  ["an `or` of nothing", { filters: { type: "or", filters: [] } }, "filter_refused"],
  [
    "a filter that is a text",
    { filters: { type: "and", filters: ["classification = 'x'"] } },
    "filter_refused",
  ],
  ["a filter that is too deep", { filters: deep(12) }, "filter_refused"],
  ["a number that has neighbours", { filters: { type: "eq", key: "a", value: 2 ** 60 } }, "filter_refused"],
  ["a ranker that isn't known", { ranking_options: { ranker: "mine" } }, "filter_refused"],
  ["a threshold beyond 1", { ranking_options: { score_threshold: 2 } }, "filter_refused"],
  ["another option of ranking", { ranking_options: { boost: 2 } }, "filter_refused"],
  ["more than the provider gives", { max_num_results: 51 }, "retrieval_limit"],
  ["a hidden attribute in a filter", { filters: { type: "eq", key: "owner", value: "ann" } }, "field_hidden"],
])("refuses %s", async (_name, body, code) => {
  const { id } = await stores().create({});
  oblige([{ type: "hide_fields", properties: { fields: ["owner"] } }]);
  const before = upstream.received.length;
  await expect(stores().search(id, { query: "q", ...body } as never)).rejects.toMatchObject({ code });
  expect(upstream.received).toHaveLength(before);
});

function deep(depth: number): object {
  return depth === 0 ? { type: "eq", key: "a", value: 1 } : { type: "and", filters: [deep(depth - 1)] };
}

test.each<[string, unknown]>([
  ["without results", { data: null }],
  ["whose results are texts", { data: ["text"] }],
  ["with a result without content", { data: [{ file_id: "a", attributes: {} }] }],
  ["with content that isn't text", { data: [{ file_id: "a", content: [{ type: "image", url: "x" }] }] }],
  ["with attributes that are a list", { data: [{ file_id: "a", attributes: ["x"], content: [] }] }],
])("an answer %s is none", async (_name, answer) => {
  const { id } = await stores().create({});
  upstream.say = { answer, status: 200 };
  await expect(stores().search(id, { query: "q" })).rejects.toMatchObject({ code: "upstream_invalid" });
});

test("what the upstream says of a filter that it doesn't like isn't passed on", async () => {
  const { id } = await stores().create({});
  oblige([filter(internal)]);
  upstream.say = { answer: { error: { message: "classification = internal is no filter" } }, status: 400 };
  const refused: unknown = await stores()
    .search(id, { query: "q" })
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: 400, code: "upstream_refused" });
  expect(JSON.stringify(refused)).not.toContain("internal is");
});

describe("files", () => {
  const stamp = {
    type: "stamp_documents",
    properties: {
      set: { tenant: "acme" },
      at_least: { classification: { value: "internal", order: ["public", "internal", "restricted"] } },
    },
  };
  const low = field("classification", "in", ["internal", "restricted"]);

  test("get what policy says when they are attached, alone and together", async () => {
    const { id } = await stores().create({});
    const [one, two] = [await upload(), await upload()];
    oblige([filter(low), stamp]);
    await stores().files.create(id, { file_id: one, attributes: { department: "hr" } });
    expect(sent()["attributes"]).toEqual({ department: "hr", classification: "internal" });
    expect(calls().at(-1)?.resource.properties["documents"]).toEqual([{ department: "hr" }]);
    await stores().fileBatches.create(id, {
      file_ids: [one, two],
      attributes: { classification: "restricted" },
    });
    expect(sent()).toEqual({ file_ids: ["file-1", "file-2"], attributes: { classification: "restricted" } });
    await stores().fileBatches.create(id, {
      files: [{ file_id: one }, { file_id: two, attributes: { owner: "ann" } }],
    });
    expect(sent()["files"]).toEqual([
      { file_id: "file-1", attributes: { classification: "internal" } },
      { file_id: "file-2", attributes: { owner: "ann", classification: "internal" } },
    ]);
  });

  test.each<[string, object, string]>([
    ["a lower classification", { attributes: { classification: "public" } }, "document_refused"],
    ["a classification of another type", { attributes: { classification: 3 } }, "document_refused"],
    ["an object for an attribute", { attributes: { a: { b: 1 } } }, "invalid_request"],
    ["more attributes than a file has", { attributes: many(17) }, "invalid_request"],
    ["no room for what policy says", { attributes: many(16) }, "document_refused"],
  ])("are refused with %s", async (_name, body, code) => {
    const { id } = await stores().create({});
    const file = await upload();
    oblige([filter(low), stamp]);
    const before = upstream.received.length;
    await expect(stores().files.create(id, { file_id: file, ...body } as never)).rejects.toMatchObject({
      code,
    });
    await expect(
      stores().fileBatches.create(id, { files: [{ file_id: file, ...body }] } as never),
    ).rejects.toMatchObject({ code });
    expect(upstream.received).toHaveLength(before);
  });

  test("are put into a store once it is made, where they must be stamped", async () => {
    const file = await upload();
    oblige([stamp]);
    await expect(stores().create({ file_ids: [file] })).rejects.toMatchObject({ code: "document_refused" });
    expect(upstream.received).toHaveLength(1);
    await restart({
      vectorStores: { fields: { tenant: "$namespace" }, constants: { classification: "internal" } },
    });
    const again = await upload();
    oblige([stamp]);
    await stores().create({ file_ids: [again] });
    expect(sent()).toEqual({ file_ids: ["file-1"] });
  });

  test("aren't described twice", async () => {
    const { id } = await stores().create({});
    const file = await upload();
    const before = upstream.received.length;
    for (const beside of [{ attributes: { a: 1 } }, { file_ids: [file] }])
      await expect(
        stores().fileBatches.create(id, { files: [{ file_id: file }], ...beside } as never),
      ).rejects.toMatchObject({ code: "invalid_request" });
    expect(upstream.received).toHaveLength(before);
  });

  test.each<[string, Attributes | null, Attributes, string | undefined]>([
    ["described anew", { classification: "internal" }, { classification: "restricted" }, undefined],
    [
      "left as secret as they are",
      { classification: "restricted" },
      { classification: "restricted", owner: "a" },
      undefined,
    ],
    [
      "made less secret",
      { classification: "restricted" },
      { classification: "internal" },
      "document_refused",
    ],
    ["made less secret by saying nothing", { classification: "restricted" }, {}, "document_refused"],
    ["changed by who couldn't find them", null, { classification: "internal" }, "document_refused"],
  ])("may be %s: or not", async (_name, before, now, code) => {
    const { id } = await stores().create({});
    const file = await upload();
    upstream.files.set("file-1", before);
    oblige([filter(low), stamp]);
    const change = stores().files.update(file, { vector_store_id: id, attributes: now as never });
    if (code === undefined) await change;
    else await expect(change).rejects.toMatchObject({ code });
    expect(upstream.files.get("file-1")).toEqual(code === undefined ? now : before);
  });
});

function many(count: number): Attributes {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, i]));
}

test("what policy sees of files is configured", async () => {
  await restart({
    vectorStores: {
      fields: {
        tenant: "$namespace",
        classification: "class",
        made: { path: "made_ms", type: "time", form: "epoch_ms" },
      },
      hidden: ["note"],
      limits: { top_k: 3 },
    },
  });
  const { id } = await stores().create({});
  upstream.files.set("a", { class: "internal", made_ms: 5_000, note: "x" });
  upstream.files.set("b", { classification: "internal" });
  oblige([filter(all(internal, field("made", "le", 5)))]);
  const page = await stores().search(id, { query: "q", max_num_results: 3 });
  expect(page.data.map(({ attributes }) => attributes)).toEqual([{ class: "internal", made_ms: 5_000 }]);
  expect(sent()["filters"]).toEqual({
    type: "and",
    filters: [
      { type: "eq", key: "class", value: "internal" },
      { type: "lte", key: "made_ms", value: 5_000 },
    ],
  });
  await expect(stores().search(id, { query: "q", max_num_results: 4 })).rejects.toMatchObject({
    code: "retrieval_limit",
  });
  oblige([filter(field("department", "eq", "hr"))]);
  await expect(stores().search(id, { query: "q", max_num_results: 1 })).rejects.toMatchObject({
    code: "obligation_unsatisfiable",
  });
});

test("what a search doesn't have is refused", async () => {
  const { id } = await stores().create({});
  const got = await fetch(`${world.url}/v1/vector_stores/${id}/search?filters=x`, {
    method: "POST",
    headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
    body: '{"query":"q","attribute_filter":{}}',
  });
  expect([400, 404]).toContain(got.status);
});
