/** What stores receive of a search, and what is given of their answers. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { callerToken, subject } from "../../../world.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import { collections, indices, ofAcme, ofPublic } from "./library.js";
import type { SearchServer } from "./server.js";
import { startSearch } from "./server.js";

interface Answer {
  readonly hits: { readonly total: unknown; readonly hits: readonly Record<string, unknown>[] };
  readonly [name: string]: unknown;
}

const exact = { term: { "meta.classification": "public" } };
const vector = [1, 1];

interface Sent {
  readonly name: string;
  readonly kind: "elasticsearch" | "opensearch";
  readonly body: unknown;
  readonly sent: unknown;
}

const sent: readonly Sent[] = [
  {
    ...{ name: "nothing", kind: "elasticsearch", body: {} },
    sent: { query: { bool: { must: [{ match_all: {} }], filter: [exact] } } },
  },
  {
    name: "a query that would be wider with an or",
    kind: "elasticsearch",
    body: { query: { bool: { should: [{ match_all: {} }], minimum_should_match: 0 } } },
    sent: {
      query: {
        bool: { must: [{ bool: { should: [{ match_all: {} }], minimum_should_match: 0 } }], filter: [exact] },
      },
    },
  },
  {
    name: "neighbours alone",
    kind: "elasticsearch",
    body: { knn: { field: "embedding", query_vector: vector, k: 2, num_candidates: 5 } },
    sent: { knn: { field: "embedding", query_vector: vector, k: 2, num_candidates: 5, filter: [exact] } },
  },
  {
    name: "neighbours with a filter, beside a query",
    kind: "elasticsearch",
    body: {
      query: { match: { text: "x" } },
      knn: [
        {
          field: "embedding",
          query_vector: vector,
          k: 2,
          num_candidates: 5,
          filter: { term: { owner: "ann" } },
        },
        { field: "embedding", query_vector: vector, k: 1, num_candidates: 5 },
      ],
    },
    sent: {
      query: { bool: { must: [{ match: { text: "x" } }], filter: [exact] } },
      knn: [
        {
          field: "embedding",
          query_vector: vector,
          k: 2,
          num_candidates: 5,
          filter: [{ term: { owner: "ann" } }, exact],
        },
        { field: "embedding", query_vector: vector, k: 1, num_candidates: 5, filter: [exact] },
      ],
    },
  },
  {
    name: "neighbours within a query",
    kind: "elasticsearch",
    body: { query: { bool: { should: { knn: { field: "embedding", query_vector: vector, k: 2 } } } } },
    sent: {
      query: {
        bool: {
          must: [
            {
              bool: { should: { knn: { field: "embedding", query_vector: vector, k: 2, filter: [exact] } } },
            },
          ],
          filter: [exact],
        },
      },
    },
  },
  {
    name: "lists put together",
    kind: "elasticsearch",
    body: {
      retriever: {
        rrf: {
          retrievers: [
            { standard: { query: { match: { text: "x" } } } },
            { knn: { field: "embedding", query_vector: vector, k: 2, num_candidates: 5 } },
            { rrf: { retrievers: [{ standard: {} }] } },
          ],
        },
      },
    },
    sent: {
      retriever: {
        rrf: {
          retrievers: [
            { standard: { query: { bool: { must: [{ match: { text: "x" } }], filter: [exact] } } } },
            { knn: { field: "embedding", query_vector: vector, k: 2, num_candidates: 5, filter: [exact] } },
            {
              rrf: {
                retrievers: [
                  { standard: { query: { bool: { must: [{ match_all: {} }], filter: [exact] } } } },
                ],
              },
            },
          ],
        },
      },
    },
  },
  {
    name: "neighbours",
    kind: "opensearch",
    body: { query: { knn: { embedding: { vector, k: 2, filter: { term: { owner: "ann" } } } } } },
    sent: {
      query: {
        bool: {
          must: [
            {
              knn: {
                embedding: {
                  vector,
                  k: 2,
                  filter: { bool: { filter: [{ term: { owner: "ann" } }, exact] } },
                },
              },
            },
          ],
          filter: [exact],
        },
      },
    },
  },
  {
    name: "lists put together",
    kind: "opensearch",
    body: {
      query: { hybrid: { queries: [{ match: { text: "x" } }, { knn: { embedding: { vector, k: 2 } } }] } },
    },
    sent: {
      query: {
        hybrid: {
          queries: [
            { bool: { must: [{ match: { text: "x" } }], filter: [exact] } },
            { bool: { must: [{ knn: { embedding: { vector, k: 2, filter: exact } } }], filter: [exact] } },
          ],
        },
      },
    },
  },
];

describe.each(["elasticsearch", "opensearch"] as const)("%s", (kind) => {
  let server: SearchServer;
  let lab: StoreLab;
  beforeAll(async () => {
    server = await startSearch(kind, {
      ...indices,
      handbook: {
        ...(indices["handbook"] ?? { mapping: {} }),
        documents: {
          ...indices["handbook"]?.documents,
          // written past the gateway
          d1: {
            tenant: "acme",
            "meta.classification": "restricted",
            text: "Holidays in dots",
            "secret.part": "s",
          },
          d2: {
            tenant: "acme",
            "meta.classification": "restricted",
            meta: { classification: "public" },
            text: "Holidays twice",
          },
        },
      },
    });
    lab = await startStoreLab(server.url, {
      ...{ kind, collections },
      api_key: { value: "user:key-of-the-store" },
    });
  });
  afterAll(async () => {
    await lab.close();
    await server.close();
  });
  beforeEach(() => {
    lab.narrow(ofPublic);
    lab.received.length = 0;
  });

  const search = async (body: unknown, path = "/handbook/_search"): Promise<Answer> => {
    const answer = await lab.ask("POST", path, body);
    expect(answer.status).toBe(200);
    return answer.body as Answer;
  };
  const ids = ({ hits }: Answer): unknown[] => hits.hits.map(({ _id }) => _id).sort();

  test.each(sent.filter((one) => one.kind === kind).map((one) => [one.name, one] as const))(
    "narrows %s",
    async (_name, one) => {
      await search(one.body);
      const { _source, size, ...got } = JSON.parse(lab.received[0]?.body ?? "") as Record<string, unknown>;
      expect(got).toEqual(one.sent);
      expect(size).toBe(10);
      expect(_source).toEqual({ excludes: ["secret", "embedding"] });
    },
  );

  test("shows the store its own key, and not the caller's", async () => {
    await search({});
    const key = "user:key-of-the-store";
    const shown = kind === "opensearch" ? `Basic ${Buffer.from(key).toString("base64")}` : `ApiKey ${key}`;
    expect(lab.received.map(({ headers }) => headers.authorization)).toEqual([shown]);
  });

  test("gives what was asked for of a document, and looks at more", async () => {
    const { hits } = await search({ query: { ids: { values: ["a1"] } }, _source: ["text", "meta.*"] });
    expect(hits.hits[0]?.["_source"]).toEqual({
      text: "Holidays are taken in summer",
      meta: { classification: "public" },
    });
    const none = await search({ query: { ids: { values: ["a1"] } }, _source: false });
    expect(none.hits.hits[0]).not.toHaveProperty("_source");
    expect(JSON.parse(lab.received[1]?.body ?? "")).toHaveProperty("_source.includes");
    const less = await search({ query: { ids: { values: ["a1"] } }, _source: { excludes: ["meta", "t*"] } });
    expect(Object.keys(less.hits.hits[0]?.["_source"] as object).sort()).toEqual(["at", "level", "owner"]);
  });

  test("gives vectors where they are named", async () => {
    const { hits } = await search({ query: { ids: { values: ["a1"] } }, _source: ["embedding"] });
    expect(hits.hits[0]?.["_source"]).toEqual({ embedding: [1, 1] });
  });

  test("masks what is taken out beside a document, too", async () => {
    lab.narrow(ofPublic, [
      {
        type: "mask_documents",
        phase: "response",
        properties: { documents: [0], fields: ["text", "owner"] },
      },
    ]);
    const { hits } = await search({
      query: { ids: { values: ["a1"] } },
      ...{ fields: ["*"], highlight: { fields: { text: {}, "*": {} } } },
    });
    const text = JSON.stringify(hits.hits);
    expect(text).not.toMatch(/summer|"ann"|key-acme|embedding/);
    expect(hits.hits[0]?.["fields"]).toMatchObject({ level: [1], tenant: ["acme"] });
    // its place in an order would tell what is masked
    const sorted = await search({ query: { ids: { values: ["a1"] } }, sort: [{ owner: "asc" }] });
    expect(sorted.hits.hits).toEqual([]);
  });

  test("counts what is given, where the store found more", async () => {
    lab.narrow(ofAcme);
    const answer = await search({ query: { match: { text: "holidays" } }, size: 2 });
    expect(ids(answer)).toHaveLength(2);
    expect(answer.hits.total).toEqual({ value: 2, relation: "eq" });
    // more was fetched than was asked for, because some is taken out
    expect(JSON.parse(lab.received[0]?.body ?? "")).toMatchObject({ size: 1_000 });
  });

  test("reads fields that are written with dots", async () => {
    const answer = await search({ query: { match: { text: "holidays" } } });
    expect(ids(answer)).toEqual(["a1", "b1", "x1"]);
    lab.narrow({ type: "field", operator: "ne", field: "classification", value: "public" });
    const others = await search({ query: { match: { text: "dots" } } });
    expect(ids(others)).toEqual(["d1"]);
    expect(JSON.stringify(others)).not.toContain("secret.part");
  });

  test("says nothing of what the store says of its errors", async () => {
    const { status, body } = await lab.ask("POST", "/handbook/_search", {
      from: 900,
      size: 10,
      query: { range: { level: { gte: "text" } } },
    });
    expect(status).toBe(200);
    void body;
    const bulk = await lab.ask(
      "POST",
      "/_bulk",
      `${JSON.stringify({ create: { _index: "handbook", _id: "a1" } })}\n${JSON.stringify({ meta: { classification: "public" } })}\n`,
    );
    expect(bulk.body).toMatchObject({
      errors: true,
      items: [{ create: { status: 409, error: { type: "version_conflict_engine_exception" } } }],
    });
    expect(JSON.stringify(bulk.body)).not.toContain("already exists");
    const failed = await lab.ask(
      "POST",
      "/_msearch",
      `{"index":"handbook"}\n{"query":{"term":{"level":"much"}}}\n`,
    );
    expect(JSON.stringify(failed.body)).not.toContain("failed to create");
  });

  test("takes scroll ids of nobody else, nor for another store's route", async () => {
    const first = await search({ size: 1, query: { match_all: {} } }, "/handbook/_search?scroll=1m");
    const scroll_id = first["_scroll_id"];
    const { decide } = lab.sidecar;
    lab.sidecar.decide = () => ({ allow: true, subject: { ...subject, id: "agent-2" } });
    const other = await lab.ask("POST", "/_search/scroll", { scroll_id });
    lab.sidecar.decide = decide;
    expect(other).toMatchObject({
      status: 400,
      body: { error: { countersign: { code: "unknown_cursor" } } },
    });
    const pit = await lab.ask("POST", "/_search", { pit: { id: scroll_id } });
    expect(pit.status).toBe(400);
    const mine = await lab.ask("POST", "/_search/scroll", { scroll_id });
    expect(mine.status).toBe(200);
    const [names = "", sealed = ""] = String(scroll_id).split(".");
    const elsewhere = Buffer.from("notes").toString("base64url");
    expect(names).not.toBe(elsewhere);
    expect((await lab.ask("POST", "/_search/scroll", { scroll_id: `${elsewhere}.${sealed}` })).status).toBe(
      400,
    );
  });

  test("answers neutral queries", async () => {
    lab.narrow(ofAcme);
    const answer = await fetch(`${lab.world.url}/v1/retrieval/lib.handbook/query`, {
      method: "POST",
      headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
      body: JSON.stringify({ query: "holidays", top_k: 2 }),
    });
    expect(answer.status).toBe(200);
    const { documents } = (await answer.json()) as { documents: { id: string }[] };
    expect(documents).toHaveLength(2);
    const near = await fetch(`${lab.world.url}/v1/retrieval/lib.handbook/query`, {
      method: "POST",
      headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
      body: JSON.stringify({ vector: [4, 1], top_k: 2 }),
    });
    expect(((await near.json()) as { documents: { id: string }[] }).documents.map(({ id }) => id)).toEqual([
      "a3",
      "a2",
    ]);
  });
});
