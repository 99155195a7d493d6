import { parseArgs } from "node:util";
import type { EntrypointFacts } from "../sidecar/rego/bundle.js";
import { createToolchain } from "../sidecar/rego/toolchain.js";
import { entrypointPath, onePath, readFormat } from "./format.js";
import type { Command } from "./main.js";
import { printErrors, readPolicies } from "./policy-files.js";

export const depsCommand: Command = {
  summary: "what an entrypoint reads",
  help: `countersign deps: what an entrypoint's result can depend on, which is what the decision cache's key is made of

Usage: countersign deps [flags] PATH

Flags:
  -e, --entrypoint PATH      a/b/c; repeatable (default: those that METADATA names)
  -f, --format FORMAT        pretty or json (default pretty)
      --v0-compatible        the files are Rego v0

Examples:
  countersign deps -e countersign/decision policies
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        entrypoint: { type: "string", short: "e", multiple: true },
        format: { type: "string", short: "f" },
        "v0-compatible": { type: "boolean" },
      },
      allowPositionals: true,
    });
    const format = readFormat(values.format);
    const path = onePath(positionals);
    const toolchain = createToolchain({});
    try {
      const policies = await readPolicies([path]);
      if (policies.kind === "rejected") return printErrors(policies.errors, policies.shown, io);
      const request = {
        files: policies.files,
        ...(values["v0-compatible"] === true ? { rego_version: 0 as const } : {}),
      };
      const outcome =
        values.entrypoint === undefined
          ? await toolchain.build(request)
          : await toolchain.dependencies({ ...request, entrypoints: values.entrypoint.map(entrypointPath) });
      if (outcome.kind === "rejected") return printErrors(outcome.errors, policies.shown, io);
      const { entrypoints } = outcome.result;
      io.out(
        format === "json"
          ? `${JSON.stringify({ entrypoints }, null, 2)}\n`
          : entrypoints.map(drawEntrypoint).join("\n"),
      );
      return 0;
    } finally {
      await toolchain.close();
    }
  },
};

function drawEntrypoint({ path, input, data, deterministic, nondeterministic }: EntrypointFacts): string {
  const rows = (root: string, paths: readonly (readonly string[])[]): string =>
    paths.length === 0 ? "    (nothing)\n" : paths.map((one) => `    ${drawPath(root, one)}\n`).join("");
  return (
    `${path}\n` +
    `  ${deterministic ? "deterministic: results can be cached" : `not deterministic, never cached: ${nondeterministic.join(", ")}`}\n` +
    `  input\n${rows("input", input)}  data and rules\n${rows("data", data)}`
  );
}

function drawPath(root: string, path: readonly string[]): string {
  return (
    root +
    path.map((part) => (/^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`)).join("")
  );
}
