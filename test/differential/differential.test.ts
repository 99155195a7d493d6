/** The engine beside OPA's own evaluator: the built-ins of OPA's module one by one, and the language. */
import { afterAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { readsCases } from "../rego/reads.cases.js";
import { anyInput } from "../rego/inputs.js";
import { compare } from "./compare.js";
import { calls, inputsOf, policyOf } from "./native.js";

/** Comparisons in all; `make test-all` asks for 50,000. */
const total = Number(process.env["DIFFERENTIAL_RUNS"] ?? 1_000);
const seed = Number(process.env["DIFFERENTIAL_SEED"] ?? 20_261_121);

const toolchain = createToolchain({});
const builtins = serveBuiltins();
afterAll(() => toolchain.close());

/** What the module's language does in another way than OPA's evaluator, and how. */
const otherwise: Readonly<Record<string, string>> = {
  "a list that is looked up": "1.0 and 1e0 are no index of a list: nothing is found",
};
/** Time and chance are OPA's own at its moment. */
const language = readsCases.filter(
  ({ name, nondeterministic, rego }) =>
    nondeterministic === undefined && !rego.includes("time.") && !(name in otherwise),
);
const runs = Math.ceil(total / (calls.length + language.length));
/** Where the two may differ, and why. */
const known: Readonly<Record<string, string>> = {
  "to_number($1)": "OPA makes numbers that are no JSON of +1 and 1_000",
  "regex.find_all_string_submatch_n($1, $2, $3)": "OPA takes -2 for -1",
};

describe("built-ins of the module give what OPA's Go code gives", () => {
  test.each(
    calls
      .filter(([call]) => !(call in known))
      .map((call) => [`${call[0]} of ${call.slice(1).join()}`, call] as const),
  )("%s", async (_name, call) => {
    const inputs = fc.sample(inputsOf(call), { numRuns: runs, seed });
    const files = { "p.rego": policyOf(call) };
    // OPA took these out of the language's first version
    const regoVersion = /^(all|any)\(/.test(call[0]) ? 0 : 1;
    const differences = await compare(toolchain, { files, entrypoint: "p/r", inputs, regoVersion }, builtins);
    expect(differences.slice(0, 3)).toEqual([]);
  });
});

describe("the language means what it means in OPA", () => {
  test.each(language)("$name", async ({ rego, more = {}, entrypoint = "p/r", regoVersion }) => {
    const inputs = fc.sample(anyInput, { numRuns: runs, seed });
    const files = { "p.rego": rego, ...more };
    const version = regoVersion === undefined ? {} : { regoVersion };
    const differences = await compare(toolchain, { files, entrypoint, inputs, ...version }, builtins);
    expect(differences.slice(0, 3)).toEqual([]);
  });
});
