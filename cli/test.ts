import { parseArgs } from "node:util";
import type { TestReport } from "../sidecar/rego/toolchain.js";
import { createToolchain } from "../sidecar/rego/toolchain.js";
import { drawTestReport } from "./draw-test-report.js";
import { readFormat } from "./format.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";
import type { Shown } from "./policy-files.js";
import { printErrors, readPolicies } from "./policy-files.js";

export const testCommand: Command = {
  summary: "run policy tests",
  help: `countersign test: runs the rules named test_… of the policies and their *_test.rego files

Usage: countersign test [flags] PATH...

Flags:
  -v, --verbose              list tests that pass and what they print, too
  -c, --coverage             which lines of the policies no test has reached
      --threshold PERCENT    fail below this coverage (implies --coverage)
  -r, --run REGEX            only tests whose name (data.package.test_name) matches
  -f, --format FORMAT        pretty or json (default pretty)
      --v0-compatible        the files are Rego v0

Exit codes: 0 all passed, 1 the policies have errors, 2 a test failed or was skipped, none was found, or
coverage is too low

Examples:
  countersign test -v policies
  countersign test --coverage --threshold 95 policies
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        verbose: { type: "boolean", short: "v" },
        coverage: { type: "boolean", short: "c" },
        threshold: { type: "string" },
        run: { type: "string", short: "r" },
        format: { type: "string", short: "f" },
        "v0-compatible": { type: "boolean" },
      },
      allowPositionals: true,
    });
    const format = readFormat(values.format);
    const threshold = readThreshold(values.threshold);
    if (positionals.length === 0) throw new UsageError("give a PATH");
    const toolchain = createToolchain({ timeoutMs: 600_000 });
    try {
      const policies = await readPolicies(positionals);
      if (policies.kind === "rejected") return printErrors(policies.errors, policies.shown, io);
      const outcome = await toolchain.test({
        files: policies.files,
        coverage: values.coverage === true || threshold !== undefined,
        ...(values.run === undefined ? {} : { run: values.run }),
        ...(values["v0-compatible"] === true ? { rego_version: 0 as const } : {}),
      });
      if (outcome.kind === "rejected") return printErrors(outcome.errors, policies.shown, io);
      const report = shownReport(outcome.result, policies.shown);
      if (format === "json") io.out(`${JSON.stringify(report, null, 2)}\n`);
      else io.out(drawTestReport(report, values.verbose ?? false));

      if (report.results.length === 0) io.err("no tests were found\n");
      const failed = report.results.some(({ outcome }) => outcome !== "pass");
      const low = threshold !== undefined && (report.coverage ?? 0) < threshold;
      if (low) io.err(`coverage ${(report.coverage ?? 0).toFixed(2)}% is below ${threshold}%\n`);
      return failed || low || report.results.length === 0 ? 2 : 0;
    } finally {
      await toolchain.close();
    }
  },
};

/** Names files as the author does. */
function shownReport({ results, files, ...rest }: TestReport, shown: Shown): TestReport {
  return {
    ...rest,
    results: results.map((result) => ({ ...result, file: shown(result.file) })),
    ...(files === undefined ? {} : { files: files.map((one) => ({ ...one, file: shown(one.file) })) }),
  };
}

function readThreshold(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const percent = /^\d+(\.\d+)?$/.test(given) ? Number(given) : NaN;
  if (!(percent >= 0 && percent <= 100)) throw new UsageError("--threshold: a number from 0 to 100");
  return percent;
}
