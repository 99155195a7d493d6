import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import type { PostgresLab } from "./lab.js";
import { startPostgresLab } from "./lab.js";
import { ofAcme, setUp, store } from "./world.js";

/** What a caller of acme's tries to write; none of it may change what isn't acme's, or bring what is another's. */
const attacks: readonly {
  readonly name: string;
  readonly sql: string;
  readonly values?: unknown[];
  readonly code?: string;
}[] = [
  {
    name: "a document of another's",
    sql: "INSERT INTO documents (id, tenant) VALUES ('x', 'blue')",
    code: "42501",
  },
  { name: "a document of nobody's", sql: "INSERT INTO documents (id) VALUES ('x')", code: "42501" },
  {
    name: "one of several that is another's",
    sql: "INSERT INTO documents (id, tenant) VALUES ('x', 'acme'), ('y', 'blue')",
    code: "42501",
  },
  {
    name: "a parameter that is another's",
    sql: "INSERT INTO documents (id, tenant) VALUES ($1, $2)",
    values: ["x", "blue"],
    code: "42501",
  },
  {
    name: "an expression that is another's",
    sql: "INSERT INTO documents (id, tenant) VALUES ('x', lower('BLUE'))",
    code: "42501",
  },
  {
    name: "a cast that cuts",
    sql: "INSERT INTO documents (id, tenant) VALUES ('x', 'acmeblue'::varchar(4))",
    code: "42501",
  },
  { name: "what a query finds", sql: "INSERT INTO documents SELECT * FROM documents", code: "0A000" },
  {
    name: "what a query within finds",
    sql: "INSERT INTO documents (id, tenant, body) VALUES ('x', 'acme', (SELECT value FROM secrets))",
    code: "0A000",
  },
  {
    name: "the column's default",
    sql: "INSERT INTO documents (id, tenant) VALUES ('x', DEFAULT)",
    code: "42501",
  },
  { name: "defaults", sql: "INSERT INTO documents DEFAULT VALUES", code: "0A000" },
  {
    name: "a hidden column",
    sql: "INSERT INTO documents (id, tenant, salary) VALUES ('x', 'acme', 1)",
    code: "42703",
  },
  {
    name: "over another's document",
    sql: "INSERT INTO documents (id, tenant, body) VALUES ('b1', 'acme', 'stolen') ON CONFLICT (id) DO UPDATE SET tenant = EXCLUDED.tenant, body = EXCLUDED.body",
  },
  {
    name: "over another's, with a condition of one's own",
    sql: "INSERT INTO documents AS d (id, tenant, body) VALUES ('b1', 'acme', 'x') ON CONFLICT (id) DO UPDATE SET body = d.body WHERE 1 / (d.level - 1) = 0 OR true",
  },
  {
    name: "over one's own, to another's",
    sql: "INSERT INTO documents (id, tenant) VALUES ('a1', 'acme') ON CONFLICT (id) DO UPDATE SET tenant = 'blue'",
    code: "42501",
  },
  { name: "all documents", sql: "UPDATE documents SET body = 'x' WHERE tenant = 'blue' OR id LIKE 'b%'" },
  {
    name: "an error on another's row",
    sql: "UPDATE documents SET body = 'x' WHERE tenant = 'blue' AND 1 / (level - 1) = 1",
  },
  { name: "whose a document is", sql: "UPDATE documents SET tenant = 'blue'", code: "42501" },
  { name: "within what says whose it is", sql: "UPDATE documents SET metadata = '{}'", code: "42501" },
  {
    name: "an update by another table",
    sql: "UPDATE documents SET body = s.value FROM secrets s",
    code: "0A000",
  },
  {
    name: "an update by a query",
    sql: "UPDATE documents SET body = (SELECT value FROM secrets)",
    code: "0A000",
  },
  { name: "a hidden column's value", sql: "UPDATE documents SET body = salary::text", code: "42703" },
  { name: "a system column", sql: "UPDATE documents SET body = 'x' WHERE ctid = '(0,1)'", code: "42703" },
  { name: "a table that isn't configured", sql: "DELETE FROM secrets", code: "42501" },
  { name: "all of another's", sql: "DELETE FROM documents WHERE tenant = 'blue' OR tenant IS NULL" },
  { name: "by another table", sql: "DELETE FROM documents USING secrets", code: "0A000" },
  {
    name: "hidden columns given back",
    sql: "DELETE FROM documents WHERE id = 'b1' RETURNING salary",
    code: "42703",
  },
  { name: "ONLY", sql: "DELETE FROM ONLY documents", code: "0A000" },
];

