/** The cache's ground: inputs with one key must have one answer, in WASM and in OPA's own evaluator. */
import { afterAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { createPolicyData } from "../../sidecar/bundles/data-names.js";
import type { Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { createKeyer } from "../../sidecar/decide/cache/key.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { anyInput } from "./inputs.js";
import { readsCases } from "./reads.cases.js";

/** Base documents that stay as they are. */
const names = { whole: () => "", member: () => "" };

const inputs: readonly { text: string; input: Json }[] = fc
  .sample(anyInput, { numRuns: 300, seed: 7 })
  .map((text) => ({ text, input: parseJson(text) }));

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

/** Built-ins that opa-wasm lacks, and results that differ each time. */
const sound = readsCases.filter(
  ({ nondeterministic, rego }) => nondeterministic === undefined && !rego.includes("time."),
);

describe("inputs with the same key have the same result", () => {
  test.each(sound)("$name", async ({ rego, more: others = {}, entrypoint = "p/r", regoVersion }) => {
    const built = await toolchain.build({
      files: { "p.rego": rego, ...others },
      entrypoints: [entrypoint],
      ...(regoVersion === undefined ? {} : { rego_version: regoVersion }),
    });
    if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
    const { wasm, data, entrypoints } = built.result;
    const facts = entrypoints.find(({ path }) => path === entrypoint);
    const policy = loadPolicy({
      wasm: new Uint8Array(Buffer.from(wasm, "base64")),
      data,
      budget: 10_000_000,
      maxPages: 512,
      builtins: serveBuiltins(),
    });
    if (facts === undefined) throw new Error("no facts");
    const documents = createPolicyData({ policy, digest: "", size: data.length });
    const key = createKeyer({ policyDigest: "d", facts, data: documents.namesFor(facts) });
    const answers = new Map<string, { readonly answer: string; readonly text: string }>();
    let met = 0;
    for (const { text, input } of inputs) {
      const named = key(input, { tenant: "t", epoch: 0 }) ?? "";
      const answer = stringifyJson(policy.evaluate(entrypoint, input) as unknown as Json);
      const earlier = answers.get(named);
      if (earlier === undefined) answers.set(named, { answer, text });
      else {
        met++;
        expect({ answer, text: [text, earlier.text] }).toEqual({
          answer: earlier.answer,
          text: [text, earlier.text],
        });
      }
    }
    // the whole input as key lets few inputs meet
    if (facts.input[0]?.length !== 0) expect(met).toBeGreaterThan(20);
  });

  test("the guard notices a path that is left out", () => {
    const key = createKeyer({
      policyDigest: "d",
      facts: { path: "p/r", input: [["user", "suspended"]] },
      data: names,
    });
    const told = [{}, { user: {} }, { user: null }, { user: { suspended: false } }].map((input) =>
      key(input, { tenant: "t", epoch: 0 }),
    );
    expect(new Set(told).size).toBe(told.length);
  });
});

describe("WASM and OPA's own evaluator agree", () => {
  const compared = sound.filter(
    ({ regoVersion, entrypoint, differs }) =>
      regoVersion === undefined && entrypoint === undefined && differs === undefined,
  );
  test.each(compared)("$name", async ({ rego, more: others = {} }) => {
    const files = { "p.rego": rego, ...others };
    const built = await toolchain.build({ files, entrypoints: ["p/r"] });
    if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
    const wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
    const policy = loadPolicy({ wasm, data: built.result.data, budget: 10_000_000, maxPages: 512 });
    for (const text of fc.sample(anyInput, { numRuns: 3, seed: 11 })) {
      // the reference reads plain JSON: no -0
      const input = JSON.parse(text.replaceAll("-0", "0").replaceAll("1.0", "1")) as Json;
      const reference = await toolchain.evaluate({ files, query: "data.p.r", input });
      const own = policy.evaluate("p/r", parseJson(JSON.stringify(input)));
      if (reference.kind === "rejected") {
        // both refuse: conflicting results
        expect({ text, kind: own.kind }).toEqual({ text, kind: "failed" });
        continue;
      }
      const [expected] = reference.result.results;
      expect({ text, value: own.kind === "value" ? plain(own.value) : own.kind }).toEqual({
        text,
        value: expected === undefined ? "undefined" : plain(expected),
      });
    }
  });
});

/** Objects with and without a prototype are the same here. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
