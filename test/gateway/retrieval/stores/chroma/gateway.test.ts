/** Documents through the real gateway to a real Chroma server: what comes back, and what the store received. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { ChromaLab } from "./handbook.js";
import { acme, at, field, handbook, startChromaLab } from "./handbook.js";
import { home } from "./server.js";

let { chroma, lab, last, uuids, close } = {} as ChromaLab;
beforeAll(async () => {
  ({ chroma, lab, last, uuids, close } = await startChromaLab());
});
afterAll(() => close());
beforeEach(() => {
  lab.received.length = 0;
  lab.narrow(acme);
});

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
    // few at first, which is enough here
    expect(last().body).toMatchObject({ where: { tenant: { $ne: "beta" } }, n_results: 16 });
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
