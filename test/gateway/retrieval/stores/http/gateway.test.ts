/** Stores by a mapping, through the real gateway: what comes back, and what the store received. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Fields, Problems } from "../../../../../sidecar/contract.js";
import type { Condition } from "../../../../../sidecar/contract.js";
import { settings } from "../../../../../gateway/retrieval/stores/http/mapping.js";
import type { Served } from "../../../world.js";
import { callerToken } from "../../../world.js";
import type { LabAnswer, StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import { startSearch } from "./server.js";

const documents = [
  { id: "a1", text: "acme public", tenant: "acme", classification: "public" },
  { id: "b1", text: "beta public", tenant: "beta", classification: "public" },
  { id: "n1", text: "nobody's" },
  { id: "a2", text: "acme secret", tenant: "acme", classification: "secret" },
];
const field = (operator: string, name: string, value: unknown): Condition =>
  ({ type: "field", operator, field: name, value }) as Condition;
const acme = field("eq", "tenant", "acme");
const fields = { tenant: "tenant", classification: "classification" };

let search: Served;
let lab: StoreLab;
beforeAll(async () => {
  search = await startSearch(documents);
});
afterAll(() => search.close());
afterEach(() => lab.close());

const sent = (): unknown[] => lab.received.map(({ body, path }) => [path, JSON.parse(body)]);

async function ask(key: string, body: object): Promise<LabAnswer> {
  const answer = await fetch(`${lab.world.url}/v1/retrieval/${key}/query`, {
    method: "POST",
    headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

describe("where nothing is mapped", () => {
  const start = async (more: object = {}): Promise<void> => {
    lab = await startStoreLab(search.url, { kind: "http", collections: { wiki: { fields, ...more } } });
    lab.narrow(acme);
  };

  test("it takes {query, top_k} and gives {documents}, each looked at", async () => {
    await start();
    const { status, body } = await lab.ask("POST", "", { query: "x", top_k: 1 });
    expect({ status, body }).toEqual({ status: 200, body: { documents: [documents[0]] } });
    // more is fetched, for the store filters nothing
    expect(sent()).toEqual([["/", { query: "x", top_k: 16 }]]);
  });

  test("without a condition no more is fetched than asked for", async () => {
    await start();
    lab.narrow(undefined);
    expect((await lab.ask("POST", "", { query: "x", top_k: 2 })).body).toEqual({
      documents: documents.slice(0, 2),
    });
    expect(sent()).toEqual([["/", { query: "x", top_k: 2 }]]);
  });

  test("a neutral query gives the same", async () => {
    await start();
    const { body } = await ask("wiki", { query: "x", filter: field("eq", "classification", "secret") });
    const metadata = { id: "a2", tenant: "acme", classification: "secret" };
    expect(body).toEqual({ documents: [{ id: "a2", text: "acme secret", metadata }] });
    expect(await ask("wiki", { vector: [1] })).toMatchObject({
      status: 400,
      body: { code: "invalid_request" },
    });
  });

  test("what is masked or hidden is so at its place alone", async () => {
    await start({ hidden: ["classification"] });
    lab.narrow(acme, [
      { type: "mask_documents", phase: "response", properties: { documents: [0], fields: ["text"] } },
    ]);
    expect((await lab.ask("POST", "", { query: "x" })).body).toEqual({
      documents: [
        { id: "a1", tenant: "acme", text: "***" },
        { id: "a2", tenant: "acme", text: "acme secret" },
      ],
    });
    await lab.close();
    await start({ hidden: ["text"] });
    expect((await lab.ask("POST", "", { query: "x", top_k: 1 })).body).toEqual({
      documents: [{ id: "a1", tenant: "acme", classification: "public" }],
    });
  });

  test.each<[string, string, string, unknown, string]>([
    ["another path", "POST", "/admin", { query: "x" }, "unknown_operation"],
    ["another method", "PUT", "", { query: "x" }, "unknown_operation"],
    ["a parameter", "POST", "/?debug=1", { query: "x" }, "invalid_request"],
    ["another field", "POST", "", { query: "x", tenant: "beta" }, "invalid_request"],
    ["no query", "POST", "", { top_k: 5 }, "invalid_request"],
    ["a query that is no text", "POST", "", { query: { match: "x" } }, "invalid_request"],
    ["a fraction of documents", "POST", "", { query: "x", top_k: 1.5 }, "invalid_request"],
    ["too many", "POST", "", { query: "x", top_k: 5_000 }, "retrieval_limit"],
  ])("refused: %s", async (_name, method, path, body, code) => {
    await start();
    expect(await lab.ask(method, path, body)).toMatchObject({ body: { code } });
    expect(lab.received).toEqual([]);
  });
});

const mapped = {
  path: "/v2/$collection/find",
  body: { search: { text: "$query", where: "$filter" }, size: "$top_k", mode: "all" },
  ...{
    documents: "/result/hits",
    id: "/key",
    score: "/weight",
    text: "/doc/says/text",
    metadata: "/doc/meta",
  },
};

describe("by a mapping", () => {
  const start = async (more: object): Promise<void> => {
    lab = await startStoreLab(search.url, {
      ...{ kind: "http", query: { ...mapped, ...more } },
      collections: { wiki: { name: "pages", fields }, other: { fields } },
    });
    lab.narrow(acme);
  };

  test("conditions as such; paths, answers and what is constant as configured", async () => {
    await start({ filter: "ucast", exact: true });
    const caller = field("ne", "classification", "secret");
    const { body } = await lab.ask("POST", "/v2/pages/find", {
      search: { text: "x", where: caller },
      size: 3,
    });
    expect(body).toEqual({
      result: {
        hits: [
          {
            key: "a1",
            weight: 1,
            doc: { meta: { tenant: "acme", classification: "public" }, says: { text: "acme public" } },
          },
        ],
      },
    });
    const where = { type: "compound", operator: "and", value: [caller, acme] };
    expect(sent()).toEqual([["/v2/pages/find", { search: { text: "x", where }, size: 3, mode: "all" }]]);
  });

  test("what the store's filter means isn't taken for granted", async () => {
    await start({ filter: "ucast" });
    await lab.ask("POST", "/v2/pages/find", { search: { text: "x" }, size: 3 });
    expect(sent()).toEqual([
      ["/v2/pages/find", { search: { text: "x", where: acme }, size: 16, mode: "all" }],
    ]);
  });

  test("values that must be equal, as far as they say it", async () => {
    await start({ filter: "equals", exact: true });
    lab.narrow({
      type: "compound",
      operator: "and",
      value: [acme, field("in", "classification", ["secret"])],
    });
    const { body } = await lab.ask("POST", "/v2/pages/find", {
      search: { text: "x", where: { classification: "secret" } },
      size: 1,
    });
    expect(body).toMatchObject({ result: { hits: [{ key: "a2" }] } });
    const where = { classification: "secret", tenant: "acme" };
    expect(sent()).toEqual([["/v2/pages/find", { search: { text: "x", where }, size: 16, mode: "all" }]]);
  });

  test.each<[string, string, unknown, string]>([
    [
      "a collection that isn't configured",
      "/v2/others/find",
      { search: { text: "x" } },
      "unknown_collection",
    ],
    ["another constant", "/v2/pages/find", { search: { text: "x" }, mode: "debug" }, "invalid_request"],
    ["another field within", "/v2/pages/find", { search: { text: "x", boost: 1 } }, "invalid_request"],
    [
      "a filter that is none",
      "/v2/pages/find",
      { search: { text: "x", where: { $or: [] } } },
      "filter_refused",
    ],
    [
      "policy's field with another value",
      "/v2/pages/find",
      { search: { text: "x", where: { tenant: "beta" } } },
      "filter_refused",
    ],
  ])("refused: %s", async (_name, path, body, code) => {
    await start({ filter: "equals" });
    if (code === "unknown_collection") lab.narrow(undefined);
    expect(await lab.ask("POST", path, body)).toMatchObject({ body: { code } });
    expect(lab.received).toEqual([]);
  });

  test("vectors and namespaces have their places, also within lists", async () => {
    const query = {
      path: "/v2/$collection/find",
      ...{ documents: "/result/hits", id: "/key", text: "/doc/says/text", metadata: "/doc/meta" },
      body: { search: { part: "$namespace" }, vectors: ["$vector"], ids: { any: "$ids" }, size: "$top_k" },
    };
    const wiki = { fields: { ...fields, tenant: "$namespace" } };
    lab = await startStoreLab(search.url, { kind: "http", query, collections: { wiki } });
    lab.narrow(acme);
    const { body } = await ask("wiki", { vector: [0.5, 1], ids: ["x"], namespace: "acme", top_k: 2 });
    expect(body).toMatchObject({ documents: [{ id: "a1" }, { id: "b1" }] });
    const sentBody = { search: { part: "acme" }, vectors: [[0.5, 1]], ids: { any: ["x"] }, size: 2 };
    expect(sent()).toEqual([["/v2/wiki/find", sentBody]]);
    for (const [namespace, code] of [
      ["..", "invalid_request"],
      [undefined, "namespace_required"],
    ])
      expect(await ask("wiki", { vector: [1], namespace })).toMatchObject({ body: { code } });
    lab.narrow(field("eq", "tenant", "beta"));
    expect((await ask("wiki", { vector: [1], namespace: "acme" })).body).toEqual({ documents: [] });
    expect(lab.received).toHaveLength(1);
  });

  test("an answer in which documents can't be seen is refused", async () => {
    await start({ filter: "ucast", documents: "/result" });
    expect(await lab.ask("POST", "/v2/pages/find", { search: { text: "x" } })).toMatchObject({
      ...{ status: 502, body: { code: "upstream_invalid" } },
    });
  });
});

describe("a mapping is read strictly", () => {
  test.each<[string, object, object, string]>([
    ["an unknown blank", { body: { q: "$query", x: "$secret" } }, {}, "query.body: unknown $secret"],
    ["nothing to search for", { body: { n: "$top_k" } }, {}, "must have a place for $query"],
    ["twice the same", { body: { q: "$query", r: "$query" } }, {}, "may stand once"],
    ["a filter without a place", { filter: "ucast" }, {}, "goes with a place for $filter"],
    [
      "a place without a language",
      { body: { q: "$query", f: "$filter" } },
      {},
      "goes with a place for $filter",
    ],
    ["a pointer that is none", { documents: "documents" }, {}, "query.documents: must be a JSON pointer"],
    ["a path that leads elsewhere", { path: "/../x" }, {}, "must not hold dots"],
    ["a query in the path", { path: "/a?b=c" }, {}, "must be as /a/b"],
    ["a text in the path", { path: "/$query" }, {}, "$collection and $namespace only"],
    ["an unknown key", { bodi: {} }, {}, "unknown field"],
    ["several collections in one place", {}, { two: {} }, "must have a place for $collection"],
  ])("%s", (_name, query, collections, problem) => {
    const problems = new Problems();
    const value = { query, collections: { one: {}, ...collections } };
    settings.store?.(new Fields(value as never, "", problems), problems);
    expect(problems.list.join("; ")).toContain(problem);
  });
});
