import type { Toolchain } from "../sidecar/rego/toolchain.js";
import { withToolchain } from "./author.js";
import { drawErrors } from "./draw-errors.js";
import { drawFacts } from "./draw-facts.js";
import { readFlags, readList } from "./flags.js";
import { entrypointPath, onePath, readFormat } from "./format.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";
import { printErrors, readPolicies } from "./policy-files.js";
import { readDataAndBundles } from "./read-two.js";

export const depsCommand: Command = {
  summary: "what an entrypoint or a query reads",
  help: `countersign deps: what an entrypoint's result can depend on, which is what the decision cache's key is made of

Usage: countersign deps [flags] PATH
       countersign deps [flags] -d PATH | -b PATH QUERY      as opa deps

Shows the paths of the input that are read always and those that are read only under a condition, the data that are read
whole and those that are looked up by a key, whether results are cached, and what METADATA says of that (custom.cache).
With --data or --bundle it is \`opa deps\`: which documents the QUERY depends on, those of the input and of data (base)
and those that are rules (virtual).

Flags:
  -e, --entrypoint PATH      a/b/c; repeatable (default: those that METADATA names, or all)
  -d, --data PATH            policies of the QUERY: files and folders (repeatable)
  -b, --bundle PATH          a bundle of the QUERY: a folder or .tar.gz (repeatable)
      --ignore PATTERN       leaves out files and folders of this name (repeatable; a,b)
  -f, --format FORMAT        pretty or json (default pretty)
      --v0-compatible        the files are Rego v0

Examples:
  countersign deps -e countersign/decision policies
  countersign deps -b policies -f json data.countersign.decision
`,
  async run(args, io) {
    const { values, positionals } = readFlags(args, {
      entrypoint: { type: "string", short: "e", multiple: true },
      data: { type: "string", short: "d", multiple: true },
      bundle: { type: "string", short: "b", multiple: true },
      ignore: { type: "string", multiple: true },
      format: { type: "string", short: "f" },
      "v0-compatible": { type: "boolean" },
      "v1-compatible": { type: "boolean" },
    });
    const format = readFormat(values.format);
    const version = values["v0-compatible"] === true ? { rego_version: 0 as const } : {};
    const { data = [], bundle = [] } = values;
    if (data.length + bundle.length > 0) {
      const [query, ...more] = positionals;
      if (query === undefined || more.length > 0) throw new UsageError("give one QUERY");
      if (values.entrypoint !== undefined)
        throw new UsageError("--entrypoint is for a PATH; with --data or --bundle, give the QUERY");
      const asked = { query, data, bundles: bundle, ignore: readList(values.ignore), ...version };
      return withToolchain(io, {}, (toolchain) => depsOfQuery(asked, format === "json", toolchain, io));
    }
    if (values.ignore !== undefined) throw new UsageError("--ignore is for --data and --bundle");
    const path = onePath(positionals);
    return withToolchain(io, {}, async (toolchain) => {
      const policies = await readPolicies([path]);
      if (policies.kind === "rejected") return printErrors(policies.errors, policies.shown, io);
      const outcome = await toolchain.dependencies({
        ...{ files: policies.files, ...version },
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
    });
  },
};

interface Asked {
  readonly query: string;
  readonly data: readonly string[];
  readonly bundles: readonly string[];
  readonly ignore: readonly string[];
  readonly rego_version?: 0;
}

/** Does what `opa deps` does; gives the exit code. */
async function depsOfQuery(asked: Asked, json: boolean, toolchain: Toolchain, io: Io): Promise<number> {
  const { query, data, bundles, ignore, ...version } = asked;
  const found = await readDataAndBundles(data, bundles, ignore);
  if (found.kind === "rejected") {
    io.err(drawErrors(found.errors, {}));
    return 1;
  }
  const outcome = await toolchain.author("deps", { query, json, ignore, ...version, ...found.read });
  const errors = outcome.kind === "rejected" ? outcome.errors : outcome.result.errors;
  if (errors !== undefined) io.err(drawErrors(errors, found.read.files));
  else if (outcome.kind === "done") io.out(outcome.result.out);
  return errors === undefined ? 0 : 1;
}
