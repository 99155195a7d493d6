import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type pg from "pg";
import { deny, post, until } from "../../world.js";
import type { PostgresLab } from "./lab.js";
import { startPostgresLab } from "./lab.js";
import { ofAcme } from "./world.js";

/** PGlite: PostgreSQL as WASM, in this process, with the extension; one connection at a time. */
async function startVectors(): Promise<{ db: PGlite; port: number; close(): Promise<void> }> {
  const db = await PGlite.create({ extensions: { vector } });
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = probe.address() as AddressInfo;
      probe.close(() => {
        resolve(free);
      });
    });
  });
  const server = new PGLiteSocketServer({ db, port, host: "127.0.0.1" });
  await server.start();
  return {
    ...{ db, port },
    async close() {
      await server.stop();
      await db.close();
    },
  };
}

describe("vectors through the gateway", () => {
  let vectors: Awaited<ReturnType<typeof startVectors>>;
  let lab: PostgresLab;
  let client: pg.Client;
  beforeAll(async () => {
    vectors = await startVectors();
    await vectors.db.exec(`
      CREATE EXTENSION vector;
      CREATE TABLE chunks (id text PRIMARY KEY, tenant text, body text, embedding vector(3));
      CREATE INDEX ON chunks USING hnsw (embedding vector_cosine_ops);
      INSERT INTO chunks SELECT 'b' || i, 'blue', 'of blue', ARRAY[1, i / 1000.0, 0]::vector FROM generate_series(1, 300) i;
      INSERT INTO chunks SELECT 'a' || i, 'acme', 'of acme', ARRAY[0, 1, i / 1000.0]::vector FROM generate_series(1, 20) i;
    `);
    const server = {
      url: `postgres://127.0.0.1:${vectors.port}/postgres`,
      owner: { query: () => Promise.resolve({ rows: [] }) } as unknown as pg.Pool,
      close: () => Promise.resolve(),
    };
    const columns = { id: "text", tenant: "text", body: "text", embedding: "vector(3)" };
    const chunks = { columns, vector: "embedding", text: "body", fields: { tenant: "tenant" } };
    const set = { "hnsw.iterative_scan": "strict_order" };
    const more = { user: "postgres", connections: 1, set };
    lab = await startPostgresLab("", { ...more, collections: { chunks } }, server);
    client = await lab.client();
  }, 60_000);
  afterAll(async () => {
    await lab.close();
    await vectors.close();
  });

  describe("in the gateway's own words", () => {
    const ask = (body: unknown): Promise<Response> =>
      post(lab.world, "/v1/retrieval/chunks/query", JSON.stringify(body));
    const given = async (response: Response): Promise<{ id: string; text?: string; score?: number }[]> => {
      expect(response.status).toBe(200);
      return ((await response.json()) as { documents: { id: string }[] }).documents;
    };

    test("the nearest of those that the caller may have, with text and score", async () => {
      lab.narrow(ofAcme);
      const documents = await given(await ask({ vector: [1, 0, 0], top_k: 3 }));
      expect(documents.map(({ id, text }) => [id.slice(0, 1), text])).toEqual(
        Array(3).fill(["a", "of acme"]),
      );
      const scores = documents.map(({ score = 0 }) => score);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      await until(() => lab.world.sidecar.outcomes.some(({ retrieval }) => retrieval?.["given"] === 3));
    });

    test("a caller's filter only narrows", async () => {
      lab.narrow(ofAcme);
      const filter = { type: "field", operator: "eq", field: "tenant", value: "blue" };
      expect(await given(await ask({ vector: [1, 0, 0], top_k: 3, filter }))).toEqual([]);
    });

    test("documents by their ids, of those that the caller may have", async () => {
      lab.narrow(ofAcme);
      const documents = await given(
        await ask({ ids: ["a1", "b1", "a2'); DROP TABLE chunks; --"], top_k: 5 }),
      );
      expect(documents.map(({ id }) => id)).toEqual(["a1"]);
    });

    test("what policy masks is masked in the text, too", async () => {
      lab.narrow(ofAcme, [
        { type: "mask_documents", properties: { documents: [0], fields: ["text"] }, phase: "response" },
      ]);
      const documents = await given(await ask({ ids: ["a1"], top_k: 5 }));
      expect(JSON.stringify(documents)).not.toContain("of acme");
      expect(documents).toHaveLength(1);
    });

    test.each([
      ["what a table can't be asked", { query: "holidays" }, 403, "unknown_operation"],
      ["more than may be asked for", { vector: [1, 0, 0], top_k: 101 }, 400, "retrieval_limit"],
      [
        "a field that isn't configured",
        { vector: [1, 0, 0], filter: { ...ofAcme, field: "body" } },
        400,
        "filter_refused",
      ],
    ])("%s is refused", async (_name, body, status, code) => {
      lab.narrow(ofAcme);
      const response = await ask(body);
      expect([response.status, await response.json()]).toMatchObject([status, { code }]);
    });

    test("a denial is one", async () => {
      lab.world.sidecar.decide = deny("retrieval.tenant");
      const response = await ask({ vector: [1, 0, 0] });
      expect([response.status, await response.json()]).toMatchObject([403, { code: "denied" }]);
    });
  });

  test("the nearest of those that the caller may have, as many as are asked for", async () => {
    lab.narrow(ofAcme);
    const sql = "SELECT id, embedding <=> $1 AS distance FROM chunks ORDER BY embedding <=> $1 LIMIT 5";
    const { rows } = await client.query(sql, ["[1,0,0]"]);
    expect(rows).toHaveLength(5);
    expect(rows.every(({ id }) => String(id).startsWith("a"))).toBe(true);
    const direct = await vectors.db.query<{ id: string }>(
      "SELECT id FROM chunks WHERE tenant = 'acme' ORDER BY embedding <=> '[1,0,0]' LIMIT 5",
    );
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(direct.rows.map(({ id }) => id)));
    const asked = lab.world.sidecar.asked.flatMap(({ calls = [] }) => calls);
    const query = asked.findLast(({ action }) => action.properties["phase"] === "request")?.resource
      .properties["query"];
    expect(query).toMatchObject({
      kinds: ["vector"],
      top_k: 5,
      dimensions: 3,
      vectors: false,
      fields: ["embedding"],
    });
    expect(JSON.stringify(query)).not.toContain("[1,0,0]");
  });

  test("vectors that are given out are told to policy", async () => {
    lab.narrow(ofAcme);
    const { rows } = await client.query("SELECT embedding FROM chunks WHERE id = 'a1'");
    expect(rows).toEqual([{ embedding: "[0,1,0.001]" }]);
    const asked = lab.world.sidecar.asked.flatMap(({ calls = [] }) => calls);
    const query = asked.findLast(({ action }) => action.properties["phase"] === "request")?.resource
      .properties["query"];
    expect(query).toMatchObject({ vectors: true });
  });
});
