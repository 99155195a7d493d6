/** How what a twin gives becomes a condition: values, joining, bounds. */
import { expect, test } from "@jest/globals";
import type { Condition, Json, Scalar } from "../../sidecar/contract.js";
import { JsonNumber } from "../../sidecar/contract.js";
import { conditionOf } from "../../sidecar/filters/condition-of.js";

type Operator = Extract<Condition, { type: "field" }>["operator"];
const field = (name: string, operator: Operator, value: Scalar | readonly Scalar[]): Condition => ({
  type: "field",
  operator,
  field: name,
  value,
});
const and = (...value: Condition[]): Condition => ({ type: "compound", operator: "and", value });
const or = (...value: Condition[]): Condition => ({ type: "compound", operator: "or", value });
const not = (one: Condition): Condition => ({ type: "compound", operator: "not", value: [one] });
const there = (name: string): Condition => field(name, "exists", true);
const noText = not(field("f", "startswith", ""));
const a = ["eq", "a", 1];
const b = ["lt", "b", 2];

const cases: readonly (readonly [name: string, given: Json, condition: Condition])[] = [
  ["nothing holds", ["or", []], or()],
  ["everything holds", ["or", [["and", []]]], and()],
  ["one is itself", ["or", [["and", [a]]]], field("a", "eq", 1)],
  ["what never holds goes out of an or", ["or", [["or", []], a]], field("a", "eq", 1)],
  ["what never holds decides an and", ["and", [["or", []], a]], or()],
  ["what always holds decides an or", ["or", [["and", []], a]], and()],
  [
    "nested of one kind are one",
    [
      "and",
      [
        ["and", [a]],
        ["and", [b]],
      ],
    ],
    and(field("a", "eq", 1), field("b", "lt", 2)),
  ],
  ["what stands twice stands once", ["and", [b, b]], field("b", "lt", 2)],
  ["values of a field are a list", ["or", [a, ["eq", "a", 2], ["eq", "a", 1]]], field("a", "in", [1, 2])],
  [
    "lists of a field are one",
    ["or", [a, ["in", "a", ["x", null]], b]],
    or(field("a", "in", [1, "x"]), field("b", "lt", 2)),
  ],
  ["but not in an and", ["and", [a, ["eq", "a", 2]]], and(field("a", "eq", 1), field("a", "eq", 2))],
  [
    "what all ask stands once",
    [
      "or",
      [
        ["and", [a, b]],
        ["and", [a, ["eq", "c", 3]]],
      ],
    ],
    and(field("a", "eq", 1), or(field("b", "lt", 2), field("c", "eq", 3))),
  ],
  ["what asks more is left out", ["or", [["and", [a, b]], a]], field("a", "eq", 1)],
  [
    "pairs of values are two lists",
    ["or", [1, 2].flatMap((x) => [3, 4].map((y) => ["and", [b, ["eq", "x", x], ["eq", "y", y]]]))],
    and(field("b", "lt", 2), field("x", "in", [1, 2]), field("y", "in", [3, 4])),
  ],
  [
    "but not all pairs",
    [
      "or",
      [
        [1, 3],
        [2, 4],
      ].map(([x = 0, y = 0]) => [
        "and",
        [
          ["eq", "x", x],
          ["eq", "y", y],
        ],
      ]),
    ],
    or(and(field("x", "eq", 1), field("y", "eq", 3)), and(field("x", "eq", 2), field("y", "eq", 4))),
  ],
  ["an empty list", ["in", "a", []], or()],
  ["not of not", ["not", ["not", a]], field("a", "eq", 1)],
  ["not of never", ["not", ["or", []]], and()],
  ["missing", ["not", ["exists", "a"]], field("a", "exists", false)],
  ["a test says that it is there", ["and", [["exists", "a"], a]], field("a", "eq", 1)],
  [
    "a negated one doesn't",
    [
      "and",
      [
        ["exists", "a"],
        ["not", a],
      ],
    ],
    and(there("a"), not(field("a", "eq", 1))),
  ],
  ["alone", ["is", "a"], and(there("a"), not(field("a", "eq", false)))],
  ["an element", ["has", "f", "x"], and(field("f", "contains", "x"), noText)],
  [
    "any element",
    ["any", "f", ["x", 1, "y"]],
    and(or(field("f", "contains", "x"), field("f", "contains", "y")), noText),
  ],
  ["an element that is no text", ["has", "f", 1], or()],
  ["null is never there", ["eq", "a", null], or()],
  ["all but null", ["ne", "a", null], there("a")],
  ["above null", ["gt", "a", null], there("a")],
  ["below null", ["le", "a", null], or()],
  ["1.0 is 1", ["eq", "a", new JsonNumber("1.0")], field("a", "eq", 1)],
];
test.each(cases)("%s", (_name, given, condition) => {
  expect(conditionOf(given)).toEqual({ kind: "derived", condition });
});

const many = (length: number): Json[] => Array.from({ length }, (_, i) => `v${i}`);
const nested = (depth: number): Json => {
  let out: Json = a;
  for (let i = 0; i < depth; i++) out = [i % 2 === 0 ? "and" : "or", [out, ["eq", `f${i}`, i]]];
  return out;
};
const refused: readonly (readonly [name: string, given: Json | undefined, kind: string])[] = [
  ["nothing at all", undefined, "unsupported"],
  ["a truth value", true, "unsupported"],
  ["an operator that isn't known", ["like", "a", "x"], "unsupported"],
  ["too few", ["eq", "a"], "unsupported"],
  ["too many", ["eq", "a", 1, 2], "unsupported"],
  ["a list as value", ["eq", "a", ["x"]], "unsupported"],
  ["an object as value", ["eq", "a", {}], "unsupported"],
  ["a list in a list", ["in", "a", [["x"]]], "unsupported"],
  ["a list as element", ["any", "a", ["x", ["y"]]], "unsupported"],
  ["an order of truth values", ["lt", "a", true], "unsupported"],
  ["a number that has neighbours", ["eq", "a", new JsonNumber("9007199254740993")], "unsupported"],
  ["no text to begin with", ["startswith", "a", 1], "unsupported"],
  ["what isn't nested right", ["and", a], "unsupported"],
  ["a field's name that can't be one", ["eq", "a.b", 1], "too_large"],
  ["a text that is too long", ["eq", "a", "x".repeat(1_025)], "too_large"],
  ["a list that is too long", ["in", "a", many(1_025)], "too_large"],
  ["too many tests", ["and", many(1_100).map((one) => ["eq", String(one), 1])], "too_large"],
  ["too deep", nested(20), "too_large"],
  ["far too deep", nested(5_000), "too_large"],
];
test.each(refused)("refused: %s", (_name, given, kind) => {
  expect(conditionOf(given)).toEqual({ kind });
});
