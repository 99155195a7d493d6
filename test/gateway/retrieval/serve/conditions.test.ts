import { describe, expect, test } from "@jest/globals";
import { fc } from "../../../properties.js";
import { compile } from "../../../../gateway/retrieval/conditions/compile.js";
import { holds } from "../../../../gateway/retrieval/conditions/holds.js";
import { isAlways, isNever, simplify } from "../../../../gateway/retrieval/conditions/simplify.js";
import type { Document, FieldConfig } from "../../../../gateway/retrieval/document.js";
import { readDocument } from "../../../../gateway/retrieval/document.js";
import type { Condition, JsonObject } from "../../../../sidecar/contract.js";
import { always, conditionLimits, never, parseCondition, parseJson } from "../../../../sidecar/contract.js";

const field = (name: string, type: FieldConfig["type"]): [string, FieldConfig] => [
  name,
  { name, path: [name], type },
];
const fields = new Map([
  field("tenant", "string"),
  field("level", "number"),
  field("open", "boolean"),
  field("groups", "strings"),
  field("created", "time"),
]);
const test1 = (operator: string, name: string, value: unknown): Condition =>
  ({ type: "field", operator, field: name, value }) as Condition;
const and = (...value: Condition[]): Condition => ({ type: "compound", operator: "and", value });
const or = (...value: Condition[]): Condition => ({ type: "compound", operator: "or", value });
const not = (one: Condition): Condition => ({ type: "compound", operator: "not", value: [one] });

describe("a condition is read strictly", () => {
  const deep = (levels: number): unknown =>
    levels === 0
      ? test1("eq", "tenant", "a")
      : { type: "compound", operator: "not", value: [deep(levels - 1)] };
  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["another member", { ...test1("eq", "tenant", "a"), negate: true }],
    ["an unknown operator", test1("matches", "tenant", "a")],
    ["a path as a name", test1("eq", "a.b", "x")],
    ["null", test1("eq", "tenant", null)],
    ["a list for eq", test1("eq", "tenant", ["a"])],
    ["a text for in", test1("in", "tenant", "a")],
    ["a text for exists", test1("exists", "tenant", "true")],
    ["a number for contains", test1("contains", "tenant", 5)],
    ["not of two", { type: "compound", operator: "not", value: [always, always] }],
    ["nor", { type: "compound", operator: "nor", value: [] }],
    ["too deep", deep(conditionLimits.depth)],
    ["too many", and(...Array.from({ length: conditionLimits.nodes }, () => always))],
    [
      "too long a list",
      test1(
        "in",
        "tenant",
        Array.from({ length: conditionLimits.listed + 1 }, () => "a"),
      ),
    ],
    ["too long a text", test1("eq", "tenant", "a".repeat(conditionLimits.text + 1))],
    [
      "a number beyond 2^53",
      parseJson('{"type":"field","operator":"eq","field":"level","value":9007199254740993}'),
    ],
  ])("%s", (_name, value) => {
    expect(parseCondition(value as never)).toBeUndefined();
  });

  test("1.0 is 1", () => {
    const read = parseCondition(parseJson('{"type":"field","operator":"eq","field":"level","value":1.0}'));
    expect(read).toEqual(test1("eq", "level", 1));
  });
});

describe("documents have their fields' types only", () => {
  const read = (metadata: JsonObject): unknown => ({ ...readDocument(metadata, fields.values()) });
  test.each<[string, JsonObject, unknown]>([
    [
      "as configured",
      { tenant: "a", level: 5, open: false, groups: ["x"] },
      { tenant: "a", level: 5, open: false, groups: ["x"] },
    ],
    ["text for a number", { level: "5", open: "true" }, {}],
    ["number for a text", { tenant: 5 }, {}],
    ["null", { tenant: null, groups: null }, {}],
    ["a list for a text", { tenant: ["a"] }, {}],
    ["a text for a list", { groups: "x" }, {}],
    ["a list of more than texts", { groups: ["x", 5] }, {}],
    ["a time with a zone", { created: "2026-01-01T02:00:00+02:00" }, { created: 1767225600 }],
    ["a time without", { created: "2026-01-01T02:00:00" }, {}],
    ["a number beyond 2^53", parseJson('{"level":9007199254740993}') as JsonObject, {}],
    ["what every object has", parseJson('{"__proto__":{"tenant":"a"},"constructor":1}') as JsonObject, {}],
  ])("%s", (_name, metadata, expected) => {
    expect(read(metadata)).toEqual(expected);
  });
  test("what holds of the collection stands above what a document says", () => {
    const document = readDocument({ tenant: "other" }, fields.values(), { tenant: "acme" });
    expect(document["tenant"]).toBe("acme");
  });
});

