/** Measures the engine: what an evaluation costs, how it grows, what a runaway policy does to others. */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { pinned, pinSelf } from "../process.js";
import { buildOpa } from "./build.js";
import type { PolicyRow } from "./five.js";
import { measurePolicy } from "./five.js";
import { fivePolicies } from "./policies.js";
import { measureData, measureRules, ruleCounts, dataSizes } from "./curves.js";
import type { CurvePoint } from "./curves.js";
import { drawCurves } from "./draw-curves.js";
import { defaultBudget, measureBystanders, measureDenials } from "./runaway.js";
import { curveTables, policyTables, runawayTables } from "./tables.js";

const { values: flags } = parseArgs({
  options: { only: { type: "string" }, quick: { type: "boolean" }, toolchain: { type: "string" } },
});
/** `--only`: what has this in its name (a policy, `rules`, `data`, `runaway`). Neither it nor `--quick` writes results. */
const quick = flags.quick === true;
const rounds = quick ? { rounds: 3, ms: 30, warmMs: 300 } : { rounds: 5, ms: 60, warmMs: 600 };
const wanted = (name: string): boolean => flags.only === undefined || name.includes(flags.only);
/** What the runaway policy is measured at: the default, and less and more of it. */
const budgets = [defaultBudget / 10, defaultBudget, defaultBudget * 10];
/** Enough to compile 10,000 rules, in pages of 64 KiB and in milliseconds; the sidecar's compiler has less. */
const compiler = { maxMemoryPages: 32_768, timeoutMs: 300_000 };

const opa = await buildOpa();
pinSelf();
const toolchain = createToolchain({
  ...compiler,
  ...(flags.toolchain === undefined ? {} : { wasmPath: flags.toolchain }),
});
const skipped: string[] = opa.kind === "missing" ? [opa.why] : [];
const parts = { toolchain, opa: opa.kind === "built" ? opa : undefined, rounds };
const started = { at: new Date().toISOString(), loadAverage: loadavg()[0] };
const policies: PolicyRow[] = [];
const curves: CurvePoint[] = [];
try {
  for (const one of fivePolicies()) {
    if (!wanted(one.name)) continue;
    say(one.name);
    const row = await measurePolicy(one, parts);
    policies.push(row);
    skipped.push(...row.skipped);
  }
  for (const count of wanted("rules") ? ruleCounts : []) {
    say(`${count} rules`);
    curves.push(...(await measureRules(count, parts)));
  }
  for (const megabytes of wanted("data") ? dataSizes : []) {
    say(`${megabytes} MB of data`);
    curves.push(...(await measureData(megabytes, parts)));
  }
  const runs = wanted("runaway");
  if (runs) say("runaway policies");
  const denials = runs ? await measureDenials(toolchain, [defaultBudget], quick ? 10 : 20) : [];
  const bystanders = runs
    ? await measureBystanders(budgets, quick ? { rounds: 1, ms: 500 } : { rounds: 5, ms: 1_500 })
    : [];
  const report = {
    ...{ ...started, loadAverageAfter: loadavg()[0], node: process.version },
    ...{ cpu: cpus()[0]?.model ?? "", cores: cpus().length, pinned, rounds },
    ...{ skipped, policies, curves, denials, bystanders },
  };
  process.stdout.write(
    [
      `${report.at}, Node ${report.node}, ${report.cores} × ${report.cpu}, load average ${report.loadAverage} before and ${report.loadAverageAfter} after`,
      ...policyTables(policies),
      ...curveTables(curves),
      ...runawayTables(denials, bystanders),
      ...skipped.map((why) => `skipped: ${why}`),
      "",
    ].join("\n\n"),
  );
  if (flags.only === undefined && !quick) {
    const results = fileURLToPath(new URL("../../../bench/results/", import.meta.url));
    const images = fileURLToPath(new URL("../../../docs/images/", import.meta.url));
    await mkdir(results, { recursive: true });
    await mkdir(images, { recursive: true });
    await writeFile(`${results}engine.json`, `${JSON.stringify(report, null, 2)}\n`);
    for (const [name, svg] of Object.entries(drawCurves(curves))) await writeFile(`${images}${name}`, svg);
  }
} finally {
  await toolchain.close();
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}
