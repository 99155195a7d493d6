import { afterAll, describe, expect, test } from "@jest/globals";
import type { Json } from "../../sidecar/contract.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { InputTerm, loadPolicy } from "../../sidecar/decide/policy.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

interface Attack {
  readonly name: string;
  readonly rego: string;
  readonly input: () => Json | InputTerm;
  /** What must come of it: an answer, or a failure for want of fuel or memory. Never a hang, never another's answer. */
  readonly outcome: "answered" | "fuel" | "host" | "memory" | "refused";
}

const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const many = (size: number, item: (i: number) => Json): Json[] =>
  Array.from({ length: size }, (_, i) => item(i));

const attacks: readonly Attack[] = [
  {
    name: "a pattern from the input that backtracks elsewhere",
    rego: "r := regex.match(input.pattern, input.text)",
    input: () => ({ pattern: "^(a+)+$", text: `${"a".repeat(5_000)}b` }),
    outcome: "answered",
  },
  {
    name: "a pattern from the input with large counts",
    rego: "r := regex.match(input.pattern, input.text)",
    input: () => ({ pattern: "((a{0,100}){0,100}){0,100}", text: "a".repeat(1_000) }),
    outcome: "answered",
  },
  {
    name: "patterns from the input, a thousand of them",
    rego: "r := count([1 | some p in input.patterns; regex.match(p, input.text)])",
    input: () => ({ patterns: many(1_000, (i) => `(x|y{${i}}){1,50}z`), text: "xy".repeat(2_000) }),
    outcome: "fuel",
  },
  {
    name: "5,000 levels",
    rego: "r := count(input)",
    input: () => new InputTerm(deep(5_000)),
    outcome: "answered",
  },
  {
    name: "5,000 levels, walked",
    rego: "r := count([p | walk(input, [p, _])])",
    input: () => new InputTerm(deep(5_000)),
    outcome: "fuel",
  },
  {
    name: "5,000 levels given back",
    rego: "r := input",
    input: () => new InputTerm(deep(5_000)),
    outcome: "answered",
  },
  {
    name: "a million levels",
    rego: "r := input",
    input: () => new InputTerm(deep(1_000_000)),
    outcome: "refused",
  },
  {
    name: "numbers.range(1, 1e9)",
    rego: "r := count(numbers.range(1, input.n))",
    input: () => ({ n: 1_000_000_000 }),
    outcome: "fuel",
  },
  {
    name: "a cross product",
    rego: "r := count([1 | some a in input.xs; some b in input.xs; some c in input.xs; a * b * c == 0])",
    input: () => ({ xs: many(1_000, (i) => i + 1) }),
    outcome: "host",
  },
  {
    name: "a string that doubles",
    rego: `s0 := input.text
${Array.from({ length: 24 }, (_, i) => `s${i + 1} := concat("", [s${i}, s${i}])`).join("\n")}
r := count(s24)`,
    input: () => ({ text: "x".repeat(64) }),
    outcome: "fuel",
  },
  {
    name: "replace that multiplies",
    rego: 'r := count(replace(replace(input.text, "x", input.by), "y", input.by))',
    input: () => ({ text: "x".repeat(2_000), by: "y".repeat(2_000) }),
    outcome: "fuel",
  },
  {
    name: "set operations on large sets",
    rego: "r := count({x | some x in input.xs} | {[x] | some x in input.xs})",
    input: () => ({ xs: many(200_000, (i) => i) }),
    outcome: "fuel",
  },
  {
    name: "an object as wide as the memory",
    rego: "r := {sprintf: x | some x in input.xs; sprintf := format_int(x, 10)}",
    input: () => ({ xs: many(500_000, (i) => i) }),
    outcome: "fuel",
  },
  {
    name: "keys that fall into one bucket",
    rego: "r := count(input)",
    input: () => Object.fromEntries(many(50_000, (i) => i).map((i) => [`__proto__${String(i)}`, i])),
    outcome: "answered",
  },
  {
    name: "a number with a huge exponent",
    rego: "r := input.n + 1",
    input: () => new InputTerm('{"n": 1e999999}'),
    outcome: "host",
  },
  {
    name: "an input of 10 MB",
    rego: 'r := input.text != ""',
    input: () => ({ text: "x".repeat(10 * 2 ** 20) }),
    outcome: "answered",
  },
  {
    name: "an input of 10 MB in small pieces",
    rego: "r := count(input)",
    input: () => many(1_000_000, (i) => i),
    outcome: "answered",
  },
];

/** `decision.budget` and `decision.max_memory_mb` as they are unless configured. */
const limits = { budget: 1_000_000, maxPages: 4_096 };

describe("a policy or an input that would take too long or too much", () => {
  test.each(attacks)("$name: $outcome", async ({ rego, input, outcome }) => {
    const files = { "p.rego": `package p\n\n${rego}\n`, "q.rego": 'package q\n\nr := {"ok": input.n}\n' };
    const built = await toolchain.build({ files, entrypoints: ["p/r", "q/r"] });
    if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
    const policy: Policy = loadPolicy({
      wasm: new Uint8Array(Buffer.from(built.result.wasm, "base64")),
      data: "{}",
      ...limits,
    });
    for (let turn = 0; turn < 2; turn++) {
      const answer = policy.evaluate("p/r", input());
      const seen =
        answer.kind === "failed"
          ? answer.code === "evaluation_budget_exceeded"
            ? answer.detail
            : "refused"
          : "answered";
      expect(seen).toBe(outcome);
      expect(policy.evaluate("q/r", { n: turn })).toEqual({ kind: "value", value: { ok: turn }, rules: [] });
    }
  });
});
