/** Conditions said in Weaviate's filters, measured at a model of them: a filter finds what `holds` says, or more. */
import { describe, expect, test } from "@jest/globals";
import { compile } from "../../../../../gateway/retrieval/conditions/compile.js";
import { holds } from "../../../../../gateway/retrieval/conditions/holds.js";
import { isAlways, isNever, simplify } from "../../../../../gateway/retrieval/conditions/simplify.js";
import type { CollectionConfig } from "../../../../../gateway/retrieval/config.js";
import type { FieldConfig, FieldType } from "../../../../../gateway/retrieval/document.js";
import { readDocument } from "../../../../../gateway/retrieval/document.js";
import { languageOf } from "../../../../../gateway/retrieval/stores/weaviate/language.js";
import { schemaOf } from "../../../../../gateway/retrieval/stores/weaviate/settings.js";
import { writeWhere } from "../../../../../gateway/retrieval/stores/weaviate/where.js";
import type { Condition, JsonObject } from "../../../../../sidecar/contract.js";
import { parseJson } from "../../../../../sidecar/contract.js";
import type { Schema, Where } from "./matches.js";
import { matches } from "./matches.js";

const uuid = "00000000-0000-4000-8000-00000000000a";
const schema: Schema = {
  ...{ words: "text", field: "text_field", key: "keyword", ref: "uuid", whole: "int", real: "number" },
  ...{ open: "boolean", when: "date", tags: "keyword[]", marks: "text_field[]" },
};
const values: Readonly<Record<string, readonly unknown[]>> = {
  words: ["x", "x y", "X", ""],
  field: ["x", " x ", "X", "xy", "x*", ""],
  key: ["x", "X", "xy", "x*", "a?b", ""],
  ref: [uuid, uuid.replace("a", "b")],
  whole: [5, 0, -1, 2 ** 60],
  real: [5, 5.5, -0.5, 1e300],
  open: [true, false],
  when: [
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.0004Z",
    "2026-01-01T00:00:00.001Z",
    "2026-01-01T02:00:00+02:00",
  ],
  tags: [["x"], ["y", "x"], [], ["xy"]],
  marks: [["x"], [" x "], []],
};
const objects = [
  ...Object.entries(values).flatMap(([name, all]) => all.map((value) => ({ [name]: value }))),
  {},
  ...Object.keys(values).map((name) => ({ [name]: null })),
].map((properties, i) => ({ id: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`, properties }));

const types: Readonly<Record<string, FieldType>> = {
  ...{ words: "string", field: "string", key: "string", ref: "string", whole: "number", real: "number" },
  ...{ open: "boolean", when: "time", tags: "strings", marks: "strings" },
};
const fields: readonly FieldConfig[] = [
  ...Object.entries(types).map(([name, type]): FieldConfig => ({ name, path: [name], type })),
  { name: "second", path: ["whole"], type: "time", form: "epoch_s" },
];
const known = new Map(fields.map((one) => [one.name, one]));
const collection = { settings: { schema, text_search: "bm25" } } as unknown as CollectionConfig;

const at = Date.parse("2026-01-01T00:00:00Z") / 1_000;
const asked: Readonly<Record<FieldType, readonly (string | number | boolean)[]>> = {
  string: ["x", "x*", "a?b", " x ", "", uuid, uuid.toUpperCase()],
  number: [5, 5.5, 0, -1, 1e300],
  boolean: [true, false],
  time: [at, at + 0.001, at + 0.0005, 5, 1e15],
  strings: ["x", " x ", ""],
};

function conditions({ name, type }: FieldConfig): Condition[] {
  const one = (operator: string, value: unknown): Condition =>
    ({ type: "field", field: name, operator, value }) as Condition;
  const operators = ["eq", "ne", "lt", "le", "gt", "ge", "contains", "startswith", "endswith"];
  const each = asked[type].flatMap((value) => operators.map((operator) => one(operator, value)));
  const lists = asked[type].flatMap((_, i) =>
    ["in", "nin"].map((operator) => one(operator, asked[type].slice(0, i + 1))),
  );
  return [...each, ...lists, one("exists", true), one("exists", false)];
}

let exactly = 0;
test.each(fields.map((one) => [one.name, one] as const))("%s", (_name, field) => {
  for (const plain of conditions(field)) {
    for (const condition of [plain, { type: "compound", operator: "not", value: [plain] } as Condition]) {
      const simple = simplify(condition, { fields: known, constants: {} });
      if (simple === undefined) throw new Error("a field that isn't configured");
      if (isAlways(simple) || isNever(simple)) continue;
      const { filter, exact } = compile(simple, known, languageOf(schemaOf(collection)));
      const where = filter === undefined ? undefined : (writeWhere(filter) as unknown as Where);
      const found = objects.filter((one) => where === undefined || matches(where, one, schema));
      // of a keyword, the operator says that nothing stands around it
      const wanted = objects.filter(({ properties }) =>
        holds(condition, readDocument(parseJson(JSON.stringify(properties)) as JsonObject, fields)),
      );
      const ids = (all: typeof objects): string[] => all.map(({ id }) => id).sort();
      const about = JSON.stringify(condition);
      if (exact) {
        exactly += 1;
        expect({ about, found: ids(found) }).toEqual({ about, found: ids(wanted) });
      } else
        expect({ about, missing: ids(wanted.filter((one) => !found.includes(one))) }).toEqual({
          about,
          missing: [],
        });
    }
  }
});

describe("what is said", () => {
  test("is much of it exact", () => {
    expect(exactly).toBeGreaterThan(80);
  });
});
