import type { BuildError, Rejected } from "../../rego/bundle.js";
import type { Toolchain } from "../../rego/toolchain.js";
import type { TestCounts } from "../arrival.js";

const mostNamed = 10;

export type TestsOutcome = { readonly kind: "passed"; readonly tests: TestCounts } | Rejected;

/** Runs the tests that a bundle brings; which of them fail is told by name. Never rejects. */
export async function runTests(
  texts: Readonly<Record<string, string>> | undefined,
  run: Toolchain["test"],
): Promise<TestsOutcome> {
  if (texts === undefined) return untestable;
  if (!Object.keys(texts).some((place) => place.endsWith("_test.rego"))) return missing;
  const outcome = await run({ files: texts, ...versionOf(texts[".manifest"]) });
  if (outcome.kind === "rejected") return failed(outcome.errors);
  const { results } = outcome.result;
  if (results.length === 0) return missing;
  const count = (...kinds: string[]): number =>
    results.filter(({ outcome: one }) => kinds.includes(one)).length;
  const bad = results.filter(({ outcome: one }) => one === "fail" || one === "error");
  if (bad.length === 0)
    return { kind: "passed", tests: { passed: count("pass"), failed: 0, skipped: count("skip") } };
  return failed(
    bad.slice(0, mostNamed).map(({ package: place, name, file, row }) => ({
      code: "tests_failed",
      // what a test prints, and what it failed with, may hold values
      message: `${place}.${name} ${bad.length > mostNamed ? `(and ${bad.length - 1} more) ` : ""}fails`,
      file,
      row,
    })),
  );
}

function failed(errors: readonly BuildError[]): Rejected {
  const [first] = errors;
  return first?.code === "tests_failed"
    ? { kind: "rejected", errors }
    : { kind: "rejected", errors: [{ code: "tests_failed", message: "its tests can't be run" }, ...errors] };
}

const untestable: Rejected = {
  kind: "rejected",
  errors: [
    { code: "tests_missing", message: "changes alone can't be tested (verify.tests): give a whole bundle" },
  ],
};

const missing: Rejected = {
  kind: "rejected",
  errors: [{ code: "tests_missing", message: "its own tests must pass (verify.tests), and it brings none" }],
};

function versionOf(manifest: string | undefined): { readonly rego_version?: 0 | 1 } {
  try {
    const { rego_version: version } = JSON.parse(manifest ?? "{}") as { rego_version?: unknown };
    return version === 0 || version === 1 ? { rego_version: version } : {};
  } catch {
    return {};
  }
}
