/** Draws what was measured. */
import type { Measured } from "./load.js";

export interface Row {
  readonly name: string;
  /** Median of the rounds. */
  readonly perSecond: number;
  /** Slowest and fastest round. */
  readonly spread: { readonly slowest: number; readonly fastest: number };
  /** Milliseconds, with all connections busy. */
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds, one connection. */
  readonly singleP50: number;
  readonly singleP99: number;
}

export interface Report {
  readonly at: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly pinned: boolean;
  readonly connections: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly skipped: readonly string[];
  readonly rows: readonly Row[];
  readonly memory: {
    readonly idleMb: number;
    readonly underLoadMb: number;
    readonly tenSecondsAfterLoadMb: number;
  };
}

/** Takes the medians of the rounds. */
export function summarise(name: string, full: readonly Measured[], single: readonly Measured[]): Row {
  const rates = full.map((one) => one.perSecond).sort((a, b) => a - b);
  return {
    name,
    perSecond: Math.round(median(rates)),
    spread: { slowest: Math.round(rates[0] ?? 0), fastest: Math.round(rates.at(-1) ?? 0) },
    p50: round(median(full.map((one) => one.p50))),
    p99: round(median(full.map((one) => one.p99))),
    singleP50: round(median(single.map((one) => one.p50))),
    singleP99: round(median(single.map((one) => one.p99))),
  };
}

/** Draws the report as Markdown. */
export function table(report: Report): string {
  const { rows, memory } = report;
  const base = rows[0]?.perSecond ?? 1;
  const n = (value: number): string => value.toLocaleString("en-US");
  const lines = rows.map(
    (row) =>
      `| ${row.name} | ${n(row.perSecond)} | ${n(row.spread.slowest)}–${n(row.spread.fastest)} | ${(row.perSecond / base).toFixed(2)} | ${row.p50} | ${row.p99} | ${row.singleP50} | ${row.singleP99} |`,
  );
  const [direct, through] = ["chat, provider directly", "chat, through the gateway"].map((name) =>
    rows.find((row) => row.name === name),
  );
  const added = (at: "singleP50" | "singleP99"): string =>
    ((through?.[at] ?? 0) - (direct?.[at] ?? 0)).toFixed(2);
  return `
${report.at}, Node ${report.node}, ${report.cores} × ${report.cpu}, ${report.pinned ? "servers on one core, load on the other" : "not pinned"}; ${report.rounds} rounds of ${report.roundMs} ms, medians

| | requests/s, ${report.connections} connections | slowest–fastest round | of bare node:http | p50 ms | p99 ms | p50 ms, 1 connection | p99 ms, 1 connection |
| --- | --: | --: | --: | --: | --: | --: | --: |
${lines.join("\n")}
${report.skipped.map((why) => `\nskipped: ${why}\n`).join("")}
${through === undefined ? "" : `The gateway adds ${added("singleP50")} ms at the median and ${added("singleP99")} ms at p99 (1 connection).\n`}Memory of a sidecar: ${memory.idleMb} MB idle, ${memory.underLoadMb} MB at most under load, ${memory.tenSecondsAfterLoadMb} MB ten seconds after it.
`;
}

/** Gives the middle one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
