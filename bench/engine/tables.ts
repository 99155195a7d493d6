/** Draws what was measured as Markdown. */
import type { CurvePoint } from "./curves.js";
import type { PolicyRow } from "./five.js";
import { own } from "./five.js";
import type { Bystanders, Denial } from "./runaway.js";

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
export function policyTables(policies: readonly PolicyRow[]): string[] {
  if (policies.length === 0) return [];
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
    "Microseconds of CPU per evaluation; of others in brackets as a multiple of Countersign's",
    table(["policy", own, "fastest–slowest round", ...others], against),
    "What an evaluation costs where a part is left out, against the whole",
    table(["policy", ...leftOut], costs),
    "Microseconds of one evaluation by what they are spent on",
    table(
      ["policy", ...names],
      parts.map((row) => [row.policy, ...names.map((name) => micros(row.parts[name]))]),
    ),
  ];
}

/** Draws the tables of the curves. */
export function curveTables(points: readonly CurvePoint[]): string[] {
  const rows = (curve: CurvePoint["curve"], cells: (point: CurvePoint) => string[]): string[][] =>
    points
      .filter((point) => point.curve === curve)
      .map((point) => [`${number(point.at)}, ${point.engine}`, ...cells(point)]);
  const rules = rows("rules", ({ us, firstMs, buildMs, wasmKb, loadMs, replaceMs }) => [
    ...[micros(us), micros(firstMs), micros(buildMs), micros(wasmKb)],
    ...[micros(loadMs), micros(replaceMs)],
  ]);
  const data = rows("data", ({ us, loadMs, baseMb, peakMb, linearMb, patchUs, replaceMs }) => [
    ...[micros(us), micros(loadMs), micros(baseMb), micros(peakMb)],
    ...[micros(linearMb), micros(patchUs), micros(replaceMs)],
  ]);
  const head = ["µs per evaluation", "load, ms"] as const;
  return [
    ...(rules.length === 0
      ? []
      : [
          "Cost over the number of rules",
          table(
            [
              "rules",
              head[0],
              "first evaluation, ms",
              "build, ms (elapsed)",
              "WASM, KB",
              head[1],
              "replaced after a fault, ms",
            ],
            rules,
          ),
        ]),
    ...(data.length === 0
      ? []
      : [
          "Cost over the size of the data",
          table(
            [
              "MB",
              ...head,
              "RSS before, MB",
              "RSS at most, MB",
              "linear memory, MB",
              "patch of a key, µs",
              "replaced after a fault, ms",
            ],
            data,
          ),
        ]),
  ];
}

/** Draws what runaway policies cost. */
export function runawayTables(denials: readonly Denial[], bystanders: readonly Bystanders[]): string[] {
  if (denials.length === 0) return [];
  return [
    "Milliseconds of CPU until a runaway policy is denied",
    table(
      ["policy", "budget", "median", "fastest", "slowest", "denied as"],
      denials.map(({ policy, budget, ms, outcome }) => [
        ...[policy, number(budget), micros(ms.median), micros(ms.fastest), micros(ms.slowest), outcome],
      ]),
    ),
    "16 clients of a quick policy, while as many ask a runaway policy as the second column says",
    table(
      [
        "budget",
        "runaway",
        "quick answers/s",
        "p50 ms",
        "p99 ms",
        "denials",
        "ms to denial, median",
        "slowest",
      ],
      bystanders.map(({ budget, runaways, perSecond, p50, p99, denials: count, denied }) => [
        ...[number(budget), String(runaways), number(Math.round(perSecond)), micros(p50), micros(p99)],
        ...[String(count), micros(denied?.median), micros(denied?.slowest)],
      ]),
    ),
  ];
}

function number(value: number): string {
  return value.toLocaleString("en-US");
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
