import { describe, expect, test } from "@jest/globals";
import { fc } from "../../../../properties.js";
import type { Condition, FieldOperator, JsonObject } from "../../../../../sidecar/contract.js";
import { compile } from "../../../../../gateway/retrieval/conditions/compile.js";
import { holds } from "../../../../../gateway/retrieval/conditions/holds.js";
import { isAlways, isNever, simplify } from "../../../../../gateway/retrieval/conditions/simplify.js";
import type { FieldConfig, FieldType, TimeForm } from "../../../../../gateway/retrieval/document.js";
import { readDocument } from "../../../../../gateway/retrieval/document.js";
import { pineconeLanguage } from "../../../../../gateway/retrieval/stores/pinecone/language.js";
import { matches, type Metadata, plainest, type Reading } from "./matches.js";

const field = (name: string, type: FieldType, form?: TimeForm, path = [name]): [string, FieldConfig] => [
  name,
  { name, path, type, ...(form === undefined ? {} : { form }) },
];
const fields = new Map([
  field("text", "string"),
  field("deep", "string", undefined, ["a", "b"]),
  field("level", "number"),
  field("open", "boolean"),
  field("groups", "strings"),
  field("made", "time"),
  field("made_ms", "time", "epoch_ms"),
]);
const second = 1_767_225_600;
/** Whatever can be stored. */
const anything = fc.constantFrom<Metadata[string] | undefined>(
  ...["x", "y", "5", "", 5, 5.5, 0, -1, 2 ** 53, 1e300, true, false, undefined, [], ["x"], ["x", "y"], ["5"]],
  ...[
    "2026-01-01T00:00:00Z",
    "2026-01-01",
    second,
    second * 1_000,
    second * 1_000 + 0.5,
    (second + 1) * 1_000,
  ],
);
/** What an operator who says `typed` promises. */
const texts = fc.constantFrom<Metadata[string] | undefined>("x", "y", "5", "", undefined);
const numbers = fc.constantFrom<Metadata[string] | undefined>(
  5,
  5.5,
  0,
  -1,
  6,
  undefined,
  second * 1_000,
  2 ** 53,
);
const typedValues = {
  ...{ text: texts, deep: texts, level: numbers, made_ms: numbers },
  open: fc.constantFrom<Metadata[string] | undefined>(true, false, undefined),
  groups: fc.constantFrom<Metadata[string] | undefined>(["x"], ["x", "y"], [], undefined),
  made: fc.constantFrom<Metadata[string] | undefined>("2026-01-01T00:00:00Z", undefined),
};
const anyValues = {
  text: anything,
  deep: anything,
  level: anything,
  made_ms: anything,
  open: anything,
  groups: anything,
  made: anything,
};
const operators = [
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
] as FieldOperator[];
const scalar = fc.constantFrom("x", "y", "5", "", 5, 5.5, 0, 6, true, false, second, second + 0.0005, 1e15);
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
const readings: Reading[] = [true, false].flatMap((missing) =>
  (["none", "any", "never"] as const).flatMap((lists) =>
    [true, false].map((others) => ({ missing, lists, others })),
  ),
);

describe("conditions in Pinecone's filters", () => {
  test.each([
    ["whatever is stored", false, anyValues],
    ["where each field has its type", true, typedValues],
  ])("hold where the condition does, or more, however the filters are read: %s", (_, typed, values) => {
    let exact = 0;
    const stored = fc.array(fc.record(values), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(condition, stored, fc.constantFrom(...readings), (one, all, reading) => {
        const simple = simplify(one, { fields, constants: {} });
        if (simple === undefined || isAlways(simple) || isNever(simple)) return;
        const said = compile(simple, fields, pineconeLanguage(typed));
        if (said.exact) exact += 1;
        for (const given of all) {
          const metadata = Object.fromEntries(
            Object.entries(given).filter(([, value]) => value !== undefined),
          ) as Metadata;
          const wanted = holds(simple, readDocument(metadata as JsonObject, fields.values()));
          const found = said.filter === undefined || matches(said.filter, metadata, reading);
          if (said.exact) expect(found).toBe(wanted);
          else if (wanted) expect(found).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(exact).toBeGreaterThan(typed ? 300 : 100);
  });

  test("say texts exactly only where fields are said to have their types", () => {
    const eq: Condition = { type: "field", operator: "eq", field: "text", value: "x" };
    const not: Condition = { type: "compound", operator: "not", value: [eq] };
    expect(compile(eq, fields, pineconeLanguage(false))).toEqual({
      filter: { text: { $eq: "x" } },
      exact: false,
    });
    expect(compile(eq, fields, pineconeLanguage(true)).exact).toBe(true);
    expect(compile(not, fields, pineconeLanguage(false))).toEqual({ exact: false });
    expect(compile(not, fields, pineconeLanguage(true)).exact).toBe(true);
    const level: Condition = { type: "field", operator: "le", field: "level", value: 3 };
    expect(compile(level, fields, pineconeLanguage(false)).exact).toBe(true);
    expect(matches({ text: { $ne: "x" } }, {}, plainest)).toBe(true);
  });
});
