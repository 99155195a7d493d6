/** Draws what was measured as Markdown. */
import type { PolicyRow } from "./five.js";
import { own } from "./five.js";

export interface PolicyReport {
  readonly skipped: readonly string[];
  readonly policies: readonly PolicyRow[];
}

const others = [
  "opa-wasm",
  "OPA in process",
  "OPA's server, per request",
  "Countersign's sidecar, per request",
];
const leftOut = [
  "without fuel",
  "without order",
  "without OPA's own built-ins",
  "without marks",
  "without index",
  "none of these",
];

/** Draws the tables of the five policies. */
export function policyTables({ policies, skipped }: PolicyReport): string {
  const against = policies.map((row) => [
    row.policy,
    micros(row.samples[own]?.median),
    spread(row),
    ...others.map((name) => ratio(row, name)),
  ]);
  const costs = policies.map((row) => [row.policy, ...leftOut.map((name) => change(row, name))]);
  const parts = policies.filter((row) => Object.keys(row.parts).length > 0);
  const names = Object.keys(parts[0]?.parts ?? {});
  return [
    "Microseconds per evaluation; others as microseconds (multiple of Countersign's)",
    table(["policy", own, "fastest–slowest round", ...others], against),
    "What an evaluation costs where a part is left out, against the whole",
    table(["policy", ...leftOut], costs),
    "Microseconds of one evaluation by what they are spent on",
    table(
      ["policy", ...names],
      parts.map((row) => [row.policy, ...names.map((name) => micros(row.parts[name]))]),
    ),
    ...skipped.map((why) => `skipped: ${why}`),
    "",
  ].join("\n\n");
}

/** Draws a table; all but the first column to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

/** Three digits that count. */
export function micros(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function spread({ samples }: PolicyRow): string {
  return `${micros(samples[own]?.fastest)}–${micros(samples[own]?.slowest)}`;
}

function ratio({ samples }: PolicyRow, name: string): string {
  const [found, base] = [samples[name]?.median, samples[own]?.median];
  if (found === undefined || base === undefined) return "–";
  return `${micros(found)} (${(found / base).toFixed(2)})`;
}

function change({ samples }: PolicyRow, name: string): string {
  const [found, base] = [samples[name]?.median, samples[own]?.median];
  if (found === undefined || base === undefined) return "–";
  const percent = (found / base - 1) * 100;
  return `${percent >= 0 ? "+" : "−"}${Math.abs(percent).toFixed(1)} %`;
}
