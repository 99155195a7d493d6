/** Simulates agents, some of them injected (`make bench-agents`, docs/performance.md); writes `bench/results/agents.json`. */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pinned, pinSelf } from "../process.js";
import { drawReport, reportOf } from "./report.js";
import { simulate, sources } from "./simulate.js";
import { prepareStage } from "./stage.js";

const { values: flags } = parseArgs({
  options: {
    tasks: { type: "string" },
    /** Percent of them. */
    injected: { type: "string" },
    seed: { type: "string" },
    "at-once": { type: "string" },
    /** Where all orders stand: page, inbox or document. */
    source: { type: "string" },
    /** The folder of others than the shipped ones. */
    policies: { type: "string" },
    /** Where the report goes; the results' own place unless given. */
    out: { type: "string" },
    "no-pauses": { type: "boolean" },
  },
});
const tasks = Number(flags.tasks ?? 1_000);
const injected = Math.round((tasks * Number(flags.injected ?? 5)) / 100);
const seed = Number(flags.seed ?? Date.now() % 1_000_000);
/** As many as give the times of steps. */
const straightTasks = Math.min(tasks, 250);
const atOnce = Number(flags["at-once"] ?? 4);
const source = sources.find((one) => one === flags.source);
if (flags.source !== undefined && source === undefined) throw new Error(`--source: ${sources.join(", ")}`);
const before = loadavg()[0];

const say = (text: string): void => void process.stderr.write(text);
const progress = (what: string, all: number) => (done: number) => {
  if (done % 20 === 0 || done === all) say(`\r${what}: ${done} of ${all} tasks${done === all ? "\n" : ""}`);
};

pinSelf();
say(`seed ${seed}\n`);
const stage = await prepareStage(seed, flags.policies);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stage.close().finally(() => process.exit(1)));
try {
  const common = { tasks, injected, seed, atOnce, pauses: flags["no-pauses"] !== true };
  // what is compiled and approved once isn't a step's
  await simulate(stage, {
    ...common,
    tasks: 20,
    injected: 0,
    seed: seed + 1,
    users: "warm",
    pauses: false,
    through: true,
  });
  const through = await simulate(stage, {
    ...common,
    ...{ users: "user", through: true, ...(source === undefined ? {} : { source }) },
    onDone: progress("through the gateway", tasks),
  });
  const straight = await simulate(stage, {
    ...{ ...common, tasks: straightTasks, injected: 0, users: "user", through: false },
    onDone: progress("straight", straightTasks),
  });
  const machine = {
    ...{ at: new Date().toISOString(), loadAverage: before, node: process.version },
    ...{ cpu: cpus()[0]?.model.trim() ?? "", cores: cpus().length, pinned },
  };
  const report = reportOf({ ...machine, seed, tasks, atOnce }, through, straight);
  process.stdout.write(drawReport(report));
  const path = flags.out ?? fileURLToPath(new URL("../../../bench/results/agents.json", import.meta.url));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(report, undefined, 2)}\n`);
  if (report.injected.completed.length > 0 || report.honest.denied.length > 0) process.exitCode = 1;
} finally {
  await stage.close();
}