describe("writing through the gateway", () => {
  let lab: PostgresLab;
  let client: pg.Client;
  const all = async (): Promise<unknown[]> =>
    (await lab.server.owner.query("SELECT id, tenant, body FROM documents ORDER BY id")).rows;
  beforeAll(async () => {
    lab = await startPostgresLab(setUp, store);
    client = await lab.client();
  }, 60_000);
  afterAll(() => lab.close());
  beforeEach(() => {
    lab.narrow(ofAcme);
  });

  test.each(attacks)("$name", async ({ sql, values = [], code }) => {
    const before = await all();
    const done = client.query(sql, values);
    if (code === undefined) expect((await done).rowCount).toBe(0);
    else await expect(done).rejects.toMatchObject({ code });
    expect(await all()).toEqual(before);
  });

  test("one's own documents are written, written over, changed and deleted", async () => {
    const write =
      "INSERT INTO documents (id, tenant, level, tags, made, metadata, body) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    const values = [
      "x1",
      "acme",
      3,
      ["a", 'b "c"'],
      new Date("2026-03-01T00:00:00Z"),
      { dept: "hr" },
      "text",
    ];
    expect((await client.query(write, values)).rowCount).toBe(1);
    const over = `${write} ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body RETURNING id`;
    expect((await client.query(over, [...values.slice(0, 6), "other"])).rows).toEqual([{ id: "x1" }]);
    expect(
      (await client.query("UPDATE documents SET body = upper(body) WHERE id = $1", ["x1"])).rowCount,
    ).toBe(1);
    expect(
      (await client.query("SELECT id, tags, body, metadata FROM documents WHERE id = 'x1'")).rows,
    ).toEqual([{ id: "x1", tags: ["a", 'b "c"'], body: "OTHER", metadata: { dept: "hr" } }]);
    expect((await client.query("DELETE FROM documents WHERE id = 'x1'")).rowCount).toBe(1);
  });

  test("what policy stamps is stored, whatever is given", async () => {
    lab.narrow(undefined, [
      { type: "stamp_documents", properties: { set: { tenant: "acme", dept: "hr" }, at_least: {} } },
    ]);
    await client.query("INSERT INTO documents (id, body) VALUES ('x2', 'text')");
    const found = await lab.server.owner.query(
      "DELETE FROM documents WHERE id = 'x2' RETURNING tenant, metadata",
    );
    expect(found.rows).toEqual([{ tenant: "acme", metadata: { dept: "hr" } }]);
    await expect(
      client.query("INSERT INTO documents (id, tenant) VALUES ('x3', 'blue')"),
    ).rejects.toMatchObject({ code: "42501" });
  });

  test("a transaction is the database's own", async () => {
    await client.query("BEGIN");
    await client.query("UPDATE documents SET body = 'changed' WHERE id = 'a1'");
    expect((await client.query("SELECT body FROM documents WHERE id = 'a1'")).rows).toEqual([
      { body: "changed" },
    ]);
    await client.query("ROLLBACK");
    expect((await client.query("SELECT body FROM documents WHERE id = 'a1'")).rows).toEqual([
      { body: "first of acme" },
    ]);
    await client.query("BEGIN");
    await expect(client.query("SELECT * FROM secrets")).rejects.toMatchObject({ code: "42501" });
    await expect(client.query("SELECT id FROM documents")).rejects.toMatchObject({ code: "25P02" });
    await client.query("COMMIT");
    expect((await client.query("SELECT count(*)::int AS n FROM documents")).rows).toEqual([{ n: 2 }]);
  });
});
