import type { TestReport, TestResult } from "../sidecar/rego/toolchain.js";

const words = { pass: "PASS", fail: "FAIL", error: "ERROR", skip: "SKIPPED" } as const;
const rule = `${"-".repeat(80)}\n`;

/** Draws a report as `opa test` does: what didn't pass (all where verbose), then how many did, then the coverage. */
export function drawTestReport(report: TestReport, verbose: boolean): string {
  const { results, coverage, files = [] } = report;
  const listed = results.filter(({ outcome }) => verbose || outcome !== "pass");
  let text = listed.map(drawResult).join("");
  if (text !== "") text += rule;
  for (const outcome of ["pass", "fail", "error", "skip"] as const) {
    const count = results.filter((result) => result.outcome === outcome).length;
    if (count > 0 || outcome === "pass") text += `${words[outcome]}: ${count}/${results.length}\n`;
  }
  if (coverage === undefined) return text;
  text += rule;
  for (const file of files) {
    if (file.not_covered.length === 0 && !verbose) continue;
    const lines = file.not_covered.length === 0 ? "" : `, not covered: ${drawRanges(file.not_covered)}`;
    text += `${file.file}: ${percent(file.coverage)}${lines}\n`;
  }
  return `${text}coverage: ${percent(coverage)}\n`;
}

function drawResult(result: TestResult): string {
  const { package: pkg, name, outcome, message, file, row, duration_ns: ns, output = "" } = result;
  const head = `${file}:${row}: ${pkg}.${name}: ${words[outcome]} (${(ns / 1e6).toFixed(2)}ms)\n`;
  const detail = outcome === "pass" || message === undefined ? "" : `  ${message}\n`;
  const printed = output.replace(/\n$/, "");
  return head + detail + (printed === "" ? "" : `\n${printed.replace(/^/gm, "  ")}\n\n`);
}

/** Draws `3, 5-7` for 3, 5, 6, 7. */
function drawRanges(lines: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const line of [...lines].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && line <= last[1] + 1) last[1] = line;
    else ranges.push([line, line]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}

function percent(value: number): string {
  return `${value.toFixed(2).replace(/\.?0+$/, "")}%`;
}
