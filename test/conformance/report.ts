/** Writes what was judged: `docs/conformance.md`, and a short table for the terminal. */
import type { Case, Version } from "./case.js";
import type { Finding } from "./judge.js";
import { known } from "./known.js";

export interface Verdict {
  readonly one: Case;
  readonly finding: Finding | undefined;
}

export interface Tally {
  readonly passed: number;
  /** Passed, and where an error was wanted it was told in OPA's words. */
  readonly worded: number;
  readonly total: number;
}

const versions: readonly Version[] = ["v0", "v1"];
const failed = ({ finding }: Verdict): boolean => finding !== undefined && finding.cause !== "other words";

/** Counts the cases of each version that hold. */
export function tally(verdicts: readonly Verdict[]): Record<Version, Tally> {
  const count = (version: Version): Tally => {
    const some = verdicts.filter(({ one }) => one.version === version);
    return {
      passed: some.filter((verdict) => !failed(verdict)).length,
      worded: some.filter(({ finding }) => finding === undefined).length,
      total: some.length,
    };
  };
  return { v0: count("v0"), v1: count("v1") };
}

/** The table for people who wait for it: totals, causes, and the categories that lack something. */
export function terminalTable(verdicts: readonly Verdict[]): string {
  const counts = tally(verdicts);
  const causes = new Map<string, number>();
  for (const { finding } of verdicts) {
    if (finding !== undefined) causes.set(finding.cause, (causes.get(finding.cause) ?? 0) + 1);
  }
  const lacking = byCategory(verdicts).filter(({ v0, v1 }) => v0.passed < v0.total || v1.passed < v1.total);
  const width = Math.max(8, ...lacking.map(({ name }) => name.length));
  const row = (name: string, v0: Tally, v1: Tally): string =>
    `  ${name.padEnd(width)}  ${share(v0).padStart(20)}  ${share(v1).padStart(20)}`;
  return [
    `  ${"category".padEnd(width)}  ${"v0".padStart(20)}  ${"v1".padStart(20)}`,
    ...lacking.map(({ name, v0, v1 }) => row(name, v0, v1)),
    row("all", counts.v0, counts.v1),
    ...[...causes].sort(([, a], [, b]) => b - a).map(([cause, n]) => `  ${n} × ${cause}`),
  ].join("\n");
}

/** The document: the same for the same verdicts. */
export function document(verdicts: readonly Verdict[], opa: string): string {
  const counts = tally(verdicts);
  const failures = verdicts.filter(failed);
  const reworded = verdicts.filter(({ finding }) => finding?.cause === "other words");
  return [
    "# Conformance",
    "",
    `OPA ${opa} comes with test cases for Rego, ${counts.v0.total.toLocaleString("en")} in the syntax of Rego v0 and ${counts.v1.total.toLocaleString("en")} in that of v1. \`make conformance\``,
    "compiles each of them with the toolchain, as a bundle is compiled, evaluates it in the engine with the shipped limits,",
    "and writes this file. Only what `policy.wasm` computes counts: a case that can't be compiled or loaded is a failure.",
    "",
    "- Results are compared as OPA's own runner compares them: arrays in order, sets as sets, numbers by value.",
    "- A wanted error must have OPA's code, as OPA's runner for WASM wants it. The last column also wants OPA's words, where",
    "  the case names them.",
    "- Where a case wants the error of a built-in, it is evaluated with `strict-builtin-errors`.",
    "",
    "| | passed | of | | in OPA's words | |",
    "| --- | --: | --: | --: | --: | --: |",
    ...versions.map((version) => {
      const { passed, worded, total } = counts[version];
      return `| Rego ${version} | ${passed} | ${total} | ${percent(passed, total)} | ${worded} | ${percent(worded, total)} |`;
    }),
    "",
    `## Failures: ${failures.length}`,
    "",
    ...list(failures),
    "",
    `## Errors in other words: ${reworded.length}`,
    "",
    ...list(reworded),
    "",
    "## By category",
    "",
    "| category | v0 | v1 |",
    "| --- | --: | --: |",
    ...byCategory(verdicts).map(({ name, v0, v1 }) => `| ${name} | ${fraction(v0)} | ${fraction(v1)} |`),
    "",
  ].join("\n");
}

function list(verdicts: readonly Verdict[]): readonly string[] {
  if (verdicts.length === 0) return ["None."];
  const rows = verdicts.map(
    ({ one, finding }) =>
      `| ${one.version} | ${cell(one.note)} | ${one.file} | ${finding?.cause} | ${reasonOf(one, finding)} |`,
  );
  return ["| version | case | file | cause | reason |", "| --- | --- | --- | --- | --- |", ...rows.sort()];
}

function reasonOf(one: Case, finding: Finding | undefined): string {
  const why = known.get(one.note);
  return `${why === undefined ? "" : `${why}. `}${cell(finding?.reason ?? "")}`;
}

function byCategory(verdicts: readonly Verdict[]): readonly ({ name: string } & Record<Version, Tally>)[] {
  const groups = new Map<string, Verdict[]>();
  for (const verdict of verdicts) {
    const group = groups.get(verdict.one.category);
    if (group === undefined) groups.set(verdict.one.category, [verdict]);
    else group.push(verdict);
  }
  return [...groups]
    .map(([name, some]) => ({ name, ...tally(some) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function fraction({ passed, total }: Tally): string {
  return total === 0 ? "" : `${passed}/${total}`;
}

function percent(passed: number, total: number): string {
  // never rounded up to what was not reached
  return `${(Math.floor((passed * 10_000) / Math.max(1, total)) / 100).toFixed(2)} %`;
}

function share(counts: Tally): string {
  return counts.total === 0 ? "" : `${fraction(counts)} ${percent(counts.passed, counts.total).padStart(8)}`;
}

function cell(text: string): string {
  return text
    .replace(/[\u0000-\u001f]+/g, " ")
    .replaceAll("\\", "\\\\")
    .replaceAll("|", "\\|")
    .replaceAll("<", "&lt;");
}
