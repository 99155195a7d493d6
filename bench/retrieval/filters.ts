/**
 * Measures what deriving a filter costs: for a new caller, for a known one, and beside OPA's partial evaluation of the same
 * rule, native and as WASM in Node: `node dist/bench/retrieval/filters.js`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WASI } from "node:wasi";
import type { ActiveBundle } from "../../sidecar/bundles/active.js";
import { activate } from "../../sidecar/bundles/activate.js";
import type { Json } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import { createKeyer } from "../../sidecar/decide/cache/key.js";
import { createDecisionCache } from "../../sidecar/decide/cache/layered.js";
import { createMemoryCache } from "../../sidecar/decide/cache/memory.js";
import { createEvaluate } from "../../sidecar/decide/evaluate.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { createDerive } from "../../sidecar/filters/derive.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const callers = 5_000;
const program = fileURLToPath(new URL("../../../bench/engine/opa", import.meta.url));

/** Tenant, clearance by a lookup, groups, department, region, expiry: what shipped policies ask, in one file. */
const rule = `package bench

import input.resource.document as doc

# METADATA
# scope: document
# custom: {filter: {unknown: input.resource.document}}
include if {
	doc.tenant == input.subject.properties.tenant
	data.facts.classifications[doc.classification] <= clearance
	region_allowed
	needed(doc)
	not doc.draft
}

clearance := max({data.facts.groups[group].clearance | some group in input.subject.properties.groups})

region_allowed if doc.region in data.facts.tenants[input.subject.properties.tenant].regions

needed(d) if d.department == input.subject.properties.department

needed(d) if {
	not d.department
	d.classification in {"public", "internal"}
}
`;
const groups = Array.from({ length: 24 }, (_, i) => `group-${i}`);
const data = JSON.stringify({
  facts: {
    classifications: { public: 0, internal: 1, confidential: 2, restricted: 3 },
    groups: Object.fromEntries(groups.map((name, i) => [name, { clearance: i % 4 }])),
    tenants: { acme: { regions: ["eu", "us"] }, globex: { regions: ["eu"] } },
  },
});
const files = { "bench.rego": rule, "data.json": data };

const inputs = Array.from({ length: callers }, (_, i) => ({
  subject: {
    id: `user-${i}`,
    properties: {
      tenant: i % 2 === 0 ? "acme" : "globex",
      department: `department-${i}`,
      groups: groups.filter((_, g) => (i + g) % 5 === 0),
    },
  },
  resource: { type: "collection", id: "handbook", properties: { region: "eu" } },
}));

/** The same caller in another department: nothing of it is in the cache. */
function other(one: (typeof inputs)[number]): Json {
  const properties = { ...one.subject.properties, department: `other-${one.subject.id}` };
  return { ...one, subject: { ...one.subject, properties } };
}

interface Row {
  readonly name: string;
  readonly micros: readonly number[];
}

function draw({ name, micros }: Row): string {
  const sorted = [...micros].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(1);
  return `| ${name} | ${at(0.5)} | ${at(0.99)} |\n`;
}

async function open(): Promise<{ bundle: ActiveBundle; derive: ReturnType<typeof createDerive> }> {
  const toolchain = createToolchain({});
  const built = await compileBundle({ files, toolchain });
  await toolchain.close();
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const micros = (): number => performance.now() * 1_000;
  const bundle = activate("bench", built.bundle, {
    loadPolicy: (one) =>
      loadPolicy({ ...one, budget: 10_000_000, maxPages: 1_024, builtins: serveBuiltins() }),
    createKeyer,
    now: Date.now,
  });
  const l1 = createMemoryCache({ maxEntries: 100_000, maxBytes: 1 << 30 });
  const cache = createDecisionCache({ l1, l2Mode: "never", now: Date.now, micros });
  const evaluate = createEvaluate({ cache, cacheTtl: 600, denyTtl: 600, now: Date.now, micros });
  return { bundle, derive: createDerive(evaluate) };
}

async function measure(
  name: string,
  { bundle, derive }: Awaited<ReturnType<typeof open>>,
  asked: readonly Json[],
): Promise<Row> {
  const micros: number[] = [];
  for (const input of asked) {
    const from = performance.now();
    const derivation = derive(bundle, "bench/include", input, { tenant: "t", epoch: 0 });
    const done = derivation instanceof Promise ? await derivation : derivation;
    micros.push((performance.now() - from) * 1_000);
    if (done.kind !== "derived") throw new Error(done.code);
  }
  return { name, micros };
}

/** OPA's partial evaluation; `undefined` where there is no Go. */
function partial(folder: string, wasm: boolean): Row | undefined {
  const built = join(folder, wasm ? "partial.wasm" : "partial");
  const env = wasm ? { ...process.env, GOOS: "wasip1", GOARCH: "wasm" } : process.env;
  const go = spawnSync("go", ["build", "-o", built, "./partial"], { cwd: program, env });
  if (go.status !== 0) return undefined;
  const query = "data.bench.include == true";
  const setup = {
    files,
    query,
    unknown: "input.resource.document",
    inputs: inputs.slice(0, wasm ? 500 : 2_000),
  };
  writeFileSync(join(folder, "setup.json"), JSON.stringify(setup));
  const out = join(folder, "out.json");
  if (!wasm) {
    const ran = spawnSync(built, [join(folder, "setup.json")], { maxBuffer: 1 << 26 });
    writeFileSync(out, ran.stdout);
  } else {
    spawnSync(process.execPath, [
      "--no-warnings",
      fileURLToPath(import.meta.url),
      "--wasi",
      built,
      folder,
      out,
    ]);
  }
  const { micros } = JSON.parse(readFileSync(out, "utf8")) as { micros: number[] };
  return {
    name: wasm ? "OPA's partial evaluation, WASM in Node" : "OPA's partial evaluation, native",
    micros,
  };
}

/** Runs the WASM in a process of its own, as the toolchain is. */
function runWasi([built = "", folder = "", out = ""]: readonly string[]): void {
  const wasi = new WASI({
    version: "preview1",
    args: ["partial", "/in/setup.json"],
    preopens: { "/in": folder },
    stdout: openSync(out, "w"),
  });
  const module = new WebAssembly.Module(readFileSync(built));
  wasi.start(new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports));
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "countersign-filters-"));
  try {
    const opened = await open();
    // the engine's code is compiled by then
    await measure("", opened, inputs.map(other));
    const rows = [
      await measure("derived for a new caller", opened, inputs),
      await measure("derived for a known caller", opened, inputs),
      partial(folder, false),
      partial(folder, true),
    ];
    process.stdout.write("\n| a filter for one caller | median µs | p99 µs |\n|---|---|---|\n");
    for (const row of rows) if (row !== undefined) process.stdout.write(draw(row));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[2] === "--wasi") runWasi(process.argv.slice(3));
else await main();
