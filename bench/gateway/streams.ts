/** Keeps hundreds of streams open through the gateway for minutes (`make bench-streams`, docs/performance.md). */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pinned, pinSelf } from "../process.js";
import type { Paced } from "./paced.js";
import { runPaced } from "./paced.js";
import { slopeOf } from "./slope.js";
import type { Summary } from "./streams-tables.js";
import { streamsTables } from "./streams-tables.js";
import { prepareStage } from "./systems.js";
import { cpuMicros, treeResidentMb } from "./usage.js";

/** `--seconds` through the gateway, and a fifth of that directly; `--streams` at once. Neither writes results. */
const { values: flags } = parseArgs({
  options: { seconds: { type: "string" }, streams: { type: "string" } },
});
const seconds = Number(flags.seconds ?? 300);
const streams = Number(flags.streams ?? 500);
const everyMs = 100;
/** A stream lasts 30 s. */
const chunks = 300;
/** What comes before it is warming up, and doesn't count for the slope. */
const warmShare = 0.2;

const stage = await prepareStage();
try {
  pinSelf();
  const system = (await stage.countersign([])).as("Countersign", "same");
  const plan = { streams, everyMs, chunks };
  // half before and half after: the machine's other work meets both
  const directMs = Math.max(5_000, seconds * 100);
  const first = await runPaced(stage.direct(), { ...plan, duration: directMs });
  say("direct, first half");
  const samples: { readonly second: number; readonly mb: readonly number[] }[] = [];
  const started = performance.now();
  const look = (): void => {
    const second = (performance.now() - started) / 1_000;
    samples.push({ second, mb: system.processes.map(({ pid }) => treeResidentMb(pid)) });
  };
  look();
  const watch = setInterval(look, 1_000);
  const before = system.processes.map(({ pid }) => cpuMicros(pid));
  const [through, beside] = await Promise.all([
    runPaced(system, { ...plan, duration: seconds * 1_000 }),
    runPaced(stage.direct(), { ...plan, streams: Math.ceil(streams / 10), duration: seconds * 1_000 }),
  ]);
  clearInterval(watch);
  const cpu = system.processes.map(({ pid }, i) => (cpuMicros(pid) - (before[i] ?? 0)) / through.chunks);
  const recorded = await system.records?.settle(through.streams - through.broken.length);
  say("through the gateway");
  const second = await runPaced(stage.direct(), { ...plan, duration: directMs });
  const direct = merged(first, second);
  const memory = system.processes.map(({ name }, i) => {
    const values = samples.map(({ second: x, mb }) => [x, mb[i] ?? NaN] as const);
    const settled = values.filter(([x]) => x >= seconds * warmShare);
    const all = values.map(([, mb]) => mb);
    return {
      name,
      first: all[0] ?? NaN,
      settled: settled[0]?.[1] ?? NaN,
      last: all.at(-1) ?? NaN,
      most: Math.max(...all),
      mbPerMinute: slopeOf(settled) * 60,
      cpuMicrosPerChunk: cpu[i] ?? NaN,
    };
  });
  const report = {
    ...{ at: new Date().toISOString(), loadAverageAfter: loadavg()[0], node: process.version },
    ...{ cpu: cpus()[0]?.model ?? "", cores: cpus().length, pinned, seconds, streams, everyMs, chunks },
    ...{
      direct: summary(direct),
      beside: summary(beside),
      through: summary(through),
      broken: through.broken,
      recorded,
      memory,
    },
    added: {
      transitP50: at(through.transit, 0.5) - at(direct.transit, 0.5),
      transitP99: at(through.transit, 0.99) - at(direct.transit, 0.99),
      gapP99: at(through.gaps, 0.99) - at(direct.gaps, 0.99),
    },
    samples: samples.map(({ second: x, mb }) => [
      Math.round(x),
      ...mb.map((one) => Math.round(one * 10) / 10),
    ]),
  };
  process.stdout.write(`${streamsTables(report).join("\n\n")}\n`);
  if (through.broken.length > 0) process.exitCode = 1;
  if (Object.keys(flags).length === 0) {
    const results = fileURLToPath(new URL("../../../bench/results/", import.meta.url));
    await mkdir(results, { recursive: true });
    await writeFile(`${results}streams.json`, `${JSON.stringify(report)}\n`);
  }
} finally {
  await stage.close();
}

function summary(one: Paced): Summary {
  return {
    ...{ streams: one.streams, chunks: one.chunks, broken: one.broken.length },
    transitP50: at(one.transit, 0.5),
    transitP99: at(one.transit, 0.99),
    transitMost: at(one.transit, 1),
    gapP99: at(one.gaps, 0.99),
  };
}

function merged(a: Paced, b: Paced): Paced {
  const both = (x: Float64Array, y: Float64Array): Float64Array => Float64Array.from([...x, ...y]).sort();
  return {
    streams: a.streams + b.streams,
    chunks: a.chunks + b.chunks,
    broken: [...a.broken, ...b.broken],
    transit: both(a.transit, b.transit),
    gaps: both(a.gaps, b.gaps),
  };
}

function at(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}
