import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type pg from "pg";
import type { PostgresLab } from "./lab.js";
import { startPostgresLab } from "./lab.js";

const setUp = `
  CREATE ROLE gateway LOGIN;
  CREATE TABLE documents (
    id text PRIMARY KEY, tenant text, level int, body text, salary int, tags text[], made timestamptz, metadata jsonb
  );
  CREATE TABLE authors (id text PRIMARY KEY, document text, tenant text);
  CREATE TABLE secrets (id text, value text);
  INSERT INTO secrets VALUES ('s', 'hidden');
  INSERT INTO documents VALUES
    ('a1', 'acme', 1, 'first of acme', 5, '{x,y}', '2026-01-01T00:00:00Z', '{"dept":"hr","n":1,"pay":9}'),
    ('a2', 'acme', 2, 'second of acme', 6, '{y}', '2026-02-01T00:00:00Z', '{"dept":"it","n":2}'),
    ('b1', 'blue', 1, 'first of blue', 5, '{x}', '2026-01-01T00:00:00Z', '{"dept":"hr","n":1}'),
    ('n1', NULL, 1, 'of nobody', 5, NULL, NULL, NULL);
  INSERT INTO authors VALUES ('w1', 'a1', 'acme'), ('w2', 'b1', 'blue');
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gateway;
`;
const columns = {
  ...{ id: "text", tenant: "text", level: "int4", body: "text", salary: "int4", tags: "text[]" },
  ...{ made: "timestamptz", metadata: "jsonb" },
};
const store = {
  collections: {
    documents: {
      ...{ columns, text: "body", derived: true },
      fields: {
        ...{ tenant: "tenant", level: { type: "number" }, tags: { type: "strings" } },
        ...{ dept: "metadata.dept", made: { type: "time" } },
      },
    },
    authors: { columns: { id: "text", document: "text", tenant: "text" }, fields: { tenant: "tenant" } },
  },
};
const ofAcme = { type: "field", operator: "eq", field: "tenant", value: "acme" } as const;

describe("queries through the gateway", () => {
  let lab: PostgresLab;
  let client: pg.Client;
  beforeAll(async () => {
    lab = await startPostgresLab(setUp, store);
    client = await lab.client();
  });
  afterAll(() => lab.close());

  test("rows of documents that the condition leaves, and no others", async () => {
    lab.narrow(ofAcme);
    const { rows, fields } = await client.query("SELECT * FROM documents ORDER BY id");
    expect(rows.map(({ id }) => id)).toEqual(["a1", "a2"]);
    expect(fields.map(({ name }) => name)).toEqual(Object.keys(columns));
    const bound = await client.query("SELECT id FROM documents d WHERE d.level = $1", [1]);
    expect(bound.rows).toEqual([{ id: "a1" }]);
    expect((await client.query("SELECT count(*)::int AS n FROM documents")).rows).toEqual([{ n: 2 }]);
  });
});
