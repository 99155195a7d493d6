/**
 * Measures the library: CPU of one call, hit and miss, of a value and of bytes, and what a call is made of.
 * Run: node dist/bench/data/in-process.js
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createScanner, parseJson } from "../../sidecar/contract.js";
import { openCountersign } from "../../sidecar/library.js";
import { counter } from "../load.js";
import { dataCase } from "./case.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const rounds = 5;

/** Microseconds of CPU per call, the median of rounds. */
function cost(calls: number, call: (i: number) => unknown): number {
  const all: number[] = [];
  for (let round = 0, i = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    for (let n = 0; n < calls; n++) call(i++);
    const { user, system } = process.cpuUsage(before);
    // the first round is for the compiler
    if (round > 0) all.push((user + system) / calls);
  }
  return all.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? NaN;
}

const folder = await mkdtemp(join(tmpdir(), "countersign-library-"));
try {
  const one = dataCase();
  const bundle = join(folder, "bundle");
  await mkdir(bundle);
  for (const [path, text] of Object.entries(one.files)) await writeFile(join(bundle, path), text);
  const cacheDir = join(root, ".cache", "bundles");
  const open = (config: Record<string, unknown>) => openCountersign({ bundles: [bundle], cacheDir, config });
  const on = await open({});
  const logged = await open({ decision_logs: { file: join(folder, "log.jsonl") } });
  const off = await open({ cache: { enabled: false } });
  const inputOf = (body: string): string => JSON.stringify((JSON.parse(body) as { input: unknown }).input);
  const [unread, read] = [inputOf(one.unread), inputOf(one.read)];
  const at = read.indexOf(counter);
  const value = JSON.parse(unread) as unknown;
  const bytes = Buffer.from(unread);
  const fresh = Buffer.from(read);
  const freshBytes = (i: number): Buffer => {
    fresh.write(String(i).padStart(counter.length, "0"), at, "latin1");
    return fresh;
  };
  const scan = createScanner(
    [
      ["subject", "id"],
      ["action", "name"],
      ["resource", "type"],
      ["context", "time_ns"],
    ],
    { bare: true },
  );
  const lines: [string, number][] = [
    ["hit, value", cost(100_000, () => on.decide(one.entrypoint, value))],
    ["hit, bytes", cost(100_000, () => on.decideBytes(one.entrypoint, bytes))],
    ["uncached, value", cost(10_000, () => off.decide(one.entrypoint, value))],
    ["uncached, bytes", cost(10_000, () => off.decideBytes(one.entrypoint, bytes))],
    ["miss, bytes", cost(10_000, (i) => on.decideBytes(one.entrypoint, freshBytes(i)))],
    ["scan", cost(100_000, () => scan(bytes))],
    ["JSON.parse", cost(20_000, () => JSON.parse(unread) as unknown)],
    ["parseJson", cost(20_000, () => parseJson(bytes))],
  ];
  for (const [name, us] of lines)
    process.stdout.write(`${name.padEnd(20)}${us.toFixed(2).padStart(8)} µs CPU\n`);
  await Promise.all([on.close(), logged.close(), off.close()]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
