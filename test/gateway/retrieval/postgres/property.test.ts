import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../../../properties.js";
import type pg from "pg";
import type { Condition, FieldOperator } from "../../../../sidecar/contract.js";
import { holds } from "../../../../gateway/retrieval/conditions/holds.js";
import type { FieldConfig } from "../../../../gateway/retrieval/document.js";
import { readDocument } from "../../../../gateway/retrieval/document.js";
import type { PostgresLab } from "./lab.js";
import { startPostgresLab } from "./lab.js";

const setUp = `
  CREATE ROLE gateway LOGIN;
  CREATE TABLE docs (id int PRIMARY KEY, t text, n float8, w int8, m numeric, b bool, l text[], at timestamptz, j jsonb);
  GRANT SELECT ON docs TO gateway;
`;
const declared: Record<string, { path: string[]; type: FieldConfig["type"]; form?: "epoch_ms" }> = {
  ...{
    t: { path: ["t"], type: "string" },
    n: { path: ["n"], type: "number" },
    w: { path: ["w"], type: "number" },
  },
  ...{
    m: { path: ["m"], type: "number" },
    b: { path: ["b"], type: "boolean" },
    l: { path: ["l"], type: "strings" },
  },
  ...{ at: { path: ["at"], type: "time" }, jt: { path: ["j", "t"], type: "string" } },
  ...{ jn: { path: ["j", "n"], type: "number" }, jb: { path: ["j", "b"], type: "boolean" } },
  ...{ jl: { path: ["j", "l"], type: "strings" }, jm: { path: ["j", "n"], type: "time", form: "epoch_ms" } },
};
const columns = {
  ...{ id: "int4", t: "text", n: "float8", w: "int8", m: "numeric", b: "bool", l: "text[]" },
  ...{ at: "timestamptz", j: "jsonb" },
};
const texts = ["", "a", "A", "ab", "é", "😀", "5", "\\", '"', "%", "true"];
const numbers = [0, 1, -1, 5, 0.5, 1e3, 9007199254740991];
const times = ["1969-12-31T23:59:59.999Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123Z"];
const text = fc.constantFrom(...texts);
const number = fc.constantFrom(...numbers);
const anything = fc.oneof(
  ...[text, number, fc.boolean(), fc.constant(null), fc.array(fc.oneof(text, number), { maxLength: 2 })],
  ...[fc.constant({ a: "a" }), fc.constant([["a"]]), fc.constant(1e300), fc.constant(9007199254740993n)],
);
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
const row = fc.record({
  t: maybe(text),
  n: maybe(fc.constantFrom<number | string>(...numbers, "NaN", "Infinity")),
  w: maybe(fc.constantFrom("0", "1", "5", "-1", "9007199254740991", "9007199254740993")),
  m: maybe(fc.constantFrom("0", "0.5", "1", "5.0", "1e3", "1e400", "1e-400", "NaN", "9007199254740993")),
  b: maybe(fc.boolean()),
  l: maybe(fc.array(maybe(text), { maxLength: 3 })),
  at: maybe(fc.constantFrom(...times, "infinity", "0044-03-15 00:00:00+00 BC", "20000-01-01 00:00:00+00")),
  j: maybe(fc.oneof(fc.dictionary(fc.constantFrom("t", "n", "b", "l"), anything), anything)),
});
const operators = [
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "in",
  "nin",
  "contains",
  "startswith",
  "endswith",
  "exists",
];
const scalar = fc.oneof(text, number, fc.boolean(), fc.constantFrom(1767225600, 1767225600.123, -0.001));
const leaf = fc
  .tuple(
    fc.constantFrom(...Object.keys(declared)),
    fc.constantFrom(...operators),
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    text,
  )
  .map(([field, operator, one, list, word]): Condition => {
    const textual = ["contains", "startswith", "endswith"].includes(operator);
    const value =
      operator === "in" || operator === "nin"
        ? list
        : operator === "exists"
          ? one !== false
          : textual
            ? word
            : one;
    return { type: "field", operator: operator as FieldOperator, field, value };
  });
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({
      type: fc.constant("compound" as const),
      operator: fc.constantFrom("and" as const, "or" as const),
      value: fc.array(tie("condition"), { maxLength: 3 }),
    }),
    tie("condition").map((one): Condition => ({ type: "compound", operator: "not", value: [one] })),
  ),
}));
const callers = [
  "true",
  "t = 'a' OR true",
  "n > 0 OR t IS NULL",
  "NOT coalesce(b, false)",
  "j->>'t' IS NOT NULL",
  "length(t) >= 0 OR w = 5",
];

/** JSON of a value that may hold a number beyond doubles. */
const json = (value: unknown): string =>
  typeof value === "bigint"
    ? String(value)
    : Array.isArray(value)
      ? `[${value.map(json).join(",")}]`
      : typeof value === "object" && value !== null
        ? `{${Object.entries(value)
            .map(([key, one]) => `${JSON.stringify(key)}:${json(one)}`)
            .join(",")}}`
        : JSON.stringify(value);

describe("any condition, any rows, any query of the caller's", () => {
  let lab: PostgresLab;
  let client: pg.Client;
  beforeAll(async () => {
    const fields = Object.fromEntries(Object.entries(declared).map(([name, one]) => [name, { ...one }]));
    lab = await startPostgresLab(setUp, {
      collections: { docs: { columns, fields, limits: { top_k: 1_000 } } },
    });
    client = await lab.client();
  }, 60_000);
  afterAll(() => lab.close());

  test("gives the rows that the query finds directly and of which the condition holds; counts are theirs", async () => {
    const fields = Object.entries(declared).map(([name, one]): FieldConfig => ({ name, ...one }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 4, maxLength: 8 }),
        fc.array(condition, { minLength: 4, maxLength: 4 }),
        fc.constantFrom(...callers),
        async (rows, conditions, caller) => {
          const { owner } = lab.server;
          await owner.query("TRUNCATE docs");
          const values = rows.map(({ j, ...others }, id) => ({
            id,
            ...others,
            j: j === null ? null : json(j),
          }));
          for (const one of values)
            await owner.query("INSERT INTO docs VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)", Object.values(one));
          const direct = await owner.query(
            `SELECT id, to_jsonb(d) - 'at' || jsonb_build_object('at', CASE WHEN at > '0001-01-01' AND at < '9999-01-01' THEN at END) AS r FROM docs d WHERE ${caller} ORDER BY id`,
          );
          const { parseJson } = await import("../../../../sidecar/contract.js");
          const texts = await owner.query(
            `SELECT id, (to_jsonb(d) - 'at' || jsonb_build_object('at', CASE WHEN at > '0001-01-01' AND at < '9999-01-01' THEN at END))::text AS r FROM docs d WHERE ${caller} ORDER BY id`,
          );
          expect(texts.rowCount).toBe(direct.rowCount);
          for (const one of conditions) {
            lab.narrow(one);
            const wanted = (texts.rows as { id: number; r: string }[])
              .filter(({ r }) => holds(one, readDocument(parseJson(r) as never, fields)))
              .map(({ id }) => id);
            const found = await client.query(`SELECT id FROM docs WHERE ${caller} ORDER BY id`);
            expect(found.rows.map(({ id }) => id)).toEqual(wanted);
            const counted = await client.query(`SELECT count(*)::int AS n FROM docs WHERE ${caller}`);
            expect(counted.rows).toEqual([{ n: wanted.length }]);
          }
        },
      ),
      { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 15) },
    );
  }, 60_000);
});
