import { describe, expect, test } from "@jest/globals";
import { fc } from "../../../../properties.js";
import type { Condition, FieldOperator, JsonObject } from "../../../../../sidecar/contract.js";
import { compile } from "../../../../../gateway/retrieval/conditions/compile.js";
import { holds } from "../../../../../gateway/retrieval/conditions/holds.js";
import { isAlways, isNever, simplify } from "../../../../../gateway/retrieval/conditions/simplify.js";
import type { FieldConfig, FieldType, TimeForm } from "../../../../../gateway/retrieval/document.js";
import { readDocument } from "../../../../../gateway/retrieval/document.js";
import { qdrantLanguage } from "../../../../../gateway/retrieval/stores/qdrant/language.js";
import { matches, type Payload } from "./matches.js";

const field = (name: string, path: string[], type: FieldType, form?: TimeForm): [string, FieldConfig] => [
  name,
  { name, path, type, ...(form === undefined ? {} : { form }) },
];
const fields = new Map([
  field("text", ["text"], "string"),
  field("inner", ["a", "b.c"], "string"),
  field("level", ["level"], "number"),
  field("open", ["open"], "boolean"),
  field("groups", ["groups"], "strings"),
  field("made", ["made"], "time"),
  field("made_ms", ["made_ms"], "time", "epoch_ms"),
]);
const second = 1_767_225_600;
const values: unknown[] = [
  ...["x", "y", "5", "", 5, 5.5, 0, -1, 2 ** 53, 1e300, true, false, null, {}, { x: "x" }],
  ...[
    [],
    ["x"],
    ["x", "y"],
    ["x", 5],
    ["x", null],
    ["x", ["x"]],
    [["x"]],
    ["x", []],
    ["x", {}],
    [5],
    [true],
    [null],
  ],
  ...[
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.0009Z",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01",
    "2026-01-01T00:00:00",
  ],
  ...[second, second * 1_000, second * 1_000 + 0.5, (second + 1) * 1_000, "2025-12-31T23:59:59.999Z"],
];
const stored = fc.constantFrom(...values, undefined);
const payload = fc.record({
  ...{ text: stored, level: stored, open: stored, groups: stored, made: stored, made_ms: stored },
  a: fc.oneof(stored, fc.record({ "b.c": stored })),
});
const operators: FieldOperator[] = [
  ...([
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
  ] as const),
];
const scalar = fc.constantFrom(
  "x",
  "y",
  "5",
  "",
  5,
  5.5,
  0,
  6,
  true,
  false,
  second,
  second + 0.0005,
  second + 1,
  1e15,
);
const leaf: fc.Arbitrary<Condition> = fc
  .record({
    operator: fc.constantFrom(...operators),
    name: fc.constantFrom(...fields.keys()),
    list: fc.array(scalar, { maxLength: 3 }),
    one: scalar,
    there: fc.boolean(),
  })
  .map(({ operator, name, list, one, there }): Condition => {
    const listed = operator === "in" || operator === "nin";
    return {
      type: "field",
      operator,
      field: name,
      value: listed ? list : operator === "exists" ? there : one,
    };
  });
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc
      .record({
        operator: fc.constantFrom("and" as const, "or" as const),
        value: fc.array(tie("condition"), { maxLength: 3 }),
      })
      .map((one): Condition => ({ type: "compound", ...one })),
    tie("condition").map((one): Condition => ({ type: "compound", operator: "not", value: [one] })),
  ),
}));

describe("conditions in Qdrant's filters", () => {
  test.each([true, false])("hold where the condition does, or more (lists guarded: %s)", (guarded) => {
    let exact = 0;
    fc.assert(
      fc.property(condition, fc.array(payload, { minLength: 1, maxLength: 8 }), (one, payloads) => {
        const simple = simplify(one, { fields, constants: {} });
        if (simple === undefined || isAlways(simple) || isNever(simple)) return;
        const said = compile(simple, fields, qdrantLanguage(guarded));
        if (said.exact) exact += 1;
        for (const given of payloads) {
          const wanted = holds(simple, readDocument(given as JsonObject, fields.values()));
          const found =
            said.filter === undefined ||
            matches(said.filter, { id: 1, vector: [], payload: given as Payload });
          if (said.exact) expect(found).toBe(wanted);
          else if (wanted) expect(found).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
    // what is always wider would say nothing
    if (guarded) expect(exact).toBeGreaterThan(300);
  });

  test("say what policies mostly ask exactly", () => {
    const eq = (name: string, value: string | number | boolean): Condition => ({
      type: "field",
      operator: "eq",
      field: name,
      value,
    });
    const cases: Condition[] = [
      ...[eq("text", "x"), eq("level", 5), eq("open", true), eq("inner", "x")],
      { type: "field", operator: "in", field: "text", value: ["x", "y"] },
      { type: "field", operator: "le", field: "level", value: 3 },
      { type: "field", operator: "contains", field: "groups", value: "x" },
      { type: "compound", operator: "not", value: [eq("text", "x")] },
      { type: "field", operator: "ge", field: "made_ms", value: second },
    ];
    for (const one of cases) expect(compile(one, fields, qdrantLanguage(true)).exact).toBe(true);
    expect(compile(eq("text", "x"), fields, qdrantLanguage(false))).toEqual({
      filter: { key: "text", match: { value: "x" } },
      exact: false,
    });
    expect(compile(eq("inner", "x"), fields, qdrantLanguage(true)).filter).toEqual({
      must: [{ key: 'a."b.c"', match: { value: "x" } }, { is_empty: { key: 'a."b.c"[]' } }],
    });
  });
});
