/** The rule index changes what an evaluation costs, never what it gives. */
import { afterAll, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import type { Json } from "../../sidecar/contract.js";
import { stringifyJson } from "../../sidecar/contract.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { BuildRequest, BuildResult } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { inputs, policies } from "./index.cases.js";

/** How many policies, and which; a longer run sets them. */
const number = Number(process.env["COUNTERSIGN_TEST_INDEX_POLICIES"] ?? 4);
const seed = Number(process.env["COUNTERSIGN_TEST_INDEX_SEED"] ?? 1);
const wasmPath = process.env["COUNTERSIGN_TEST_TOOLCHAIN"];
const toolchain = createToolchain(wasmPath === undefined ? {} : { wasmPath });
afterAll(() => toolchain.close());

async function build(request: BuildRequest): Promise<BuildResult> {
  const built = await toolchain.build(request);
  if (built.kind === "rejected") throw new Error(JSON.stringify([built.errors, request.files]));
  return built.result;
}
const load = ({ wasm, data }: BuildResult): Policy =>
  loadPolicy({ wasm: new Uint8Array(Buffer.from(wasm, "base64")), data, budget: 10_000_000, maxPages: 512 });

/** The result as text with sorted keys; `undefined` and `failed` are no JSON. */
function told(policy: Policy, entrypoint: string, input: unknown): string {
  const outcome = policy.evaluate(entrypoint, input as Json);
  return outcome.kind === "value" ? canonical(JSON.parse(stringifyJson(outcome.value))) : outcome.kind;
}
async function toldByOpa(files: BuildRequest["files"], entrypoint: string, input: unknown): Promise<string> {
  const [first = "", ...rest] = entrypoint.split("/");
  const query = `data.${first}${rest.map((part) => `[${JSON.stringify(part)}]`).join("")}`;
  const outcome = await toolchain.evaluate({ files, query, input });
  if (outcome.kind === "rejected") return "failed";
  const [value] = outcome.result.results;
  return value === undefined ? "undefined" : canonical(value);
}
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** Twelve annotated bodies, each asks for a type; two types have several. */
const annotated = {
  "p.rego": `package p

${Array.from(
  { length: 12 },
  (_, n) => `# METADATA
# title: Rule ${n}
# custom:
#   id: R-${n}
allow if {
	input.t == "t${n % 10}"
	input.n > ${n}
}
`,
).join("\n")}`,
};

test("the rules that held are the same", async () => {
  const request = { files: annotated, entrypoints: ["p/allow"] };
  const result = await build(request);
  expect(result.indexed).toEqual([{ ref: "data.p.allow", rules: 12, by: ["input.t"], groups: 10 }]);
  const indexed = load(result);
  const plain = load(await build({ ...request, index: false }));
  for (const t of ["t0", "t1", "t9", "other"]) {
    for (const n of [0, 5, 20]) {
      const [got, expected] = [indexed, plain].map((policy) => policy.evaluate("p/allow", { t, n }));
      expect(got).toEqual(expected);
    }
  }
  expect(indexed.evaluate("p/allow", { t: "t1", n: 20 })).toMatchObject({ rules: [1, 11] });
});

test("Rego as it was before 1.0 gives the same", async () => {
  const rules = Array.from(
    { length: 9 },
    (_, n) => `deny[msg] { input.t == "t${n}"; msg := [${n}, input.k] }
tags[input.k] = ${n % 3} { input.t = "t${n % 8}" }
allow { "t${n}" == input.t }
`,
  );
  const request = {
    files: { "p.rego": `package p\n\ndefault allow = false\n\n${rules.join("\n")}` },
    entrypoints: ["p"],
    rego_version: 0 as const,
  };
  const result = await build(request);
  expect(result.indexed.map(({ ref }) => ref)).toEqual(["data.p.deny", "data.p.tags", "data.p.allow"]);
  const indexed = load(result);
  const plain = load(await build({ ...request, index: false }));
  const told = new Set<string>();
  for (const t of ["t0", "t1", "t8", "other", 1]) {
    for (const k of ["a", 2, undefined]) {
      const input = { t, ...(k === undefined ? {} : { k }) };
      const got = indexed.evaluate("p", input);
      const expected = plain.evaluate("p", input);
      expect([got.kind, got.kind === "value" && got.value]).toEqual([
        expected.kind,
        expected.kind === "value" && expected.value,
      ]);
      told.add(JSON.stringify(got.kind === "value" && got.value));
    }
  }
  expect(told.size).toBeGreaterThan(5);
});

test.each(["true", '"x"', "[true]", '{"a":true}', '[["a",true]]'])(
  "%s among the data, where generated packages stand, answers nothing",
  async (value) => {
    const files = { "p.rego": annotated["p.rego"].replaceAll("input.n > ", "input.m > ") };
    const { wasm } = await build({ files, entrypoints: ["p/allow"] });
    const names = '"0":{"t0":@,"other":@},"1":{"t0":@,"other":@}'.replaceAll(
      "@",
      `{"countersign rule":${value}}`,
    );
    const policy = loadPolicy({
      wasm: new Uint8Array(Buffer.from(wasm, "base64")),
      data: `{"countersign_index":{${names}}}`,
      budget: 10_000_000,
      maxPages: 512,
    });
    for (const t of ["t0", "other"])
      expect(policy.evaluate("p/allow", { t })).toMatchObject({ kind: "undefined" });
  },
);

const entrypoints = [
  "p/allow",
  "p/limit",
  "p/deny",
  "p/tags",
  "p/deep/er/rule",
  "p/deep/s-s",
  "p/helper",
  "p",
  "q",
];

test(`${number} policies give the same with the index, without it, and in OPA`, async () => {
  const outcomes = new Set<string>();
  const tally = { compared: 0, byOpa: 0, spared: 0, invalid: 0 };
  const indexedRefs = new Set<string>();
  for (const files of fc.sample(policies, { numRuns: number, seed })) {
    const without = await toolchain.build({ files, entrypoints, index: false });
    if (without.kind === "rejected") {
      // a local name after the rule it hides was used
      tally.invalid++;
      expect(await toolchain.build({ files, entrypoints })).toEqual(without);
      continue;
    }
    const plain = load(without.result);
    const result = await build({ files, entrypoints });
    for (const { ref } of result.indexed) indexedRefs.add(ref);
    const indexed = load(result);
    for (const [n, input] of fc.sample(inputs, { numRuns: 60, seed: seed + 1 }).entries()) {
      for (const entrypoint of entrypoints) {
        const expected = told(plain, entrypoint, input);
        const got = told(indexed, entrypoint, input);
        tally.compared++;
        outcomes.add(expected);
        if (got !== expected || (n === 0 && got !== "failed")) {
          // a body that is left out can't fail any more; OPA's own index leaves out the same
          if (expected === "failed") tally.spared++;
          else expect({ files, input, entrypoint, got }).toEqual({ files, input, entrypoint, got: expected });
          tally.byOpa++;
          const opa = await toldByOpa(files, entrypoint, input);
          expect({ files, input, entrypoint, got }).toEqual({ files, input, entrypoint, got: opa });
        }
      }
    }
  }
  expect(tally.invalid).toBeLessThan(number / 4);
  // all of them were tried, errors too
  expect([...indexedRefs]).toEqual(
    expect.arrayContaining([
      "data.p.allow",
      "data.p.deep.er.rule",
      'data.p.deep["s-s"]',
      "data.p.deny",
      "data.p.helper",
      "data.p.limit",
      "data.p.tags",
      "data.q.x",
    ]),
  );
  expect(outcomes.size).toBeGreaterThan(20);
  expect(outcomes).toContain("failed");
  if (number > 4) process.stdout.write(`${JSON.stringify({ seed, ...tally, results: outcomes.size })}\n`);
}, 3_600_000);
