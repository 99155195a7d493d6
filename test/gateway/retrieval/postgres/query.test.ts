import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import type { PostgresLab } from "./lab.js";
import { startPostgresLab } from "./lab.js";
import { columns, ofAcme, setUp, store } from "./world.js";

interface Attack {
  readonly name: string;
  readonly sql: string;
  readonly values?: readonly unknown[];
  /** SQLSTATE of its refusal; absent: it is served, with these rows. */
  readonly code?: string;
  readonly rows?: readonly unknown[];
}

/** What a caller of acme's tries against what isn't acme's; nothing of it may come back. */
const attacks: readonly Attack[] = [
  {
    name: "another tenant by or",
    sql: "SELECT id FROM documents WHERE tenant = 'blue' OR true ORDER BY id",
    rows: [{ id: "a1" }, { id: "a2" }],
  },
  { name: "a comment that hides the rest", sql: "SELECT id FROM documents WHERE id = 'b1' --", rows: [] },
  {
    name: "a nested comment",
    sql: "SELECT id /* /* */ FROM secrets */ FROM documents WHERE tenant <> 'acme'",
    rows: [],
  },
  { name: "dollar quotes", sql: "SELECT id FROM documents WHERE id = $q$b1$q$", rows: [] },
  { name: "unicode escapes of a table's name", sql: 'SELECT * FROM U&"s\\0065crets"', code: "42501" },
  { name: "a quoted identifier", sql: 'SELECT * FROM "secrets"', code: "42501" },
  { name: "a schema's table", sql: "SELECT * FROM public.secrets", code: "42501" },
  { name: "two statements", sql: "SELECT id FROM documents; SELECT value FROM secrets", code: "42601" },
  { name: "the catalogue", sql: "SELECT relname FROM pg_catalog.pg_class", code: "42501" },
  { name: "the catalogue without its name", sql: "SELECT * FROM pg_stats", code: "42501" },
  { name: "the information schema", sql: "SELECT * FROM information_schema.tables", code: "42501" },
  { name: "a view that isn't configured", sql: "SELECT * FROM every", code: "42501" },
  { name: "a union", sql: "SELECT id FROM documents UNION ALL SELECT value FROM secrets", code: "42501" },
  {
    name: "a union with itself",
    sql: "SELECT id FROM documents UNION SELECT body FROM documents WHERE tenant <> 'acme' ORDER BY 1",
    rows: [{ id: "a1" }, { id: "a2" }],
  },
  {
    name: "a query within",
    sql: "SELECT id, (SELECT max(body) FROM documents x WHERE x.tenant = 'blue') AS m FROM documents ORDER BY id",
    rows: [
      { id: "a1", m: null },
      { id: "a2", m: null },
    ],
  },
  {
    name: "a lateral join",
    sql: "SELECT d.id, o.id AS o FROM documents d, LATERAL (SELECT id FROM documents e WHERE e.id <> d.id) o ORDER BY 1",
    rows: [
      { id: "a1", o: "a2" },
      { id: "a2", o: "a1" },
    ],
  },
  {
    name: "WITH that is called as a table, outside of its reach",
    sql: "SELECT v.value FROM (WITH secrets AS (SELECT 1) SELECT 1 AS one) x, secrets v",
    code: "42501",
  },
  {
    name: "WITH that is called as a table",
    sql: "WITH documents AS (SELECT id FROM documents) SELECT id FROM documents ORDER BY id",
    rows: [{ id: "a1" }, { id: "a2" }],
  },
  {
    name: "WITH that writes",
    sql: "WITH x AS (DELETE FROM documents RETURNING id) SELECT * FROM x",
    code: "0A000",
  },
  {
    name: "WITH RECURSIVE",
    sql: "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t",
    code: "0A000",
  },
  { name: "a system column", sql: "SELECT ctid FROM documents", code: "42703" },
  { name: "the table's own number", sql: "SELECT tableoid FROM documents", code: "42703" },
  { name: "a whole row", sql: "SELECT d FROM documents d", code: "42703" },
  { name: "a whole row as JSON", sql: "SELECT to_jsonb(d) FROM documents d", code: "42703" },
  { name: "a whole row in a row", sql: "SELECT ROW(d.*)::text FROM documents d", code: "0A000" },
  {
    name: "a table that is called as a hidden column is",
    sql: "SELECT salary FROM documents AS salary",
    code: "0A000",
  },
  { name: "what the gateway adds", sql: 'SELECT "cs$0" FROM documents', code: "42703" },
  { name: "a hidden column", sql: "SELECT salary FROM documents", code: "42703" },
  { name: "a hidden column in ORDER BY", sql: "SELECT id FROM documents ORDER BY salary", code: "42501" },
  { name: "a hidden column in WHERE", sql: "SELECT id FROM documents WHERE salary > 5", code: "42501" },
  {
    name: "a hidden member",
    sql: "SELECT metadata->>'pay' AS p FROM documents WHERE id = 'a1'",
    rows: [{ p: null }],
  },
  {
    name: "a hidden member in WHERE",
    sql: "SELECT id FROM documents WHERE metadata->>'pay' = '9'",
    code: "42501",
  },
  {
    name: "all columns but the hidden ones",
    sql: "SELECT * FROM documents WHERE id = 'b1' OR id = 'n1'",
    rows: [],
  },
  { name: "ONLY", sql: "SELECT id FROM ONLY documents", code: "0A000" },
  { name: "TABLESAMPLE", sql: "SELECT id FROM documents TABLESAMPLE SYSTEM (100)", code: "0A000" },
  { name: "EXPLAIN", sql: "EXPLAIN SELECT * FROM documents", code: "0A000" },
  { name: "EXPLAIN ANALYZE", sql: "EXPLAIN ANALYZE DELETE FROM documents", code: "0A000" },
  { name: "SET ROLE", sql: "SET ROLE owner", code: "42501" },
  { name: "RESET ROLE", sql: "RESET ROLE", code: "42501" },
  { name: "SET SESSION AUTHORIZATION", sql: "SET SESSION AUTHORIZATION owner", code: "42501" },
  { name: "the search path", sql: "SET search_path = evil, public", code: "42501" },
  { name: "row security", sql: "SET row_security = off", code: "42501" },
  { name: "set_config", sql: "SELECT set_config('role', 'owner', false)", code: "42501" },
  { name: "current_setting", sql: "SELECT current_setting('app.tenant')", code: "42501" },
  { name: "who asks", sql: "SELECT current_user", code: "0A000" },
  { name: "the server's address", sql: "SELECT inet_server_addr()", code: "42501" },
  { name: "pg_sleep", sql: "SELECT pg_sleep(10)", code: "42501" },
  { name: "a file", sql: "SELECT pg_read_file('/etc/passwd')", code: "42501" },
  {
    name: "another database",
    sql: "SELECT * FROM dblink('host=evil', 'SELECT 1') AS t(a text)",
    code: "42501",
  },
  {
    name: "a query as XML",
    sql: "SELECT query_to_xml('SELECT * FROM secrets', true, false, '')",
    code: "42501",
  },
  { name: "a function of the database's own", sql: "SELECT own_leak('x')", code: "42501" },
  {
    name: "a function in the way of a column",
    sql: "SELECT documents.own_leak FROM documents",
    code: "42703",
  },
  {
    name: "a function that is called as PostgreSQL's own",
    sql: "SELECT public.lower(body) FROM documents",
    code: "42501",
  },
  { name: "a large object", sql: "SELECT lo_import('/etc/passwd')", code: "42501" },
  { name: "COPY", sql: "COPY documents TO STDOUT", code: "0A000" },
  { name: "COPY of a program", sql: "COPY documents FROM PROGRAM 'id'", code: "0A000" },
  { name: "DO", sql: "DO $$ BEGIN PERFORM 1; END $$", code: "0A000" },
  { name: "LISTEN", sql: "LISTEN channel", code: "0A000" },
  { name: "NOTIFY", sql: "NOTIFY channel, 'x'", code: "0A000" },
  { name: "SELECT INTO", sql: "SELECT * INTO stolen FROM documents", code: "0A000" },
  { name: "a lock", sql: "SELECT id FROM documents FOR UPDATE", code: "0A000" },
  { name: "a table", sql: "CREATE TABLE stolen AS SELECT * FROM documents", code: "0A000" },
  { name: "DROP", sql: "DROP TABLE documents", code: "0A000" },
  { name: "TRUNCATE", sql: "TRUNCATE documents", code: "0A000" },
  { name: "GRANT", sql: "GRANT ALL ON documents TO PUBLIC", code: "0A000" },
  { name: "PREPARE", sql: "PREPARE p AS SELECT * FROM secrets", code: "0A000" },
  { name: "a cursor", sql: "DECLARE c CURSOR FOR SELECT * FROM secrets", code: "0A000" },
  { name: "CALL", sql: "CALL something()", code: "0A000" },
  {
    name: "MERGE",
    sql: "MERGE INTO documents d USING secrets s ON true WHEN MATCHED THEN DELETE",
    code: "0A000",
  },
  { name: "a name of the catalogue's by a cast", sql: "SELECT 'secrets'::regclass", code: "42501" },
  { name: "a pattern that takes long", sql: "SELECT id FROM documents WHERE body ~ '(a+)+b'", code: "42501" },
  { name: "a series without an end", sql: "SELECT * FROM generate_series(1, 1000000000)", code: "42501" },
  { name: "much of one text", sql: "SELECT repeat('x', 1000000000)", code: "42501" },
  { name: "a negative limit", sql: "SELECT id FROM documents LIMIT -1", code: "2201W" },
  {
    name: "ties beyond the limit",
    sql: "SELECT id FROM documents ORDER BY level FETCH FIRST 1 ROW WITH TIES",
    code: "0A000",
  },
  {
    name: "a limit by a query",
    sql: "SELECT id FROM documents LIMIT (SELECT count(*) FROM secrets)",
    code: "0A000",
  },
  {
    name: "an aggregate of what isn't there",
    sql: "SELECT string_agg(body, ',' ORDER BY id) AS all FROM documents WHERE tenant <> 'acme' OR tenant IS NULL",
    rows: [{ all: null }],
  },
  {
    name: "a table that must be looked at, within",
    sql: "SELECT d.id FROM documents d WHERE EXISTS (SELECT 1 FROM authors a WHERE a.document = d.id)",
    code: "42501",
  },
  {
    name: "nesting",
    sql: `SELECT ${"NOT ".repeat(300)}true`,
    code: "54001",
  },
  { name: "a long text", sql: `SELECT '${"x".repeat(70_000)}'`, code: "54000" },
];

