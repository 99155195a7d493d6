import { afterAll, describe, expect, test } from "@jest/globals";
import { fc } from "../../properties.js";
import type { Json } from "../../../sidecar/contract.js";
import { JsonNumber, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import { serveBuiltins } from "../../../sidecar/decide/builtins/serve.js";
import { writeValue } from "../../../sidecar/decide/builtins/text.js";
import { toJson } from "../../../sidecar/decide/engine/read-value.js";
import type { RegoValue } from "../../../sidecar/decide/engine/value.js";
import { objectOf, setOf } from "../../../sidecar/decide/engine/value.js";
import type { Policy, PolicyParts } from "../../../sidecar/decide/policy.js";
import { InputTerm, loadPolicy } from "../../../sidecar/decide/policy.js";
import { createModuleCache } from "../../../sidecar/decide/engine/modules.js";
import { createToolchain } from "../../../sidecar/rego/toolchain.js";
import { endlessLoop, endlessRecursion, moduleOf } from "../modules.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

async function load(rego: string, parts: Partial<PolicyParts> = {}): Promise<Policy> {
  const built = await toolchain.build({
    files: { "p.rego": `package p\n\n${rego}\n` },
    entrypoints: ["p/r"],
  });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
  return loadPolicy({ wasm, data: "{}", budget: 5_000_000, maxPages: 512, ...parts });
}

const scalar: fc.Arbitrary<RegoValue> = fc.oneof(
  fc.constantFrom<RegoValue>(null, true, false, 0, -1, 1.5, 1e21, "", "ä€😀\u0000\n\\", "__proto__"),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.integer(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }).map((value) => new JsonNumber(value.toString())),
  fc
    .constantFrom("0.10", "123456789012345678901234567890", "1e400", "2.50")
    .map((text) => new JsonNumber(text)),
);
const anyValue: fc.Arbitrary<RegoValue> = fc.letrec<{ value: RegoValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(tie("value"), { maxLength: 4 }).map(setOf),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map(objectOf),
  ),
})).value;

describe("values", () => {
  test("come out of memory as they went in: types, digits, sets, keys of any type", async () => {
    const policy = await load("r := input");
    fc.assert(
      fc.property(anyValue, (value) => {
        const answer = policy.evaluate("p/r", new InputTerm(writeValue(value)));
        if (answer.kind !== "value") throw new Error(JSON.stringify(answer));
        expect(stringifyJson(answer.value)).toBe(stringifyJson(toJson(value)));
      }),
      { numRuns: 1_000 },
    );
  });

  test("built-ins get them as they are, and their results arrive as they are", async () => {
    const seen: RegoValue[] = [];
    const policy = await load("r := crypto.sha256(input)", {
      builtins: () => ({
        cost: 1,
        call(_scope, call) {
          const [value = null] = call.values();
          seen.push(value);
          return { kind: "value", value };
        },
      }),
    });
    fc.assert(
      fc.property(anyValue, (value) => {
        const answer = policy.evaluate("p/r", new InputTerm(writeValue(value)));
        if (answer.kind !== "value") throw new Error(JSON.stringify(answer));
        expect(writeValue(seen.at(-1) ?? null)).toBe(writeValue(value));
        expect(stringifyJson(answer.value)).toBe(stringifyJson(toJson(value)));
      }),
      { numRuns: 300 },
    );
  });

  test("sets in a result stand in OPA's order, keys in the order of their bytes", async () => {
    const policy = await load(
      'r := {"set": {"b", 2, "a", null, [1], {"k": 1}, {3}, 1.5, true}, "a": 1, "B": 2}',
    );
    const answer = policy.evaluate("p/r", {});
    expect(answer.kind === "value" && stringifyJson(answer.value)).toBe(
      '{"B":2,"a":1,"set":[null,true,1.5,2,"a","b",[1],{"k":1},[3]]}',
    );
  });
});

