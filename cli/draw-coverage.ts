import type { CoverageReport } from "../sidecar/rego/author.js";

/** Draws which lines of each file no test has reached; files that are covered where verbose only. */
export function drawCoverage({ coverage, files = {} }: CoverageReport, verbose: boolean): string {
  let text = `${"-".repeat(80)}\n`;
  for (const [file, { coverage: share = 0, not_covered: missing = [] }] of Object.entries(files).sort()) {
    if (missing.length === 0 && !verbose) continue;
    const ranges = missing.map(({ start, end }): [number, number] => [start.row, end.row]);
    text += `${file}: ${percent(share)}${missing.length === 0 ? "" : `, not covered: ${drawRanges(ranges)}`}\n`;
  }
  return `${text}coverage: ${percent(coverage)}\n`;
}

/** Draws `3, 5-7` for 3, 5, 6 to 7. */
function drawRanges(given: readonly (readonly [number, number])[]): string {
  const ranges: [number, number][] = [];
  for (const [from, to] of [...given].sort((a, b) => a[0] - b[0])) {
    const last = ranges.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else ranges.push([from, to]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}

function percent(value: number): string {
  return `${value.toFixed(2).replace(/\.?0+$/, "")}%`;
}
