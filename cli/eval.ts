import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { EvalRequest } from "../sidecar/rego/author.js";
import { fileOf } from "./author-files.js";
import { readShared, withToolchain } from "./author.js";
import { drawErrors } from "./draw-errors.js";
import { readDuration, readFlags, readList, readNumber, readOne } from "./flags.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";
import { readDataAndBundles } from "./read-two.js";

const optimized = "build first (countersign build --target rego -O 1 -e …), then evaluate the bundle";
const refused = {
  optimize: { type: "string", why: optimized },
  entrypoint: { type: "string", why: optimized },
} as const;

const formats = ["json", "values", "bindings", "pretty", "source", "raw", "discard"] as const;
const kinds = ["index-excluded", "early-exit"] as const;
const criteria = ["total_time_ns", "num_eval", "num_redo", "num_gen_expr", "file", "line"] as const;

const options = {
  data: { type: "string", short: "d", multiple: true },
  bundle: { type: "string", short: "b", multiple: true },
  input: { type: "string", short: "i" },
  stdin: { type: "boolean" },
  "stdin-input": { type: "boolean", short: "I" },
  format: { type: "string", short: "f" },
  fail: { type: "boolean" },
  "fail-defined": { type: "boolean" },
  package: { type: "string" },
  import: { type: "string", multiple: true },
  "strict-builtin-errors": { type: "boolean" },
  "show-builtin-errors": { type: "boolean" },
  strict: { type: "boolean", short: "S" },
  partial: { type: "boolean", short: "p" },
  unknowns: { type: "string", short: "u", multiple: true },
  "disable-inlining": { type: "string", multiple: true },
  "shallow-inlining": { type: "boolean" },
  "nondeterminstic-builtins": { type: "boolean" },
  "disable-indexing": { type: "boolean" },
  "disable-early-exit": { type: "boolean" },
  explain: { type: "string" },
  "var-values": { type: "boolean" },
  metrics: { type: "boolean" },
  instrument: { type: "boolean" },
  profile: { type: "boolean" },
  "profile-sort": { type: "string", multiple: true },
  "profile-limit": { type: "string" },
  "pretty-limit": { type: "string" },
  coverage: { type: "boolean" },
  "coverage-runs": { type: "string", multiple: true },
  count: { type: "string" },
  timeout: { type: "string" },
  target: { type: "string", short: "t" },
  engine: { type: "string" },
  schema: { type: "string", short: "s" },
  ignore: { type: "string", multiple: true },
  capabilities: { type: "string" },
  "read-ast-values-from-store": { type: "boolean" },
  "v0-compatible": { type: "boolean" },
  "v1-compatible": { type: "boolean" },
  optimize: { type: "string", short: "O" },
  entrypoint: { type: "string", short: "e" },
} as const;

export const evalCommand: Command = {
  summary: "evaluate a query, as opa does or as a sidecar does",
  help: `countersign eval: evaluates a query, by OPA's own evaluator or by the sidecar's

Usage: countersign eval [flags] QUERY

Flags:
  -d, --data PATH            policies and data: .rego, .json, .yaml, folders of them (repeatable)
  -b, --bundle PATH          a bundle: a folder or .tar.gz (repeatable)
  -i, --input FILE           the input, JSON or YAML
  -I, --stdin-input          the input comes in at the standard input
      --stdin                the query comes in at the standard input
      --package NAME         the query is read as if it stood in this package
      --import REF           what the query imports (repeatable)
  -f, --format FORMAT        json (default), values, bindings, pretty, source (with --partial), raw, discard
      --fail                 exit code 1 where there is no result
      --fail-defined         exit code 1 where there is one
      --engine ENGINE        opa (default), or wasm: what a sidecar decides by; QUERY is then data.a.b, and it is told
                             where the two differ
      --strict-builtin-errors  the first error of a built-in fails the evaluation
      --show-builtin-errors  all errors of built-ins are shown
  -p, --partial              evaluates what doesn't depend on what is unknown
  -u, --unknowns REF         what is unknown (repeatable; default input)
      --disable-inlining PATH, --shallow-inlining, --nondeterminstic-builtins   how far it goes
      --explain MODE         off, notes, fails, full or debug: how the result came about
      --var-values           with the values of variables
      --coverage             which lines were reached (--coverage-runs KINDS: index-excluded, early-exit)
      --profile              which expressions took how long (--profile-limit N, --profile-sort CRITERION)
      --metrics, --instrument  what took how long; all times are those of OPA as WASM, not of a sidecar
      --count N              evaluates N times
      --timeout DURATION     longest time for it: 1s, 500ms, …
  -s, --schema PATH          JSON Schema of the input, or a folder of schemas, to check types by
  -S, --strict               unused variables and imports are errors, too
      --disable-indexing, --disable-early-exit   without these optimizations
      --ignore PATTERN       leaves out files and folders of this name (repeatable; a,b)
      --capabilities FILE    a capabilities.json, or a version of OPA
      --v0-compatible        the files are Rego v0

Exit codes: 0; 1 as --fail and --fail-defined say, or the engines differ; 2 errors, or wrong usage

Examples:
  countersign eval -b policies -i input.json -f pretty data.countersign.decision
  countersign eval -b policies -i input.json --engine wasm data.countersign.decision
  countersign eval -b policies -i input.json --explain notes -f pretty data.countersign.decision.allow
  echo '{"user": "ann"}' | countersign eval -I -d p.rego --fail data.p.allow
`,
  async run(args, io) {
    const { values, positionals } = readFlags(args, options, refused);
    const [given, ...more] = positionals;
    const fromStdin = values.stdin === true;
    if (fromStdin && given !== undefined) throw new UsageError("give QUERY or --stdin, not both");
    if (!fromStdin && given === undefined) throw new UsageError("give QUERY or --stdin");
    if (more.length > 0) throw new UsageError("give one QUERY");
    if (fromStdin && values["stdin-input"] === true)
      throw new UsageError("give --stdin or --stdin-input, not both");
    if (values["stdin-input"] === true && values.input !== undefined)
      throw new UsageError("give --stdin-input or --input, not both");
    if (values.fail === true && values["fail-defined"] === true)
      throw new UsageError("give --fail or --fail-defined, not both");
    if (values.target !== undefined && values.target !== "rego")
      throw new UsageError(
        `--target ${values.target} is not supported: --engine wasm evaluates as a sidecar does`,
      );
    const format = readOne("--format", values.format, formats) ?? "json";
    const partial = values.partial ?? false;
    if (partial && !["pretty", "json", "source"].includes(format))
      throw new UsageError("--partial: --format is json, pretty or source");
    if (!partial && format === "source") throw new UsageError("--format source is for --partial");
    const engine = readOne("--engine", values.engine, ["opa", "wasm"]) ?? "opa";
    readNumber("--pretty-limit", values["pretty-limit"], 0);
    const query = given ?? (await text(process.stdin));
    const input = await readInput(values.input, values["stdin-input"] ?? false);
    const data = values.data ?? [];
    const bundles = values.bundle ?? [];
    const request = await requestOf(values, { query, format, input });

    return withToolchain(io, { timeoutMs: 600_000 }, async (toolchain) => {
      if (engine === "wasm") {
        const { evalAsSidecar } = await import("./eval-wasm.js");
        const { code, defined } = await evalAsSidecar({ request, data, bundles, toolchain, io });
        return code === 0 ? exitOf(defined, values) : code;
      }
      const found = await readDataAndBundles(data, bundles, request.ignore ?? []);
      if (found.kind === "rejected") {
        io.err(drawErrors(found.errors, {}));
        return 2;
      }
      const outcome = await toolchain.author("eval", { ...request, ...found.read });
      if (outcome.kind === "rejected") {
        io.err(drawErrors(outcome.errors, found.read.files));
        return 2;
      }
      const { out, err, exit, defined } = outcome.result;
      if (out !== "") io.out(out);
      if (err !== "") io.err(err);
      return exit === 0 ? exitOf(defined, values) : exit;
    });
  },
};

