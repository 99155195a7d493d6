import type { AuthorError, TestRequest } from "../sidecar/rego/author.js";
import type { Toolchain } from "../sidecar/rego/toolchain.js";
import { readAuthorFiles } from "./author-files.js";
import { readShared, runAuthor } from "./author.js";
import { drawCoverage } from "./draw-coverage.js";
import { drawErrors } from "./draw-errors.js";
import { readDuration, readFlags, readList, readNumber, readOne, sourceFlags } from "./flags.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";

const alone = "the compiler runs one test after the other";
const slow =
  "the tests run in OPA's evaluator as WASM, whose times say nothing of the sidecar's; measure a running sidecar";
const refused = {
  bench: { type: "boolean", why: slow },
  benchmem: { type: "boolean", why: slow },
} as const;

export const testCommand: Command = {
  summary: "run policy tests",
  help: `countersign test: runs the rules named test_…, by OPA's own evaluator and reporters

Usage: countersign test [flags] PATH...

Flags:
  -b, --bundle               PATHs are bundles: only their data.json and data.yaml are data
  -v, --verbose              lists tests that pass, and what led to a failure
  -r, --run REGEX            only tests whose name (data.package.test_name) matches
  -c, --coverage             which lines no test has reached; with --format json, OPA's report instead of the results
      --coverage-runs KINDS  index-excluded, early-exit: runs the tests again, to tell why (default with json: both)
      --threshold PERCENT    fails below this coverage (implies --coverage)
      --var-values           the line that failed, with the values of its variables
      --explain MODE         fails, notes, full or debug: what led to a failure (implies --verbose)
  -f, --format FORMAT        pretty or json (default pretty)
      --sort ORDER           none or duration: the order in json (default none)
      --count N              runs each test N times
      --timeout DURATION     longest time for a test: 1s, 500ms, …
  -z, --exit-zero-on-skipped skipped tests (todo_test_…) don't fail
      --fail-on-empty        fails where no test was run; --fail-on-empty=false allows it (opa: allowed unless told)
  -m, --max-errors N         stops after so many errors (default 10)
  -s, --schema PATH          JSON Schema of the input, or a folder of schemas, to check types by
      --ignore PATTERN       leaves out files and folders of this name (repeatable; a,b)
      --capabilities FILE    a capabilities.json, or a version of OPA, that the policies must do with
      --v0-compatible        the files are Rego v0
  -w, --watch                runs again at each change

Exit codes: 0 all passed, 1 the policies have errors, or no test was run, 2 a test failed or was skipped, or
coverage is too low, or wrong usage

Examples:
  countersign test -v policies
  countersign test --watch --var-values policies
  countersign test --coverage --threshold 95 policies
`,
  async run(args, io) {
    const { values, positionals, off } = readFlags(
      args,
      {
        ...sourceFlags,
        verbose: { type: "boolean", short: "v" },
        run: { type: "string", short: "r" },
        coverage: { type: "boolean", short: "c" },
        "coverage-runs": { type: "string", multiple: true },
        threshold: { type: "string" },
        "var-values": { type: "boolean" },
        explain: { type: "string" },
        format: { type: "string", short: "f" },
        sort: { type: "string" },
        count: { type: "string" },
        timeout: { type: "string" },
        "exit-zero-on-skipped": { type: "boolean", short: "z" },
        "fail-on-empty": { type: "boolean" },
        parallel: { type: "string", short: "p" },
        target: { type: "string", short: "t" },
        "max-errors": { type: "string", short: "m" },
        schema: { type: "string", short: "s" },
        watch: { type: "boolean", short: "w" },
      },
      refused,
    );
    if (values.format === "gobench") throw new UsageError(`--format gobench is not supported: ${slow}`);
    if (values.target !== undefined && values.target !== "rego") {
      throw new UsageError(`--target ${values.target} is not supported: tests run in OPA's evaluator`);
    }
    if ((readNumber("--parallel", values.parallel, 0) ?? 1) > 1) {
      throw new UsageError(`--parallel is not supported: ${alone}`);
    }
    const json = readOne("--format", values.format, ["pretty", "json"]) === "json";
    const threshold = readThreshold(values.threshold);
    const kinds = ["index-excluded", "early-exit"] as const;
    const runs = values["coverage-runs"] === undefined ? undefined : readList(values["coverage-runs"]);
    for (const kind of runs ?? []) readOne("--coverage-runs", kind, kinds);
    const explain = readOne("--explain", values.explain, ["fails", "full", "notes", "debug"]);
    const sort = readOne("--sort", values.sort, ["none", "duration"]);
    const timeout = readDuration("--timeout", values.timeout);
    const coverage = values.coverage === true || (threshold ?? 0) > 0 || runs !== undefined;
    const shared = await readShared(values);
    const request: Omit<TestRequest, "files" | "archives" | "paths"> = {
      ...shared,
      json,
      coverage,
      // the passes that tell why a line wasn't reached take as long again, each
      coverage_runs: runs ?? (json ? kinds : []),
      verbose: values.verbose ?? explain !== undefined,
      var_values: values["var-values"] ?? false,
      exit_zero_on_skipped: values["exit-zero-on-skipped"] ?? false,
      count: readNumber("--count", values.count, 1) ?? 1,
      ...(threshold === undefined ? {} : { threshold }),
      ...(explain === undefined ? {} : { explain }),
      ...(sort === undefined ? {} : { sort }),
      ...(timeout === undefined ? {} : { timeout_ms: timeout }),
      ...(values.run === undefined ? {} : { run: values.run }),
    };
    const once = async (toolchain: Toolchain): Promise<number> => {
      const found = await readAuthorFiles(positionals, {
        bundle: values.bundle ?? false,
        ignore: request.ignore ?? [],
      });
      const fail = (errors: readonly AuthorError[]): number => {
        io.err(drawErrors(errors, found.kind === "read" ? found.read.files : {}));
        return 1;
      };
      if (found.kind === "rejected") return fail(found.errors);
      const outcome = await toolchain.author("test", { ...request, ...found.read });
      if (outcome.kind === "rejected") return fail(outcome.errors);
      const { errors, out, err, exit, coverage: covered, ran } = outcome.result;
      if (errors !== undefined) return fail(errors);
      if (out !== "") io.out(out);
      if (covered !== undefined) io.out(drawCoverage(covered, values.verbose ?? false));
      if (err !== "") io.err(err);
      if (ran > 0 || exit !== 0 || off.has("fail-on-empty")) return exit;
      io.err("no tests were run\n");
      return 1;
    };
    return runAuthor({ paths: positionals, watch: values.watch ?? false, io, once });
  },
};

function readThreshold(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const percent = /^\d+(\.\d+)?$/.test(given) ? Number(given) : NaN;
  if (!(percent >= 0 && percent <= 100)) throw new UsageError("--threshold: a number from 0 to 100");
  return percent;
}