describe("queries through the gateway", () => {
  let lab: PostgresLab;
  let client: pg.Client;
  beforeAll(async () => {
    lab = await startPostgresLab(setUp, store);
    client = await lab.client();
  }, 60_000);
  afterAll(() => lab.close());
  beforeEach(() => {
    lab.narrow(ofAcme);
  });

  test("rows of documents that the condition leaves, and no others", async () => {
    const { rows, fields } = await client.query("SELECT * FROM documents ORDER BY id");
    expect(rows.map(({ id }) => id)).toEqual(["a1", "a2"]);
    expect(fields.map(({ name }) => name)).toEqual(Object.keys(columns).filter((one) => one !== "salary"));
    expect(rows[0]).toMatchObject({ tags: ["x", "y"], metadata: { dept: "hr", n: 1 } });
    expect(rows[0].metadata.pay).toBeUndefined();
    const bound = await client.query("SELECT id FROM documents d WHERE d.level = $1", [1]);
    expect(bound.rows).toEqual([{ id: "a1" }]);
    expect((await client.query("SELECT count(*)::int AS n FROM documents")).rows).toEqual([{ n: 2 }]);
    const joined = await client.query(
      "SELECT d.id, a.id AS author FROM documents d LEFT JOIN authors a ON a.document = d.id ORDER BY d.id",
    );
    expect(joined.rows).toEqual([
      { id: "a1", author: "w1" },
      { id: "a2", author: null },
    ]);
  });

  test.each(attacks)("$name", async ({ sql, values, code, rows }) => {
    const done = client.query(sql, values === undefined ? [] : [...values]);
    if (code === undefined) expect((await done).rows).toEqual(rows);
    else await expect(done).rejects.toMatchObject({ code });
  });

  test("the same by simple queries", async () => {
    for (const { sql, code } of attacks) {
      if (code !== undefined) await expect(client.query(sql)).rejects.toMatchObject({ code });
    }
    expect((await lab.server.owner.query("SELECT count(*)::int AS n FROM documents")).rows).toEqual([
      { n: 4 },
    ]);
  });

  test("what could tell of other rows by an error isn't evaluated on them", async () => {
    await lab.server.owner.query(
      "UPDATE documents SET metadata = metadata || '{\"k\":\"7\"}' WHERE id LIKE 'a%'",
    );
    // would fail on b1's, which has no number there
    await lab.server.owner.query(
      "UPDATE documents SET body = CASE WHEN tenant = 'acme' THEN '1' ELSE 'no number' END",
    );
    for (const sql of [
      "SELECT id FROM documents WHERE 1 / (body::int) = 1 ORDER BY id",
      "SELECT id FROM documents WHERE CASE WHEN tenant = 'blue' THEN 1 / (level - 1) ELSE 1 END = 1 ORDER BY id",
      "SELECT id FROM documents WHERE tenant = 'acme' AND body::int > 0 ORDER BY id",
    ])
      expect((await client.query(sql)).rows).toEqual([{ id: "a1" }, { id: "a2" }]);
    const direct = lab.server.owner.query("SELECT id FROM documents WHERE 1 / (body::int) = 1");
    await expect(direct).rejects.toMatchObject({ code: "22P02" });
    // what can't fail is left to the database to do as it likes, with its indexes
    expect((await client.query("SELECT id FROM documents WHERE level = 1")).rows).toEqual([{ id: "a1" }]);
  });

  test("an error of the database tells nothing of values", async () => {
    const failed = client.query("SELECT body::int FROM documents WHERE id = 'a1' AND body::date IS NOT NULL");
    await expect(failed).rejects.toMatchObject({
      code: "22007",
      message: expect.not.stringContaining('"1"'),
    });
    await expect(client.query("SELECT nothing FROM documents")).rejects.toMatchObject({ code: "42703" });
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });

  test("limits: a query without one gets one, a higher one is lowered", async () => {
    lab.narrow(undefined, [{ type: "limit_results", properties: { top_k: 1 } }]);
    expect((await client.query("SELECT id FROM documents")).rows).toHaveLength(1);
    expect((await client.query("SELECT id FROM documents LIMIT 50")).rows).toHaveLength(1);
    expect((await client.query("SELECT id FROM documents LIMIT $1", [50])).rows).toHaveLength(1);
    expect(
      (await client.query("SELECT id FROM documents UNION ALL SELECT id FROM documents")).rows,
    ).toHaveLength(1);
    await expect(client.query("SELECT id FROM documents LIMIT $1", [-1])).rejects.toMatchObject({
      code: "22023",
    });
  });

  test("each row is looked at by policy: taken out, or masked in its own columns", async () => {
    lab.narrow(undefined, [
      { type: "keep_documents", properties: { documents: [0, 1] }, phase: "response" },
      {
        type: "mask_documents",
        properties: { documents: [1], fields: ["tenant", "text"] },
        phase: "response",
      },
    ]);
    const { rows } = await client.query("SELECT id, tenant, body FROM documents ORDER BY id LIMIT 3");
    expect(rows).toEqual([
      { id: "a1", tenant: "acme", body: "1" },
      { id: "a2", tenant: "***", body: "***" },
    ]);
    // what is made of a masked column can't be given
    const made = client.query("SELECT id, upper(tenant) FROM documents ORDER BY id LIMIT 3");
    await expect(made).rejects.toMatchObject({
      code: "42501",
      detail: expect.stringContaining("obligation_unsatisfiable"),
    });
  });

  test("a statement that was prepared is decided at each execution", async () => {
    const prepared = { name: "by-level", text: "SELECT id FROM documents WHERE level = $1 ORDER BY id" };
    expect((await client.query({ ...prepared, values: [1] })).rows).toEqual([{ id: "a1" }]);
    lab.narrow({ ...ofAcme, value: "blue" });
    expect((await client.query({ ...prepared, values: [1] })).rows).toEqual([{ id: "b1" }]);
    lab.world.sidecar.decide = () => ({ allow: false });
    await expect(client.query({ ...prepared, values: [1] })).rejects.toMatchObject({ code: "42501" });
  });
});
