import { parseArgs } from "node:util";
import { createToolchain } from "../sidecar/rego/toolchain.js";
import { drawFacts } from "./draw-facts.js";
import { entrypointPath, onePath, readFormat } from "./format.js";
import type { Command } from "./main.js";
import { printErrors, readPolicies } from "./policy-files.js";

export const depsCommand: Command = {
  summary: "what an entrypoint reads",
  help: `countersign deps: what an entrypoint's result can depend on, which is what the decision cache's key is made of

Usage: countersign deps [flags] PATH

Shows the paths of the input that are read always and those that are read only under a condition, the data that are read
whole and those that are looked up by a key, whether results are cached, and what METADATA says of that (custom.cache).

Flags:
  -e, --entrypoint PATH      a/b/c; repeatable (default: those that METADATA names, or all)
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
      const outcome = await toolchain.dependencies({
        ...request,
        ...(values.entrypoint === undefined ? {} : { entrypoints: values.entrypoint.map(entrypointPath) }),
      });
      if (outcome.kind === "rejected") return printErrors(outcome.errors, policies.shown, io);
      const { entrypoints } = outcome.result;
      io.out(
        format === "json"
          ? `${JSON.stringify({ entrypoints }, null, 2)}\n`
          : entrypoints.map(drawFacts).join("\n"),
      );
      return 0;
    } finally {
      await toolchain.close();
    }
  },
};
