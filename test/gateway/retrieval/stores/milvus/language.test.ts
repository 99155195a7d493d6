/** Conditions said in Milvus's filter language, measured at Milvus Lite: a filter finds what `holds` says, or more. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { compile } from "../../../../../gateway/retrieval/conditions/compile.js";
import { holds } from "../../../../../gateway/retrieval/conditions/holds.js";
import { isAlways, isNever, simplify } from "../../../../../gateway/retrieval/conditions/simplify.js";
import type { CollectionConfig } from "../../../../../gateway/retrieval/config.js";
import type { FieldConfig, FieldType } from "../../../../../gateway/retrieval/document.js";
import { readDocument } from "../../../../../gateway/retrieval/document.js";
import { printExpression } from "../../../../../gateway/retrieval/stores/milvus/expression/print.js";
import { languageOf } from "../../../../../gateway/retrieval/stores/milvus/language.js";
import { schemaOf } from "../../../../../gateway/retrieval/stores/milvus/settings.js";
import type { Condition, JsonObject } from "../../../../../sidecar/contract.js";
import { parseJson } from "../../../../../sidecar/contract.js";
import type { MilvusServer } from "./server.js";
import { startMilvus } from "./server.js";

const schema = {
  ...{ id: "varchar", vector: "float_vector", text: "varchar", whole: "int64", real: "double" },
  ...{ open: "bool", tags: "array<varchar>", meta: "json" },
};

const big = 2 ** 60;
const texts = ["x", "", "X", "xy", "x%_", "q\"\\'", "é\u{1f600}", "a\nb", "5"];
const odd = [null, undefined, 5, 5.5, -1, big, true, ["x"], [], ["x", 1], { x: "x" }, "true", 1e300];
const stored: readonly unknown[] = [...texts, ...odd];
const typed = (fits: (one: unknown) => boolean): unknown[] =>
  stored.filter((one) => one == null || fits(one));
const columns: Readonly<Record<string, readonly unknown[]>> = {
  text: typed((one) => typeof one === "string"),
  whole: typed((one) => Number.isInteger(one) && one !== 1e300),
  real: typed((one) => typeof one === "number"),
  open: [...typed((one) => typeof one === "boolean"), false],
  tags: [...typed((one) => Array.isArray(one) && one.every((x) => typeof x === "string")), ["y", "x"]],
};

const rows = [
  ...Object.entries(columns).flatMap(([name, values]) => values.map((value) => ({ [name]: value }))),
  ...stored.map((value) => ({ meta: { at: value, "a.b": 1 } })),
  { meta: null },
  { meta: { in: { at: "x" } } },
  ...stored.map((value) => ({ key: value })),
  { like: "x" },
].map((row, i) => ({ id: `d${i}`, vector: [0, i], ...row }));

const field = (name: string, path: string[], type: FieldType, form?: FieldConfig["form"]): FieldConfig => ({
  ...{ name, path, type },
  ...(form === undefined ? {} : { form }),
});
const types: readonly FieldType[] = ["string", "number", "boolean", "strings"];
const fields: readonly FieldConfig[] = [
  field("text", ["text"], "string"),
  field("whole", ["whole"], "number"),
  field("real", ["real"], "number"),
  field("when", ["whole"], "time", "epoch_s"),
  field("when_ms", ["whole"], "time", "epoch_ms"),
  field("open", ["open"], "boolean"),
  field("tags", ["tags"], "strings"),
  ...types.map((type) => field(`meta_${type}`, ["meta", "at"], type)),
  ...types.map((type) => field(`key_${type}`, ["key"], type)),
  field("deep", ["meta", "in", "at"], "string"),
  field("word", ["like"], "string"),
  field("wrong", ["whole"], "string"),
];

const collection = {
  name: "d",
  settings: { schema, primary: "id", dynamic: true },
} as unknown as CollectionConfig;
const known = new Map(fields.map((one) => [one.name, one]));

/** All of them take most of a minute: `make test-all`. */
const all = process.env["DIFFERENTIAL_RUNS"] !== undefined;
const quick = new Set(["text", "whole", "tags", "meta_string", "key_number"]);

function conditions({ name, type }: FieldConfig): Condition[] {
  const values: Record<FieldType, readonly (string | number | boolean)[]> = {
    string: ["x", "", "x%_", "q\"\\'", "é\u{1f600}", "5", "nobody"],
    number: [5, 1, 5.5, 0, -1, 1e300, 0.005],
    time: [5, 5.5, -1, 0.005],
    boolean: [true, false],
    strings: ["x", "nobody"],
  };
  const one = (operator: string, value: unknown): Condition =>
    ({ type: "field", field: name, operator, value }) as Condition;
  const some = all ? values[type] : values[type].slice(0, type === "string" ? 3 : 2).slice(-2);
  const each = some.flatMap((value) =>
    ["eq", "ne", "lt", "le", "gt", "ge", "contains", "startswith", "endswith"].map((operator) =>
      one(operator, value),
    ),
  );
  const lists = [
    one("in", values[type]),
    one("nin", values[type].slice(0, 2)),
    one("in", values[type].slice(0, 1)),
  ];
  return [...each, ...lists, one("exists", true), one("exists", false)];
}

let milvus: MilvusServer;
beforeAll(async () => {
  milvus = await startMilvus([{ collectionName: "d", schema, dynamic: true, rows }]);
}, 60_000);
afterAll(() => milvus.close());

async function find(filter: string | undefined): Promise<string[]> {
  const said = await milvus.ask("entities/query", {
    collectionName: "d",
    filter,
    limit: 1_000,
    outputFields: ["id"],
  });
  if (said.code !== 0) throw new Error(`${filter}: ${JSON.stringify(said)}`);
  return (said.data as { id: string }[]).map(({ id }) => id).sort();
}

const exactly: string[] = [];
const wider: string[] = [];

describe("what is pushed down finds what policy means, or more", () => {
  test.each(fields.filter(({ name }) => all || quick.has(name)).map((one) => [one.name, one] as const))(
    "%s",
    async (_name, one) => {
      const documents = rows.map((row) => ({
        id: row.id,
        document: readDocument(parseJson(JSON.stringify(row)) as JsonObject, fields),
      }));
      for (const plain of conditions(one)) {
        for (const condition of [plain, { type: "compound", operator: "not", value: [plain] } as Condition]) {
          const simple = simplify(condition, { fields: known, constants: {} });
          if (simple === undefined) throw new Error("a field that isn't configured");
          if (isAlways(simple) || isNever(simple)) continue;
          const { filter, exact } = compile(simple, known, languageOf(schemaOf(collection)));
          const wanted = documents
            .flatMap(({ id, document }) => (holds(condition, document) ? [id] : []))
            .sort();
          const found = await find(filter === undefined ? undefined : printExpression(filter));
          const about = JSON.stringify(condition);
          (exact ? exactly : wider).push(about);
          if (exact) expect({ about, found }).toEqual({ about, found: wanted });
          else
            expect({ about, missing: wanted.filter((id) => !found.includes(id)) }).toEqual({
              about,
              missing: [],
            });
        }
      }
    },
    60_000,
  );

  test("most of it exactly", () => {
    expect(exactly.length).toBeGreaterThan(wider.length);
  });
});