type Values = ReturnType<typeof readFlags<typeof options>>["values"];

function exitOf(defined: boolean, values: Values): number {
  return (values.fail === true && !defined) || (values["fail-defined"] === true && defined) ? 1 : 0;
}

type Request = Omit<EvalRequest, "files" | "archives" | "paths">;

/** @throws UsageError */
async function requestOf(
  values: Values,
  {
    query,
    format,
    input,
  }: { readonly query: string; readonly format: string; readonly input: string | undefined },
): Promise<Request> {
  const runs = values["coverage-runs"] === undefined ? undefined : readList(values["coverage-runs"]);
  for (const kind of runs ?? []) readOne("--coverage-runs", kind, kinds);
  const sort = readList(values["profile-sort"]);
  for (const one of sort) readOne("--profile-sort", one, criteria);
  const limit = readNumber("--profile-limit", values["profile-limit"], -1);
  const profile = values.profile === true || limit !== undefined || sort.length > 0;
  const explain = readOne("--explain", values.explain, ["off", "full", "notes", "fails", "debug"]) ?? "off";
  const timeout = readDuration("--timeout", values.timeout);
  if (values["strict-builtin-errors"] === true && values["show-builtin-errors"] === true)
    throw new UsageError("give --strict-builtin-errors or --show-builtin-errors, not both");
  const { as_bundle: _, ...shared } = await readShared({ ...values, bundle: false });
  return {
    ...shared,
    query,
    format,
    partial: values.partial ?? false,
    unknowns: values.unknowns ?? [],
    imports: values.import ?? [],
    disable_inlining: values["disable-inlining"] ?? [],
    shallow_inlining: values["shallow-inlining"] ?? false,
    nondeterministic_builtins: values["nondeterminstic-builtins"] ?? false,
    disable_indexing: values["disable-indexing"] ?? false,
    disable_early_exit: values["disable-early-exit"] ?? false,
    strict_builtin_errors: values["strict-builtin-errors"] ?? false,
    show_builtin_errors: values["show-builtin-errors"] ?? false,
    read_ast: values["read-ast-values-from-store"] ?? false,
    strict: values.strict ?? false,
    var_values: values["var-values"] ?? false,
    explain: explain === "off" ? "" : explain,
    profile,
    profile_sort: sort,
    profile_limit: limit ?? 10,
    instrument: values.instrument ?? false,
    metrics: values.metrics === true || profile || values.instrument === true,
    coverage: values.coverage === true || runs !== undefined,
    coverage_runs: runs ?? kinds,
    count: readNumber("--count", values.count, 1) ?? 1,
    ...(timeout === undefined ? {} : { timeout_ms: timeout }),
    ...(values.package === undefined ? {} : { package: values.package }),
    ...(input === undefined ? {} : { input_text: input }),
  };
}

/** @throws Error where it can't be read */
async function readInput(file: string | undefined, stdin: boolean): Promise<string | undefined> {
  if (stdin) return text(process.stdin);
  return file === undefined ? undefined : readFile(fileOf(file), "utf8");
}
