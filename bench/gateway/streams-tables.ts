/** Draws what became of many streams as Markdown. */
import { micros, table } from "../engine/tables.js";

export interface StreamsReport {
  readonly at: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly pinned: boolean;
  readonly loadAverageAfter: number | undefined;
  readonly streams: number;
  readonly seconds: number;
  readonly everyMs: number;
  readonly chunks: number;
  readonly direct: Summary;
  /** A tenth as many, directly, while the others went through the gateway. */
  readonly beside: Summary;
  readonly through: Summary;
  readonly broken: readonly string[];
  readonly recorded: { readonly decisions: number } | undefined;
  readonly added: { readonly transitP50: number; readonly transitP99: number; readonly gapP99: number };
  readonly memory: readonly {
    readonly name: string;
    readonly first: number;
    readonly settled: number;
    readonly last: number;
    readonly most: number;
    readonly mbPerMinute: number;
    readonly cpuMicrosPerChunk: number;
  }[];
}

export interface Summary {
  readonly streams: number;
  readonly chunks: number;
  readonly broken: number;
  readonly transitP50: number;
  readonly transitP99: number;
  readonly transitMost: number;
  readonly gapP99: number;
}

/** Draws a table of the chunks' way, and one of memory. */
export function streamsTables({
  direct,
  beside,
  through,
  added,
  memory,
  broken,
  ...report
}: StreamsReport): string[] {
  const row = (name: string, one: Summary): string[] => [
    name,
    ...[one.streams, one.chunks, one.broken].map((count) => count.toLocaleString("en-US")),
    ...[one.transitP50, one.transitP99, one.transitMost, one.gapP99].map(micros),
  ];
  return [
    `${report.at}, Node ${report.node}, ${report.cores} × ${report.cpu}, ${report.pinned ? "gateway and sidecar on one core, load and provider on the other" : "not pinned"}, load average ${report.loadAverageAfter} after: ${report.streams} streams at once for ${report.seconds} s, a chunk each ${report.everyMs} ms, new streams after ${report.chunks} chunks`,
    table(
      [
        ...["", "streams", "chunks", "broken", "transit p50 ms", "transit p99 ms", "transit most ms"],
        "between chunks, p99 ms",
      ],
      [
        row("direct to the provider", direct),
        row("through the gateway", through),
        row("direct, beside them", beside),
      ],
    ),
    `Added to a chunk's way: ${micros(added.transitP50)} ms at the median, ${micros(added.transitP99)} ms at p99; to the time between two chunks at p99: ${micros(added.gapP99)} ms. Recorded: ${report.recorded?.decisions ?? 0} decisions.`,
    table(
      [
        "",
        "MB at first",
        "MB when warm",
        "MB at most",
        "MB at last",
        "MB per minute when warm",
        "µs of CPU per chunk",
      ],
      memory.map((one) => [
        one.name,
        ...[one.first, one.settled, one.most, one.last, one.mbPerMinute, one.cpuMicrosPerChunk].map(micros),
      ]),
    ),
    ...broken.slice(0, 5).map((why) => `broken: ${why}`),
  ];
}
