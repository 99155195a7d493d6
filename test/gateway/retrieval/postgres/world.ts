/** The tables that tests of PostgreSQL use, and how the gateway knows them. */
export const setUp = `
  CREATE ROLE gateway LOGIN;
  CREATE TABLE documents (
    id text PRIMARY KEY, tenant text, level int, body text, salary int, tags text[], made timestamptz, metadata jsonb
  );
  CREATE TABLE authors (id text PRIMARY KEY, document text, tenant text);
  CREATE TABLE secrets (id text, value text);
  CREATE VIEW every AS SELECT * FROM documents;
  CREATE FUNCTION own_leak(text) RETURNS text LANGUAGE sql AS 'SELECT value FROM secrets LIMIT 1';
  INSERT INTO secrets VALUES ('s', 'hidden');
  INSERT INTO documents VALUES
    ('a1', 'acme', 1, 'first of acme', 5, '{x,y}', '2026-01-01T00:00:00Z', '{"dept":"hr","n":1,"pay":9}'),
    ('a2', 'acme', 2, 'second of acme', 6, '{y}', '2026-02-01T00:00:00Z', '{"dept":"it","n":2}'),
    ('b1', 'blue', 1, 'first of blue', 5, '{x}', '2026-01-01T00:00:00Z', '{"dept":"hr","n":1}'),
    ('n1', NULL, 1, 'of nobody', 5, NULL, NULL, NULL);
  INSERT INTO authors VALUES ('w1', 'a1', 'acme'), ('w2', 'b1', 'blue');
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gateway;
`;
export const columns = {
  ...{ id: "text", tenant: "text", level: "int4", body: "text", salary: "int4", tags: "text[]" },
  ...{ made: "timestamptz", metadata: "jsonb" },
};
const fields = {
  ...{ tenant: "tenant", level: { type: "number" }, tags: { type: "strings" } },
  ...{ dept: "metadata.dept", made: { type: "time" } },
};
export const store = {
  collections: {
    documents: { columns, text: "body", derived: true, hidden: ["salary", "metadata.pay"], fields },
    authors: { columns: { id: "text", document: "text", tenant: "text" }, fields: { tenant: "tenant" } },
  },
};
export const ofAcme = { type: "field", operator: "eq", field: "tenant", value: "acme" } as const;