describe("one evaluation leaves nothing for another", () => {
  const rego = `r := {"tenant": input.tenant, "seen": names, "total": total} if not input.fault
r := n if { input.fault == "fuel"; n := count([1 | some i in numbers.range(1, 300); contains(data.text, input.tenant)]) }
r := n if { input.fault == "memory"; n := [x | some i in numbers.range(1, 40000); x := [i, i, i, i, i, i]] }
r := 1 if { input.fault == "conflict"; input.tenant }
r := 2 if { input.fault == "conflict"; input.tenant }
r := crypto.sha256(input.tenant) if input.fault == "builtin"
names := {name | some name in input.names}
total := sum([size | some size in data.sizes])`;

  const data = { sizes: [1, 2, 3], text: "z".repeat(20_000) };

  test("whatever happens in between: interleaved tenants, faults of every kind", async () => {
    const policy = await load(rego, {
      data: JSON.stringify(data),
      budget: 2_000_000,
      maxPages: 100,
      builtins: () => ({
        cost: 1,
        call: () => {
          throw new TypeError("a bug of the host");
        },
      }),
    });
    const event = fc.record({
      tenant: fc.constantFrom("a", "b", "c"),
      names: fc.array(fc.string({ maxLength: 2_000 }), { maxLength: 10 }),
      fault: fc.option(fc.constantFrom("fuel", "memory", "conflict", "builtin"), { freq: 3 }),
    });
    const failures = new Set<string>();
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 8 }), (events) => {
        for (const { tenant, names, fault } of events) {
          const input = { tenant, names, ...(fault === null ? {} : { fault }) };
          const answer = policy.evaluate("p/r", input);
          if (fault !== null) {
            expect(answer.kind).toBe("failed");
            if (answer.kind === "failed") failures.add(`${fault} ${answer.code} ${answer.detail}`);
            continue;
          }
          expect(answer.kind === "value" && JSON.parse(stringifyJson(answer.value))).toEqual({
            tenant,
            seen: JSON.parse(stringifyJson(toJson(setOf(names)))) as Json,
            total: 6,
          });
        }
      }),
      { numRuns: 60 },
    );
    expect([...failures].sort()).toEqual([
      "builtin evaluation_error TypeError",
      "conflict evaluation_error opa_abort",
      "fuel evaluation_budget_exceeded fuel",
      "memory evaluation_budget_exceeded memory",
    ]);
    expect(policy.read([])).toEqual(parseJson(JSON.stringify(data)));
  });

  test("memory that one evaluation took is given back", async () => {
    const policy = await load("r := count(input)", { maxPages: 2_048 });
    const before = policy.memoryBytes();
    expect(
      policy.evaluate(
        "p/r",
        Array.from({ length: 300_000 }, (_, i) => i),
      ),
    ).toMatchObject({ value: 300_000 });
    expect(policy.memoryBytes()).toBeGreaterThan(before);
    for (let n = 0; n < 1_002; n++) policy.evaluate("p/r", []);
    expect(policy.memoryBytes()).toBe(before);
    expect(policy.evaluate("p/r", [1])).toMatchObject({ value: 1 });
  });

  test("a conflict is told with its place", async () => {
    const policy = await load("r := 1 if input.tenant\n\nr := 2 if input.tenant");
    expect(policy.evaluate("p/r", { fault: "conflict", tenant: "a" })).toMatchObject({
      fault: { code: "eval_conflict_error", file: "p.rego", row: 5 },
    });
  });
});

describe("data", () => {
  test("are patched in place, as a fresh load would have them", async () => {
    const policy = await load("r := data.users");
    policy.patch([{ path: ["users", "ann"], value: '{"role":"admin","n":9007199254740993}' }]);
    policy.patch([
      { path: ["users", "bob", "role"], value: '"dev"' },
      { path: ["users", "ann", "role"], value: '"dev"' },
    ]);
    expect(stringifyJson(policy.read([]) ?? null)).toBe(
      '{"users":{"ann":{"n":9007199254740993,"role":"dev"},"bob":{"role":"dev"}}}',
    );
    const answer = policy.evaluate("p/r", {});
    expect(answer.kind === "value" && stringifyJson(answer.value)).toContain('"n":9007199254740993');
    policy.patch([{ path: ["users", "ann"], value: undefined }]);
    expect(policy.read(["users"])).toEqual(parseJson('{"bob":{"role":"dev"}}'));
    expect(policy.read(["users", "ann"])).toBeUndefined();
  });

  test("survive patches mixed with faults and with large evaluations", async () => {
    const policy = await load(
      "r := data.n if not input.large\nr := n if { input.large; n := count([x | some i in numbers.range(1, 100000); x := [i]]) }",
      { budget: 10_000, data: '{"n": 0, "pad": "x"}' },
    );
    for (let n = 1; n < 300; n++) {
      policy.patch([
        { path: ["n"], value: String(n) },
        { path: ["pad"], value: JSON.stringify("y".repeat(n * 10)) },
      ]);
      if (n % 3 === 0) expect(policy.evaluate("p/r", { large: true })).toMatchObject({ kind: "failed" });
      expect(policy.evaluate("p/r", {})).toMatchObject({ value: n });
    }
    expect(policy.memoryBytes()).toBeLessThan(64 * 2 ** 20);
  });
});

test("a module is compiled once while it is among the last few", async () => {
  const built = await toolchain.build({
    files: { "p.rego": "package p\n\nr := data.n\n" },
    entrypoints: ["p/r"],
  });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
  const { compile, find, add } = createModuleCache(2);
  expect(find(wasm)).toBeUndefined();
  const first = compile(wasm);
  expect(compile(wasm.slice())).toBe(first);
  expect(find(wasm.slice())).toBe(first);
  const load = (n: number): Policy =>
    loadPolicy({ wasm, data: `{"n": ${n}}`, budget: 1_000, maxPages: 128, compile });
  const [one, two] = [load(1), load(2)];
  expect(one.evaluate("p/r", {})).toMatchObject({ value: 1 });
  expect(two.evaluate("p/r", {})).toMatchObject({ value: 2 });
  for (const code of [endlessLoop, endlessRecursion]) compile(moduleOf(code));
  expect(compile(wasm)).not.toBe(first);
  add(wasm, first);
  expect(compile(wasm)).toBe(first);
});

test("an integer that a built-in gives compares with fractions as it should", async () => {
  const policy = await load(
    "r := [units.parse(input.size) > 0.5, units.parse(input.size) + 0.5, units.parse(input.size) == input.same]",
    { builtins: serveBuiltins() },
  );
  for (const [size, value] of [
    ["8g", "8000000000"],
    ["2147483647", "2147483647"],
    ["-3000000000", "-3000000000"],
  ]) {
    const answer = policy.evaluate("p/r", parseJson(`{"size": "${size}", "same": ${value}}`));
    const sum =
      value === "8000000000"
        ? "8.0000000005e+09"
        : value === "2147483647"
          ? "2.1474836475e+09"
          : "-2.9999999995e+09";
    expect(answer.kind === "value" && stringifyJson(answer.value)).toBe(
      `[${!value?.startsWith("-")},${sum},true]`,
    );
  }
});