const scalar = fc.constantFrom<string | number | boolean>("a", "b", "ab", "5", 5, 5.5, -1, true, false);
const leaf = fc
  .record({
    operator: fc.constantFrom(
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
    ),
    field: fc.constantFrom(...fields.keys()),
    one: scalar,
    several: fc.array(scalar, { maxLength: 3 }),
    text: fc.constantFrom("a", "b", ""),
    yes: fc.boolean(),
  })
  .map(({ operator, field: name, one, several, text, yes }): Condition => {
    if (operator === "in" || operator === "nin") return test1(operator, name, several);
    if (operator === "exists") return test1(operator, name, yes);
    return test1(operator, name, ["contains", "startswith", "endswith"].includes(operator) ? text : one);
  });
const { condition: conditions } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie("condition"), { maxLength: 3 }).map((value) => and(...value)),
    fc.array(tie("condition"), { maxLength: 3 }).map((value) => or(...value)),
    tie("condition").map(not),
  ),
}));
const documents = fc
  .record(
    {
      tenant: fc.constantFrom("a", "b", "ab", "5"),
      level: fc.constantFrom(5, 5.5, -1, 6),
      open: fc.boolean(),
      groups: fc.array(fc.constantFrom("a", "b"), { maxLength: 2 }),
      created: fc.constantFrom(5, 6),
    },
    { requiredKeys: [] },
  )
  .map((one): Document => Object.assign(Object.create(null) as Document, one));

test("what is simplified holds where it did", () => {
  fc.assert(
    fc.property(conditions, documents, fc.boolean(), (condition, document, constant) => {
      const constants = constant && document["tenant"] !== undefined ? { tenant: document["tenant"] } : {};
      const left = simplify(condition, { fields, constants });
      if (left === undefined) throw new Error("all fields are configured");
      expect(holds(left, document)).toBe(holds(condition, document));
      if (!isAlways(left) && !isNever(left)) expect(JSON.stringify(left)).not.toContain('"value":[]}');
    }),
    { numRuns: 2_000 },
  );
});

test("a field that isn't configured can't be decided on", () => {
  expect(simplify(or(always, test1("eq", "nobody", 1)), { fields, constants: {} })).toBeUndefined();
  expect(simplify(test1("eq", "nobody", 1), { fields, constants: { nobody: 1 } })).toEqual(always);
});

test("a field that is said to be in no document is missing", () => {
  const known = { fields, constants: {}, absent: new Set(["nobody"]) };
  expect(simplify(test1("eq", "nobody", 1), known)).toEqual(never);
  expect(simplify(not(test1("eq", "nobody", 1)), known)).toEqual(always);
  expect(simplify(test1("exists", "nobody", false), known)).toEqual(always);
  expect(simplify(test1("exists", "nobody", true), known)).toEqual(never);
});

/** A language that says some leaves only, and may say them too widely. */
test("what a language can't say makes it wider, never narrower", () => {
  type Filter = (document: Document) => boolean;
  fc.assert(
    fc.property(
      conditions,
      documents,
      fc.constantFrom("ne", "not eq", "exists", "in", "nothing"),
      (condition, document, unsaid) => {
        const simple = simplify(condition, { fields, constants: {} }) ?? never;
        if (isNever(simple)) return;
        const { filter, exact } = compile<Filter>(simple, fields, {
          and: (filters) => (one) => filters.every((each) => each(one)),
          or: (filters) => (one) => filters.some((each) => each(one)),
          leaf({ field: { name }, operator, value, negated }) {
            if (operator === unsaid || (negated && unsaid === `not ${operator}`)) return undefined;
            return {
              filter: (one) => holds({ type: "field", operator, field: name, value }, one) !== negated,
              exact: true,
            };
          },
        });
        const passes = filter?.(document) ?? true;
        if (holds(simple, document)) expect(passes).toBe(true);
        else if (exact) expect(passes).toBe(false);
      },
    ),
    { numRuns: 2_000 },
  );
});
