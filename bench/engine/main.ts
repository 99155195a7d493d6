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
import { policyTables } from "./tables.js";

const { values: flags } = parseArgs({
  options: { only: { type: "string" }, quick: { type: "boolean" }, toolchain: { type: "string" } },
});
const rounds = flags.quick === true ? { rounds: 3, ms: 30, warmMs: 300 } : { rounds: 7, ms: 80, warmMs: 500 };
const wanted = (name: string): boolean => flags.only === undefined || name.includes(flags.only);

const opa = await buildOpa();
pinSelf();
const toolchain = createToolchain(flags.toolchain === undefined ? {} : { wasmPath: flags.toolchain });
const skipped: string[] = opa.kind === "missing" ? [opa.why] : [];
const programs = opa.kind === "built" ? opa : undefined;
const started = { at: new Date().toISOString(), load: loadavg()[0] };
const policies: PolicyRow[] = [];
for (const one of fivePolicies()) {
  if (!wanted(one.name)) continue;
  process.stderr.write(`${one.name}\n`);
  const row = await measurePolicy(one, { toolchain, opa: programs, rounds });
  policies.push(row);
  skipped.push(...row.skipped);
}
await toolchain.close();
const report = {
  ...started,
  node: process.version,
  cpu: cpus()[0]?.model ?? "",
  cores: cpus().length,
  pinned,
  rounds,
  skipped,
  policies,
};
process.stdout.write(policyTables(report));
if (flags.only === undefined && flags.quick !== true) {
  const results = fileURLToPath(new URL("../../../bench/results/", import.meta.url));
  await mkdir(results, { recursive: true });
  await writeFile(`${results}engine.json`, `${JSON.stringify(report, null, 2)}\n`);
}
