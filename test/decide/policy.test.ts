import { afterAll, describe, expect, test } from "@jest/globals";
import type { Json } from "../../sidecar/contract.js";
import { parseJson } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import { parseDecision } from "../../sidecar/decide/parse-decision.js";
import type { Policy, PolicyParts } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { moduleOf } from "./modules.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

async function load(
  rego: string,
  { entrypoints = ["p/r"], ...parts }: Partial<PolicyParts> & { entrypoints?: string[] } = {},
): Promise<Policy> {
  const built = await toolchain.build({ files: { "p.rego": `package p\n\n${rego}\n` }, entrypoints });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
  return loadPolicy({
    wasm,
    data: "{}",
    budget: 5_000_000,
    maxPages: 256,
    builtins: serveBuiltins(),
    ...parts,
  });
}

const runaway = `r := "quick" if not input.slow
r := n if {
	input.slow
	n := count([1 | some a in numbers.range(1, 3000); some b in numbers.range(1, 3000); a + b < 0])
}`;

describe("an evaluation that would not end", () => {
  test("is stopped, and the next one is answered", async () => {
    const policy = await load(runaway, { budget: 500_000 });
    for (let turn = 0; turn < 3; turn++) {
      expect(policy.evaluate("p/r", { slow: true })).toMatchObject({
        kind: "failed",
        code: "evaluation_budget_exceeded",
      });
      expect(policy.evaluate("p/r", { slow: false })).toEqual({ kind: "value", value: "quick", rules: [] });
    }
  });

  test("stops at the same place each time, whatever ran before", async () => {
    const policy = await load("r := count([1 | some a in numbers.range(1, input.n); a > 0])", {
      budget: 200_000,
    });
    const enough = (n: number): boolean => policy.evaluate("p/r", { n }).kind === "value";
    let [low, high] = [1, 1_000_000];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (enough(middle)) low = middle;
      else high = middle;
    }
    for (let turn = 0; turn < 3; turn++) expect([enough(low), enough(high)]).toEqual([true, false]);
  });

  test("isn't confused with reading a large input, whose size the door limits", async () => {
    const policy = await load("r := count(input)", { budget: 1_000 });
    const input = Array.from({ length: 10_000 }, (_, i) => i);
    expect(policy.evaluate("p/r", input)).toMatchObject({ kind: "value", value: 10_000 });
  });
});

describe("memory", () => {
  test("has a maximum; the next evaluation is answered", async () => {
    const policy = await load(
      'r := "small" if not input.large\nr := n if { input.large; n := count([x | some i in numbers.range(1, 300000); x := [i, i, i, i]]) }',
      { budget: 1_000_000_000, maxPages: 80 },
    );
    for (let turn = 0; turn < 2; turn++) {
      expect(policy.evaluate("p/r", { large: true })).toMatchObject({
        kind: "failed",
        code: "evaluation_budget_exceeded",
        detail: "memory",
      });
      expect(policy.evaluate("p/r", {})).toEqual({ kind: "value", value: "small", rules: [] });
    }
  });

  test("takes an input of 5 MB, and refuses one that doesn't fit", async () => {
    const text = "x".repeat(5 * 2 ** 20);
    const roomy = await load("r := count(input.text)", { budget: 50_000_000, maxPages: 1_024 });
    expect(roomy.evaluate("p/r", { text })).toEqual({ kind: "value", value: text.length, rules: [] });
    expect(roomy.evaluate("p/r", { text: "ab" })).toEqual({ kind: "value", value: 2, rules: [] });
    const tight = await load("r := count(input.text)", { budget: 50_000_000, maxPages: 64 });
    expect(tight.evaluate("p/r", { text })).toMatchObject({ kind: "failed", detail: "memory" });
    expect(tight.evaluate("p/r", { text: "ab" })).toEqual({ kind: "value", value: 2, rules: [] });
  });
});

