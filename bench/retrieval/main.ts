/** Measures retrieval through the gateway (`make bench-retrieval`, docs/performance.md); writes `bench/results/retrieval.json`. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pinned } from "../process.js";
import { aimAt } from "./aim.js";
import { drawBeside, measureBeside } from "./beside.js";
import { drawChunks, measureChunks } from "./chunks.js";
import type { CostsMeasured } from "./costs.js";
import { drawCosts, measureCosts, sumOf } from "./costs.js";
import { archive } from "./documents.js";
import type { QueriesMeasured } from "./queries.js";
import { drawQueries, measureQueries } from "./queries.js";
import { spreadOf } from "./spread.js";
import { openSidecar, prepareStage } from "./stage.js";

const { values: flags } = parseArgs({
  options: {
    /** Of a turn. */
    seconds: { type: "string" },
    rounds: { type: "string" },
    /** `queries`, `chunks`, `beside`, `costs` or `filters`; nothing is written then. */
    only: { type: "string" },
  },
});
const seconds = Number(flags.seconds ?? 0.75);
const rounds = Number(flags.rounds ?? 5);
const wants = (part: string): boolean => flags.only === undefined || flags.only === part;
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** What of a query's CPU isn't in its steps: HTTP, sockets, collecting garbage. */
function drawRest([first]: readonly QueriesMeasured[], costs: CostsMeasured): string {
  if (first === undefined) return "";
  const all = spreadOf(first.together.map(({ cpu }) => cpu.reduce((sum, one) => sum + one, 0))).median;
  const steps = sumOf(costs, first.topK);
  return `Of ${Math.round(all)} µs of CPU of a query of top ${first.topK} in one process, its steps are ${Math.round(steps)}; the rest is HTTP, sockets and collecting garbage.\n`;
}

/** What deriving a condition costs beside OPA's partial evaluation: its table's rows, by what they begin with. */
function measureFilters(): Readonly<Record<string, readonly number[]>> | undefined {
  const program = fileURLToPath(new URL("filters.js", import.meta.url));
  if (!existsSync(program)) return undefined;
  const { status, stdout } = spawnSync(process.execPath, ["--no-warnings", program], {
    ...{ encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  });
  if (status !== 0) throw new Error("filters couldn't be measured");
  say(stdout);
  const rows = [...stdout.matchAll(/^\| (.+?) \|((?: [\d.]+ \|)+)$/gm)];
  return Object.fromEntries(
    rows.map(([, name = "", cells = ""]) => [name, cells.split("|").slice(0, -1).map(Number)]),
  );
}

const before = loadavg()[0];
const stage = await prepareStage();
const sidecar = await openSidecar(stage);
try {
  const chunks = wants("chunks") ? await measureChunks(stage, sidecar, { seconds, rounds }) : undefined;
  if (chunks !== undefined) say(drawChunks(chunks));
  const costs = wants("costs") ? await measureCosts(stage, sidecar, rounds) : undefined;
  if (costs !== undefined) say(drawCosts(costs));
  const queries = wants("queries") ? await measureQueries(stage, { seconds, rounds }) : undefined;
  if (queries !== undefined) say(drawQueries(queries));
  if (queries !== undefined && costs !== undefined) say(drawRest(queries, costs));
  const beside = wants("beside")
    ? await measureBeside(stage, aimAt(archive, stage.token), rounds)
    : undefined;
  if (beside !== undefined) say(drawBeside(beside));
  const filters = wants("filters") ? measureFilters() : undefined;
  if (flags.only === undefined) {
    const path = fileURLToPath(new URL("../../../bench/results/retrieval.json", import.meta.url));
    const report = {
      ...{ at: new Date().toISOString(), loadAverage: before, loadAverageAfter: loadavg()[0] },
      ...{ node: process.version, cpu: cpus()[0]?.model.trim(), cores: cpus().length, pinned },
      ...{ seconds, rounds, queries, chunks, beside, costs, filters },
    };
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${JSON.stringify(report, undefined, 2)}\n`);
  }
} finally {
  await sidecar.close();
  await stage.close();
}
// what the sidecar in this process keeps open must not keep it
process.exit(0);
