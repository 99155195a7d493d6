import { afterAll, describe, expect, test } from "@jest/globals";
import type { Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { BuildRequest } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { pathsCases } from "./entrypoints.cases.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

async function build(request: BuildRequest) {
  const outcome = await toolchain.build(request);
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  const { wasm, data } = outcome.result;
  const load = () => loadPolicy({ wasm: Buffer.from(wasm, "base64"), data, budget: 1e6, maxPages: 256 });
  let loaded: ReturnType<typeof loadPolicy> | undefined;
  const evaluate = (path: string, input: Json) => (loaded ??= load()).evaluate(path, input);
  return { ...outcome.result, policy: { evaluate } };
}

describe("every package and rule answers", () => {
  test.each(pathsCases)("$name", async ({ files, input = {}, answers }) => {
    const { entrypoints, policy } = await build({ files });
    expect(entrypoints.map(({ path }) => path)).toEqual(Object.keys(answers).sort());
    expect(entrypoints.some(({ annotated }) => annotated)).toBe(false);
    for (const [path, wanted] of Object.entries(answers)) {
      const answer = policy.evaluate(path, input);
      if (wanted === undefined) expect(answer.kind).toBe("undefined");
      else {
        if (answer.kind !== "value") throw new Error(`${path}: ${JSON.stringify(answer)}`);
        expect(JSON.parse(stringifyJson(answer.value))).toEqual(wanted);
        const ref = `data.${path.replaceAll("/", ".")}`;
        const opa = await toolchain.evaluate({ files, query: ref, input });
        expect(opa).toEqual({ kind: "done", result: { results: [wanted] } });
      }
    }
  });

  test("facts tell what each reads: base documents, not rules", async () => {
    const { entrypoints } = await build({
      files: {
        "p.rego":
          "package p\n\na if { input.a; data.base.x }\n\nb if { a; input.b }\n\nc := time.now_ns()\n\nd := data.p.nothing",
        "q.rego": "package q\n\nr := data.p\n\ns := data.q.f(input.s)\n\nf(x) := data.base.f",
      },
    });
    const facts = Object.fromEntries(
      entrypoints.map(({ path, input, data, deterministic }) => [path, { input, data, deterministic }]),
    );
    const whole = { input: [["a"], ["b"]], data: [["base", "x"], ["p"]], deterministic: false };
    expect(facts).toEqual({
      p: whole,
      "p/a": { input: [["a"]], data: [["base", "x"]], deterministic: true },
      "p/b": { input: [["a"], ["b"]], data: [["base", "x"]], deterministic: true },
      "p/c": { input: [], data: [], deterministic: false },
      "p/d": { input: [], data: [["p", "nothing"]], deterministic: true },
      q: {
        input: [["a"], ["b"], ["s"]],
        data: [["base", "f"], ["base", "x"], ["p"], ["q"]],
        deterministic: false,
      },
      "q/r": whole,
      "q/s": { input: [["s"]], data: [["base", "f"]], deterministic: true },
    });
  });

  test("there is a limit: packages come first, and what METADATA names always", async () => {
    const rules = Array.from({ length: 1_200 }, (_, i) => `r${i} := ${i}`).join("\n");
    const { entrypoints, policy } = await build({
      files: {
        "p.rego": `package p\n\n${rules}\n`,
        "q.rego": "package q.deep.below\n\n# METADATA\n# entrypoint: true\nlast := 1\n",
      },
    });
    const paths = entrypoints.map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(500);
    expect(paths.length).toBeLessThanOrEqual(1_000);
    expect(paths).toEqual(expect.arrayContaining(["p", "q", "q/deep", "q/deep/below", "q/deep/below/last"]));
    expect(policy.evaluate("q/deep/below/last", {})).toMatchObject({ value: 1 });
  });

  test("a rule that OPA can't compile to WASM leaves those that are named", async () => {
    const files = {
      "p.rego":
        "package p\n\nok := 1\n\nq[x].a := 1 if x := input.x\n\nq[x].b := data.p.q[y].a if { x := input.x; y := input.y }\n",
    };
    expect(await toolchain.build({ files })).toMatchObject({ kind: "rejected" });
    const { entrypoints, policy } = await build({ files, entrypoints: ["p/ok"] });
    expect(entrypoints.map(({ path }) => path)).toEqual(["p/ok"]);
    expect(policy.evaluate("p/ok", {})).toMatchObject({ value: 1 });
  });
});

describe("a query", () => {
  const files = { "p.rego": 'package p\n\nxs := {"a", "b"}\n\nf(x) := y if y := upper(x)\n' };
  test.each([
    ["x = 1", [{ x: 1 }]],
    [
      "data.p.xs[x]; y := data.p.f(x)",
      [
        { x: "a", y: "A" },
        { x: "b", y: "B" },
      ],
    ],
    ['some x in data.p.xs; x != "a"', [{ x: "b" }]],
    ["input.a", [{}]],
    ["input.never", []],
    ["xs := [x | data.p.xs[x]]", [{ xs: ["a", "b"] }]],
    ["every x in data.p.xs { x != input.a }; z = 1", [{ z: 1 }]],
    ["x := input.a with input.a as 7", [{ x: 7 }]],
    ["plus(1, 2, x)", [{ x: 3 }]],
  ])("%s", async (query, wanted) => {
    const { policy } = await build({ files, query });
    const answer = policy.evaluate("countersign_query/result", { a: 1 });
    if (answer.kind !== "value") throw new Error(JSON.stringify(answer));
    expect(JSON.parse(stringifyJson(answer.value))).toEqual(wanted);
  });

  test("without a policy, in the syntax of Rego v0, with keywords that OPA tries out", async () => {
    expect(
      (await build({ files: {}, query: "x := 1" })).policy.evaluate("countersign_query/result", {}),
    ).toMatchObject({ value: [parseJson('{"x":1}')] });
    const old = { "p.rego": "package p\n\nr { input.x }\n" };
    expect(
      (await build({ files: old, query: "if := data.p.r", rego_version: 0 })).policy.evaluate(
        "countersign_query/result",
        { x: 1 },
      ),
    ).toMatchObject({ value: [parseJson('{"if":true}')] });
  });

  test.each([
    [
      "an error has its place in the query",
      { query: "x := 1\ny := nothing(1)" },
      { code: "rego_type_error", file: "query", row: 2, col: 6 },
    ],
    ["what can't be parsed", { query: "x :=" }, { code: "rego_parse_error", file: "query", row: 1 }],
    [
      "the rule's own package",
      { query: "x", files: { "q.rego": "package countersign_query\n\nresult := 1" } },
      { code: "reserved_package", file: "q.rego", row: 1 },
    ],
  ])("%s", async (_, request, error) => {
    const outcome = await toolchain.build({ files, ...request });
    expect(outcome.kind === "rejected" && outcome.errors[0]).toMatchObject(error);
  });
});

describe("what only the host can do compiles", () => {
  test.each([
    ["print", 'r if { print("x", input.x) }', "internal.print", 3],
    ["trace", 'r if trace("x")', "trace", 3],
    ["opa.runtime", "r := opa.runtime().env", "opa.runtime", 3],
    ["time", "r := 1 if {\n\tinput.x\n\ttime.now_ns() > 1\n}", "time.now_ns", 5],
    ["with", "r := 1 if f(1) with f as io.jwt.decode\nf(x) := x", "io.jwt.decode", 3],
    ["template strings", 'r := $"a {input.x}"', "internal.template_string", 3],
  ])("%s", async (_, rego, name, row) => {
    const outcome = await toolchain.build({
      files: { "a.rego": "package a", "p.rego": `package p\n\n${rego}\n` },
    });
    if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
    expect(outcome.result.builtins.find((use) => use.name === name)).toMatchObject({ file: "p.rego", row });
  });

  test("rego.metadata tells of annotations", async () => {
    const { policy } = await build({
      files: {
        "p.rego":
          "# METADATA\n# title: whole\npackage p\n\n# METADATA\n# title: one\nr := [rego.metadata.rule().title, count(rego.metadata.chain())]\n",
      },
    });
    expect(policy.evaluate("p/r", {})).toMatchObject({ value: ["one", 2] });
  });
});