describe("what opa-wasm alone would get wrong", () => {
  const falsy: readonly { readonly input: Json; readonly type: string }[] = [
    { input: false, type: "boolean" },
    { input: 0, type: "number" },
    { input: "", type: "string" },
    { input: null, type: "null" },
    { input: [], type: "array" },
    { input: {}, type: "object" },
  ];
  test.each(falsy)("input $input is an input", async ({ input, type }) => {
    const policy = await load('r := {"type": type_name(input), "same": input}');
    expect(policy.evaluate("p/r", input)).toEqual({ kind: "value", value: { type, same: input }, rules: [] });
  });

  test("an absent input is undefined, not null", async () => {
    const policy = await load("r := input");
    expect(policy.evaluate("p/r", undefined)).toEqual({ kind: "undefined", rules: [] });
  });

  test.each([
    ["9007199254740993", "9007199254740992"],
    ["12345678901234567890", "12345678901234567891"],
    ["0.1", "0.10000000000000001"],
  ])("numbers are compared by all their digits: %s is not %s", async (one, other) => {
    const policy = await load('r := "same" if input.a == input.b else := "different"');
    const answer = (a: string, b: string) => policy.evaluate("p/r", parseJson(`{"a":${a},"b":${b}}`));
    expect(answer(one, other)).toMatchObject({ value: "different" });
    expect(answer(one, one)).toMatchObject({ value: "same" });
  });

  test("__proto__ is a key like any other, in input and result", async () => {
    const policy = await load('r := {"read": input["__proto__"].admin, "back": input}');
    const input = parseJson('{"__proto__":{"admin":true}}');
    const answer = policy.evaluate("p/r", input);
    if (answer.kind !== "value") throw new Error(answer.kind);
    expect(JSON.stringify(answer.value)).toContain('"__proto__":{"admin":true}');
    expect((answer.value as { read: boolean }).read).toBe(true);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    const none = await load("r if input.admin");
    expect(none.evaluate("p/r", input)).toEqual({ kind: "undefined", rules: [] });
  });

  test("text outside ASCII, escapes and zero characters arrive whole", async () => {
    const policy = await load("r := [count(input), input]");
    for (const text of ["ä€😀", 'quote " and \\', "line\nbreak\u2028"]) {
      expect(policy.evaluate("p/r", text)).toMatchObject({ kind: "value", value: [[...text].length, text] });
    }
  });

  test("an undefined result is told from false and null", async () => {
    const policy = await load("r := input.v");
    expect(policy.evaluate("p/r", {})).toEqual({ kind: "undefined", rules: [] });
    expect(policy.evaluate("p/r", { v: false })).toEqual({ kind: "value", value: false, rules: [] });
    expect(policy.evaluate("p/r", { v: null })).toEqual({ kind: "value", value: null, rules: [] });
    for (const name of ["p/nothing", "", "__proto__", "constructor", "toString", "0"]) {
      expect(policy.evaluate(name, {})).toEqual({ kind: "undefined", rules: [] });
    }
  });

  test("conflicting rules fail; the next evaluation is answered", async () => {
    const policy = await load("r := 1 if input.a\nr := 2 if input.b");
    expect(policy.evaluate("p/r", { a: true, b: true })).toMatchObject({
      kind: "failed",
      code: "evaluation_error",
    });
    expect(policy.evaluate("p/r", { a: true })).toMatchObject({ kind: "value", value: 1 });
  });

  test("a built-in that isn't there is named when loading", async () => {
    const rego = 'r := http.send({"method": "get", "url": input.u})';
    await expect(load(rego)).rejects.toThrow("http.send");
  });

  test("a fault tells nothing of the input", async () => {
    const policy = await load("r := units.parse(input.secret)");
    const answer = policy.evaluate("p/r", { secret: "hunter2" });
    expect(answer).toEqual({ kind: "undefined", rules: [] });
    // only who asks for the errors of built-ins gets OPA's words
    expect(policy.evaluate("p/r", { secret: "hunter2" }, { strictBuiltinErrors: true })).toMatchObject({
      kind: "failed",
      code: "evaluation_error",
      detail: "eval_builtin_error",
      fault: { code: "eval_builtin_error", message: expect.stringContaining("units.parse") },
    });
  });
});

