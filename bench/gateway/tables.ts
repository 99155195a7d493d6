/** Draws what was measured as Markdown. */
import { micros, table } from "../engine/tables.js";
import type { Case } from "./cases.js";
import type { SystemMeasured, TurnMeasured } from "./measure.js";
import { leastCpu, medianOf, targetTable } from "./targets.js";

export interface GatewayReport {
  readonly at: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly pinned: boolean;
  readonly rounds: number;
  readonly ms: number;
  readonly loadAverage: number | undefined;
  readonly loadAverageAfter: number | undefined;
  readonly peers: { readonly skipped: readonly string[] };
  readonly cases: readonly Case[];
  readonly measured: readonly SystemMeasured[];
}

/** Draws a table per case, one of memory, and one of records. */
export function gatewayTables(report: GatewayReport): string[] {
  const { measured, cases } = report;
  const head = `${report.at}, Node ${report.node}, ${report.cores} × ${report.cpu}, ${report.pinned ? "servers on one core, load and provider on the other" : "not pinned"}, load average ${report.loadAverage} before and ${report.loadAverageAfter} after; ${report.rounds} rounds of ${report.ms} ms, medians`;
  return [
    head,
    ...cases.flatMap((one) => caseTable(one, measured)),
    "Against the targets",
    targetTable(measured),
    "Memory, MB",
    memoryTable(measured),
    "Records",
    table(
      ["", "requests", "decisions recorded", "of them evaluated", "outcomes recorded"],
      measured.flatMap(({ name, recorded }) =>
        recorded === undefined
          ? []
          : [
              [
                name,
                ...[recorded.requests, recorded.decisions, recorded.evaluated, recorded.outcomes].map(
                  (count) => count.toLocaleString("en-US"),
                ),
              ],
            ],
      ),
    ),
    ...report.peers.skipped.map((why) => `skipped: ${why}`),
  ];
}

function caseTable({ name, connections, streamed }: Case, measured: readonly SystemMeasured[]): string[] {
  const direct = measured.find((one) => one.name.startsWith("direct"));
  const rows = measured.map((system) => {
    const turns = system.turns[name] ?? [];
    const of = (pick: (turn: TurnMeasured) => number): number => medianOf(system, name, pick);
    const rates = turns.map(({ perSecond }) => perSecond).sort((a, b) => a - b);
    const added = (pick: (turn: TurnMeasured) => number): string =>
      system === direct || direct === undefined
        ? ""
        : ` (+${micros(of(pick) - medianOf(direct, name, pick))})`;
    const cpu = Object.keys(system.memory).map(
      (process) => `${process} ${micros(leastCpu(system, name, process))}`,
    );
    return [
      system.name,
      ...(connections === 1
        ? []
        : [micros(of((turn) => turn.perSecond)), `${micros(rates[0])}–${micros(rates.at(-1))}`]),
      ...(streamed === false ? [] : [micros(of((turn) => turn.firstP50)) + added((turn) => turn.firstP50)]),
      micros(of((turn) => turn.p50)) + added((turn) => turn.p50),
      micros(of((turn) => turn.p99)) + added((turn) => turn.p99),
      cpu.join(", ") || "–",
      of((turn) => turn.busy).toFixed(2),
    ];
  });
  return [
    `${name} (${connections === 1 ? "1 connection" : `${connections} connections`}); in brackets what is added to the provider's own`,
    table(
      [
        "",
        ...(connections === 1 ? [] : ["per second", "slowest–fastest round"]),
        ...(streamed === false ? [] : ["first byte p50 ms"]),
        "p50 ms",
        "p99 ms",
        "µs of CPU per request, least",
        "core busy",
      ],
      rows,
    ),
    ...waitedFor(name, measured),
  ];
}

/** Says how much faster the load and the provider are than what is measured with them: they must not be waited for. */
function waitedFor(name: string, measured: readonly SystemMeasured[]): string[] {
  const rate = (part: string): number => {
    const found = measured.find((one) => one.name.startsWith(part));
    return found === undefined ? NaN : medianOf(found, name, (turn) => turn.perSecond);
  };
  const [direct, bare, own] = ["direct", "bare", "Countersign"].map(rate);
  if (direct === undefined || bare === undefined || own === undefined) return [];
  if (Number.isNaN(direct)) return [];
  return [
    `The provider alone answers ${micros(direct / bare)} times as many as the bare proxy, and ${micros(direct / own)} times as many as Countersign.`,
  ];
}

function memoryTable(measured: readonly SystemMeasured[]): string {
  const n = (value: number): string => Math.round(value).toLocaleString("en-US");
  const seen = new Set<string>();
  return table(
    ["", "started", "most", "at the end", "at the end, shared pages split"],
    measured.flatMap(({ name, memory }) => {
      const all = Object.entries(memory);
      const row = (label: string, some: typeof all): string[] => [
        label,
        ...(["started", "most", "end", "endShare"] as const).map((at) =>
          n(some.reduce((sum, [, one]) => sum + one[at], 0)),
        ),
      ];
      // systems that are the same processes have the same figures
      const key = all.map(([, { pid }]) => pid).join();
      if (all.length === 0 || seen.has(key)) return [];
      seen.add(key);
      const parts = all.length === 1 ? [] : all.map((one) => row(`${name}: ${one[0]}`, [one]));
      return [row(name, all), ...parts];
    }),
  );
}
