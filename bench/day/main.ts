/** Simulates a company's day through the decision cache (`make bench-day`, docs/cache.md); writes `bench/results/day.json`. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { stringifyJson } from "../../sidecar/contract.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import type { BuiltBundle, EntrypointFacts } from "../../sidecar/rego/bundle.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { byGroup, byNarrow, bySubject, entrypoint } from "./policy.js";
import type { Choice, Day } from "./run.js";
import { mustAgree, runDay } from "./run.js";
import { createWorld } from "./world.js";

const { values: flags } = parseArgs({
  options: {
    /** Requests of the day; 10 million unless given: nothing is written then. */
    requests: { type: "string" },
    /** A part of the names of what is run; the others' results stay. */
    only: { type: "string" },
  },
});
const requests = Number(flags.requests ?? 10_000_000);
const world = createWorld(1);

/** What is looked up by keys is named whole, as before `lookups`. */
function withoutLookups({ lookups = [], ...facts }: EntrypointFacts): EntrypointFacts {
  return { ...facts, data: [...facts.data, ...lookups.map(({ table }) => table)] };
}

const base = { ttl: 3_600, maxBytes: 128 * 2 ** 20, maxEntries: 1_000_000, changes: "patches" } as const;
const choices: (Choice & { readonly policy: "group" | "subject" | "narrow" })[] = [
  { ...base, name: "by group, ttl 1 h", policy: "group" },
  { ...base, name: "by group, ttl 24 h", policy: "group", ttl: 86_400 },
  {
    ...base,
    name: "by group, ttl 24 h, a new bundle each hour",
    policy: "group",
    ttl: 86_400,
    changes: "bundle",
  },
  { ...base, name: "by group, ttl 60 s", policy: "group", ttl: 60 },
  { ...base, name: "by group, ttl 1 h, tables named whole", policy: "group", facts: withoutLookups },
  {
    ...base,
    name: "by group, ttl 24 h, default memory",
    policy: "group",
    ttl: 86_400,
    maxBytes: 32 * 2 ** 20,
    maxEntries: 50_000,
  },
  { ...base, name: "narrow, ttl 1 h", policy: "narrow" },
  { ...base, name: "narrow, ttl 24 h", policy: "narrow", ttl: 86_400 },
  { ...base, name: "narrow, ttl 60 s", policy: "narrow", ttl: 60 },
  { ...base, name: "by person, ttl 1 h", policy: "subject" },
  { ...base, name: "by person, ttl 24 h", policy: "subject", ttl: 86_400 },
  {
    ...base,
    name: "by person, ttl 24 h, tables named whole",
    policy: "subject",
    ttl: 86_400,
    facts: withoutLookups,
  },
  { ...base, name: "by person, ttl 60 s", policy: "subject", ttl: 60 },
];

async function compile(policy: string): Promise<BuiltBundle> {
  const toolchain = createToolchain({});
  const files = { "day.rego": policy, "data.json": stringifyJson(world.data) };
  const built = await compileBundle({ files, toolchain, entrypoints: [entrypoint] });
  await toolchain.close();
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  return built.bundle;
}

const percent = (part: number): string => `${(100 * part).toFixed(2)} %`;

const policies = {
  group: await compile(byGroup),
  subject: await compile(bySubject),
  narrow: await compile(byNarrow),
};
mustAgree(world, [policies.group, policies.narrow], 20_000);
const readOf = (of: BuiltBundle) => of.entrypoints.find(({ path }) => path === entrypoint);
const place = "bench/results/day.json";
const days: Day[] = [];

/** After each day, so that none is lost; what wasn't run keeps its result. */
async function write(): Promise<void> {
  const before = await readFile(place, "utf8").then(
    (text) => (JSON.parse(text) as { days: Day[] }).days,
    () => [],
  );
  const report = {
    ...{ node: process.version, cpu: cpus()[0]?.model, load: loadavg(), requests },
    reads: {
      group: readOf(policies.group),
      subject: readOf(policies.subject),
      narrow: readOf(policies.narrow),
    },
    days: choices.flatMap(({ name }) => [...days, ...before].find((day) => day.name === name) ?? []),
  };
  await mkdir("bench/results", { recursive: true });
  await writeFile(place, `${JSON.stringify(report, null, 2)}\n`);
}

for (const { policy, ...choice } of choices) {
  if (flags.only !== undefined && !choice.name.includes(flags.only)) continue;
  const day = runDay(world, policies[policy], requests, choice);
  days.push(day);
  if (flags.requests === undefined) await write();
  const most = day.curve.reduce((all, { mib }) => Math.max(all, mib), 0);
  const entries = day.curve.reduce((all, one) => Math.max(all, one.entries), 0);
  process.stdout.write(
    `${day.name}: hits ${percent(day.hit_ratio)}, ${day.evaluations} evaluations, ${day.distinct_keys} distinct keys, ` +
      `at most ${most.toFixed(1)} MiB and ${entries} entries, ${day.evicted} evicted, ` +
      `${day.wrong} of ${day.checked} compared hits wrong, ${((1e6 * day.cpu_seconds) / day.requests).toFixed(1)} µs of CPU a request\n`,
  );
}