describe("evaluations", () => {
  test("leave nothing behind for the next", async () => {
    const policy = await load(
      'r := {"a": object.get(input, "a", "none"), "b": object.get(input, "b", "none")}',
    );
    for (let turn = 0; turn < 50; turn++) {
      expect(policy.evaluate("p/r", { a: "x".repeat(turn * 100) })).toMatchObject({ value: { b: "none" } });
      expect(policy.evaluate("p/r", { b: turn })).toMatchObject({ value: { a: "none", b: turn } });
      expect(policy.evaluate("p/r", undefined).kind).toBe("undefined");
    }
  });

  test("data survives many evaluations and faults", async () => {
    const policy = await load(`${runaway}\nd := data.cfg`, {
      entrypoints: ["p/r", "p/d"],
      data: '{"cfg":{"list":[1,2,3],"on":true}}',
      budget: 200_000,
    });
    expect(policy.entrypoints).toEqual(expect.arrayContaining(["p/d", "p/r"]));
    for (let turn = 0; turn < 5; turn++) {
      expect(policy.evaluate("p/r", { slow: true }).kind).toBe("failed");
      expect(policy.evaluate("p/d", {})).toMatchObject({ value: { list: [1, 2, 3], on: true } });
    }
  });

  test("the rules that held are those of one evaluation", async () => {
    const marked = (id: string, rule: string): string => `# METADATA\n# custom:\n#   id: ${id}\n${rule}\n`;
    const policy = await load(
      `r := count(s)\n\n${marked("A", 's contains "a" if input.a')}\n${marked("B", 's contains "b" if input.b')}`,
    );
    const first = policy.evaluate("p/r", { a: true, b: true });
    expect(first).toMatchObject({ value: 2, rules: [0, 1] });
    expect(policy.evaluate("p/r", { b: true })).toMatchObject({ value: 1, rules: [1] });
    expect(policy.evaluate("p/r", {})).toMatchObject({ value: 0, rules: [] });
    expect(first).toMatchObject({ rules: [0, 1] });
  });

  test("a module that is no policy is refused", () => {
    expect(() =>
      loadPolicy({ wasm: moduleOf(new Uint8Array()), data: "{}", budget: 1, maxPages: 64 }),
    ).toThrow("no policy of OPA's WASM ABI");
    expect(() => loadPolicy({ wasm: new Uint8Array(8), data: "{}", budget: 1, maxPages: 64 })).toThrow(
      "not a WebAssembly",
    );
  });

  test("data that isn't JSON is refused", async () => {
    await expect(load("r := data", { data: "{nonsense" })).rejects.toBeDefined();
  });
});

const reason = { code: "c", message: "m" };
const whole = { reasons: [], obligations: [], labels: [], ttl: 0 };

describe("a policy's result as a decision", () => {
  test.each<[string, unknown, object]>([
    ["true", true, { allow: true, ...whole }],
    ["false", false, { allow: false, ...whole }],
    ["allow alone", { allow: true }, { allow: true, ...whole }],
    [
      "everything",
      { ...whole, allow: false, reasons: [{ ...reason, rule: "R" }], labels: ["l"], ttl: 5 },
      { ttl: 5 },
    ],
    [
      "an obligation",
      { allow: true, obligations: [{ id: "o", type: "t", properties: {} }] },
      { allow: true },
    ],
  ])("taken: %s", (_, value, expected) => {
    expect(parseDecision(value)).toMatchObject(expected);
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["1", 1],
    ['"true"', "true"],
    ["an array", [true]],
    ["an empty object", {}],
    ["allow as text", { allow: "true" }],
    ["allow as a number", { allow: 1 }],
    ["allow as null", { allow: null }],
    ["reasons that are no array", { allow: true, reasons: {} }],
    ["a reason without a message", { allow: true, reasons: [{ code: "c" }] }],
    ["a rule that is no text", { allow: true, reasons: [{ ...reason, rule: 1 }] }],
    ["an obligation without properties", { allow: true, obligations: [{ id: "o", type: "t" }] }],
    ["an obligation that is text", { allow: true, obligations: ["mask"] }],
    ["obligations as an object", { allow: true, obligations: { id: "o" } }],
    ["null obligations", { allow: true, obligations: null }],
    ["a label that is a number", { allow: true, labels: [1] }],
    ["a negative ttl", { allow: true, ttl: -1 }],
    ["an endless ttl", { allow: true, ttl: 1e9 }],
    ["a ttl that is text", { allow: true, ttl: "60" }],
  ])("refused: %s", (_, value) => {
    expect(parseDecision(value)).toBeUndefined();
  });
});
