import { parseArgs } from "node:util";
import { catalogue } from "../gateway/enforce/catalogue.js";
import { isObject } from "../sidecar/contract.js";
import { createToolchain } from "../sidecar/rego/toolchain.js";
import { readFormat } from "./format.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";
import { printErrors, readPolicies } from "./policy-files.js";

export const checkCommand: Command = {
  summary: "check policies for errors",
  help: `countersign check: parses and type-checks policies and their tests

Usage: countersign check [flags] PATH...

Flags:
  -S, --strict               unused variables and imports, deprecated built-ins and the like are errors, too
  -f, --format FORMAT        pretty or json (default pretty)
      --v0-compatible        the files are Rego v0
      --obligations          shows the obligations that policies may return, and what their properties must be (json:
                             JSON Schema); takes no PATH

Exit codes: 0 no errors, 1 errors, 2 wrong usage

Examples:
  countersign check --strict policies
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        strict: { type: "boolean", short: "S" },
        format: { type: "string", short: "f" },
        "v0-compatible": { type: "boolean" },
        obligations: { type: "boolean" },
      },
      allowPositionals: true,
    });
    const format = readFormat(values.format);
    if (values.obligations === true) {
      if (positionals.length > 0) throw new UsageError("--obligations takes no PATH");
      io.out(showObligations(format));
      return 0;
    }
    if (positionals.length === 0) throw new UsageError("give a PATH");
    const toolchain = createToolchain({});
    try {
      const policies = await readPolicies(positionals);
      const outcome =
        policies.kind === "rejected"
          ? policies
          : await toolchain.check({
              files: policies.files,
              strict: values.strict ?? false,
              ...(values["v0-compatible"] === true ? { rego_version: 0 as const } : {}),
            });
      if (format === "json") {
        const errors =
          outcome.kind === "rejected"
            ? outcome.errors.map((error) =>
                error.file === undefined ? error : { ...error, file: policies.shown(error.file) },
              )
            : [];
        io.out(`${JSON.stringify({ errors }, null, 2)}\n`);
        return errors.length === 0 ? 0 : 1;
      }
      return outcome.kind === "rejected" ? printErrors(outcome.errors, policies.shown, io) : 0;
    } finally {
      await toolchain.close();
    }
  },
};

/** Says what a policy may oblige enforcement points to. */
function showObligations(format: string): string {
  if (format === "json") return `${JSON.stringify(catalogue, null, 2)}\n`;
  return Object.entries(catalogue)
    .map(([type, { summary, phases, schema }]) => {
      const { properties, required } = schema;
      const needed = Array.isArray(required) ? required : [];
      const names = Object.keys(isObject(properties) ? properties : {}).map((name) =>
        needed.includes(name) ? name : `[${name}]`,
      );
      return `${type} {${names.join(", ")}} (${phases.join(", ")})\n    ${summary}\n`;
    })
    .join("");
}
