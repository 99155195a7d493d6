/** Measures what tasks and limits cost (`make bench-state`, docs/state.md); writes `bench/results/state.json`. */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { StateConfig } from "../../sidecar/state/config.js";
import type { Engine } from "../../sidecar/state/engine/engine.js";
import { openEngine } from "../../sidecar/state/engine/open.js";
import type { TestRedis } from "../../test/redis.js";
import { startRedis } from "../../test/redis.js";
import type { Measured } from "./measure.js";
import { measure } from "./measure.js";
import { callOf, stepsOf, taskOf } from "./steps.js";

const { values: flags } = parseArgs({
  options: {
    /** Of a step, one after another, and with many under way. */
    seconds: { type: "string" },
    /** `memory` or `redis`; nothing is written then. */
    only: { type: "string" },
  },
});
const seconds = Number(flags.seconds ?? 3);
const tasks = 1_000;
const config: StateConfig = {
  ...{ waitMs: 2_000, onUnavailable: "deny", graceMs: 3_000, leaseMs: 30_000 },
  ...{ holdMs: 3_600_000, maxEntries: 1_000_000 },
};
const quiet = (): undefined => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const open = (more: Partial<StateConfig> = {}): Engine =>
  openEngine({ config: { ...config, ...more }, now: Date.now, newId: () => "", log });

const origin = {
  ...{ decision_id: "00000000-0000-4000-8000-000000000000", rules: ["flow/untrusted"], action: "tool.call" },
  ...{ resource: "tool:web/fetch", at: new Date().toISOString(), task: "task-0000000000000000-0" },
};

/** Has each of many tasks make four steps and bear two labels. */
async function fill(engine: Engine, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    for (let step = 0; step < 4; step++) {
      const labels = step === 1 ? { "untrusted-web": origin, "confidential:acme": origin } : {};
      await engine.commit({ keys: taskOf(n), rests: {}, calls: [{ ...callOf([], labels), quiet: false }] });
    }
  }
}

async function memoryBytes(): Promise<number> {
  const engine = open();
  const count = 5_000;
  await fill(engine, 0, 100);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  await fill(engine, 100, count);
  globalThis.gc?.();
  const bytes = (process.memoryUsage().heapUsed - before) / count;
  await engine.close();
  return Math.round(bytes);
}

/** Bytes of each kind of key in Redis, the mean of all of them. */
async function redisBytes(redis: TestRedis, engine: Engine): Promise<Record<string, number>> {
  await redis.client.flushall();
  await fill(engine, 1_000_000, 200);
  await sleep(100);
  const sums = new Map<string, { bytes: number; count: number }>();
  for (const key of await redis.client.keys("*")) {
    const kind = /^cs:\{[^}]+\}:(\w+)/.exec(key)?.[1] ?? key;
    const sum = sums.get(kind) ?? { bytes: 0, count: 0 };
    sum.bytes += (await redis.client.memory("USAGE", key, "SAMPLES", 0)) ?? 0;
    sum.count++;
    sums.set(kind, sum);
  }
  const named: Record<string, string> = {
    ...{ a: "a task's activity", l: "a task's labels", h: "a holder's labels", o: "a call under way" },
    ...{ i: "its index", c: "a counter" },
  };
  return Object.fromEntries(
    [...sums].flatMap(([kind, { bytes, count }]) =>
      named[kind] === undefined ? [] : [[named[kind], Math.round(bytes / count)]],
    ),
  );
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

function draw(title: string, rows: readonly Measured[]): void {
  say(
    `\n| ${title} | median µs | p99 µs | CPU µs | Redis' CPU µs | a second, ${rows[0]?.underWay ?? 0} under way |`,
  );
  say("|---|---|---|---|---|---|");
  for (const { name, median, p99, cpu, redisCpu, perSecond } of rows) {
    say(
      `| ${name} | ${median} | ${p99} | ${cpu} | ${redisCpu ?? "–"} | ${perSecond.toLocaleString("en-US")} |`,
    );
  }
}

async function measureAll(engine: Engine, redis?: TestRedis): Promise<Measured[]> {
  const redisSeconds = async (): Promise<number> => {
    const info = (await redis?.client.info("cpu")) ?? "";
    return [...info.matchAll(/used_cpu_(?:user|sys):([\d.]+)/g)].reduce(
      (sum, [, one]) => sum + Number(one),
      0,
    );
  };
  const rows: Measured[] = [];
  for (const [name, step] of stepsOf(tasks)) {
    const parts = { engine, seconds, underWay: 64, ...(redis === undefined ? {} : { redisSeconds }) };
    rows.push(await measure(name, step, parts));
  }
  return rows;
}

async function main(): Promise<void> {
  const before = loadavg()[0];
  const wants = (part: string): boolean => flags.only === undefined || flags.only === part;
  const result: Record<string, unknown> = {};
  if (wants("memory")) {
    const bytes = await memoryBytes();
    const engine = open();
    const rows = await measureAll(engine);
    await engine.close();
    draw("in memory", rows);
    say(`\nA task of four steps and two labels, with its holder: ${bytes.toLocaleString("en-US")} bytes.`);
    result["memory"] = { rows, bytesPerTask: bytes };
  }
  if (wants("redis")) {
    const redis = await startRedis();
    const engine = open({
      redisAt: redis.url,
      secret: { text: "a secret of the whole fleet, long enough" },
    });
    while (engine.state !== "connected") await sleep(10);
    const rows = await measureAll(engine, redis);
    const bytes = await redisBytes(redis, engine);
    await engine.close();
    await redis.close();
    draw("in Redis", rows);
    say("\n| in Redis | bytes |\n|---|---|");
    for (const [name, size] of Object.entries(bytes)) say(`| ${name} | ${size} |`);
    result["redis"] = { rows, bytes };
  }
  if (flags.only !== undefined) return;
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "", cores: cpus().length };
  const load = { loadAverage: before, loadAverageAfter: loadavg()[0] };
  await mkdir("bench/results", { recursive: true });
  const text = JSON.stringify(
    { at: new Date().toISOString(), ...load, ...machine, seconds, tasks, ...result },
    null,
    2,
  );
  await writeFile("bench/results/state.json", `${text}\n`);
}

await main();
