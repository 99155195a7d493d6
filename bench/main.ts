/** Measures the product as a user runs it (`make bench`, docs/performance.md): rates, latencies, memory. */
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createAsk } from "../gateway/ask.js";
import { createLink } from "../gateway/link.js";
import type { DecisionRequest } from "../sidecar/contract.js";
import type { Measured, Target, Template } from "./load.js";
import { applyLoad, ask, requestTemplate } from "./load.js";
import { hasChildren, pinned, pinSelf, residentMb } from "./process.js";
import type { Row } from "./report.js";
import { summarise, table } from "./report.js";
import { chatBody, dataBody, decisionsBody } from "./requests.js";
import type { BenchWorld } from "./world.js";
import { startBenchWorld } from "./world.js";

const rounds = 3;
const { values: flags } = parseArgs({ options: { ms: { type: "string" }, only: { type: "string" } } });
/** `--ms`: length of a round; `--only`: cases whose name holds this, and the baseline. Neither writes results. */
const fullMs = Number(flags.ms ?? 2_000);
const singleMs = fullMs / 4;
const many = 64;
/** So many distinct requests lie in Redis, and one in memory. */
const inRedis = 256;
/** Questions by frames, and those before them that don't count. */
const framesAsked = 5_000;
const framesWarm = 2_000;

interface Case {
  readonly name: string;
  readonly target: Target;
  readonly template: Template;
  /** Label of the lookups that must be most of this case's, e.g. `l1 hit`. */
  readonly expects?: { readonly level: "l1" | "l2"; readonly result: "hit" | "miss" };
}

const world = await startBenchWorld();
try {
  pinSelf();
  await measure(world);
} finally {
  await world.close();
}

async function measure(world: BenchWorld): Promise<void> {
  const started = performance.now();
  const { cases: decisions, skipped } = await decisionCases(world);
  const cases = [...decisions, ...chatCases(world)].filter(
    ({ name }) => flags.only === undefined || name.includes(flags.only) || name === decisions[0]?.name,
  );
  const measured = new Map<string, { full: Measured[]; single: Measured[] }>();
  const peak = { rss: 0 };
  const { on, idle } = world.sidecars;
  const watch = setInterval(() => (peak.rss = Math.max(peak.rss, residentMb(on.pid))), 250);
  for (const one of cases) {
    measured.set(one.name, { full: [], single: [] });
    await applyLoad({ ...one, connections: many, duration: fullMs / 2 });
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of cases) {
      const found = measured.get(one.name);
      // warm after the others had the core, and what expired lies in Redis again
      await applyLoad({ ...one, connections: many, duration: fullMs / 8 });
      const before = one.expects === undefined ? 0 : await lookups(one);
      const full = await applyLoad({ ...one, connections: many, duration: fullMs });
      if (one.expects !== undefined) assertShare(one.name, ((await lookups(one)) - before) / full.requests);
      found?.full.push(full);
      found?.single.push(await applyLoad({ ...one, connections: 1, duration: singleMs }));
      await world.emptyLogs();
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }
  clearInterval(watch);
  const rows: Row[] = cases.map(({ name }) => {
    const { full = [], single = [] } = measured.get(name) ?? {};
    return summarise(name, full, single);
  });
  if (flags.only === undefined) {
    while (performance.now() - started < 20_000 || hasChildren(idle.pid)) await sleep(500);
    await sleep(10_000);
  }
  const memory = {
    idleMb: Math.round(residentMb(idle.pid)),
    underLoadMb: Math.round(peak.rss),
    tenSecondsAfterLoadMb: Math.round(residentMb(on.pid)),
  };
  const frames = await askedByFrames(world);
  const report = {
    at: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model ?? "",
    cores: cpus().length,
    pinned,
    connections: many,
    rounds,
    roundMs: fullMs,
    skipped,
    rows,
    memory,
    frames,
  };
  process.stdout.write(table(report));
  process.stdout.write(
    `\nAs the gateway asks (frames, one question at a time, memory hit): median ${frames.p50Micros.toFixed(0)} µs, p99 ${frames.p99Micros.toFixed(0)} µs\n`,
  );
  if (flags.only !== undefined || flags.ms !== undefined) return;
  const results = fileURLToPath(new URL("../../bench/results/", import.meta.url));
  await mkdir(results, { recursive: true });
  await writeFile(`${results}latest.json`, `${JSON.stringify(report, null, 2)}\n`);
}

async function decisionCases({ sidecars, token, startPlain }: BenchWorld) {
  const { off, on, redis } = sidecars;
  const data = (varied: "read" | "unread", distinct?: number): Template =>
    requestTemplate(
      "/v1/data/countersign/decision",
      dataBody(varied),
      distinct === undefined ? {} : { distinct },
    );
  const native = (varied: "read" | "unread", distinct?: number): Template =>
    requestTemplate(
      "/v1/decisions",
      decisionsBody(varied, token),
      distinct === undefined ? {} : { distinct },
    );
  const answer = await ask(off, data("unread").bytes);
  if (answer.status !== 200) throw new Error(`the data door answered ${answer.status}: ${answer.body}`);
  if (!answer.body.includes('"allow":true')) throw new Error(`not allowed: ${answer.body}`);
  const plain = await startPlain(answer.body);
  const cases: Case[] = [{ name: "bare node:http, same bytes", target: plain, template: data("unread") }];
  for (const [door, make] of [
    ["/v1/data", data],
    ["/v1/decisions", native],
  ] as const) {
    cases.push(
      { name: `${door}, cache off`, target: off, template: make("unread") },
      {
        name: `${door}, evaluated and cached`,
        target: on,
        template: make("read"),
        expects: { level: "l1", result: "miss" },
      },
      {
        name: `${door}, memory hit`,
        target: on,
        template: make("unread"),
        expects: { level: "l1", result: "hit" },
      },
    );
    if (redis !== undefined) {
      cases.push({
        name: `${door}, Redis hit`,
        target: redis,
        template: make("read", inRedis),
        expects: { level: "l2", result: "hit" },
      });
    }
  }
  return { cases, skipped: redis === undefined ? ["Redis hit: redis-server is not installed"] : [] };
}

function chatCases({ gateway, upstream, token }: BenchWorld): Case[] {
  const chat = (key: string): Template =>
    requestTemplate("/v1/chat/completions", chatBody(), { headers: { authorization: `Bearer ${key}` } });
  return [
    { name: "chat, provider directly", target: upstream, template: chat(upstream.apiKey) },
    { name: "chat, through the gateway", target: gateway, template: chat(token) },
  ];
}

/** Asks the sidecar by the gateway's own connection, a question at a time, and gives how long an answer takes, read. */
async function askedByFrames({
  sidecars,
  token,
}: BenchWorld): Promise<{ p50Micros: number; p99Micros: number }> {
  const link = createLink({
    connect: () => connect(sidecars.on.socket ?? ""),
    onLost: () => undefined,
    onForeign: () => undefined,
  });
  const askSidecar = createAsk({ link, deadlineMs: 5_000 });
  const question = JSON.parse(decisionsBody("unread", token)) as DecisionRequest;
  const took: number[] = [];
  for (let n = 0; n < framesWarm + framesAsked; n++) {
    const request = { ...question.context.request, id: `frame-${n}` };
    const one = { ...question, context: { ...question.context, request } };
    const from = performance.now();
    const [decision] = await askSidecar(one);
    if (n < framesWarm) continue;
    took.push((performance.now() - from) * 1_000);
    if (decision?.allow !== true || decision.cache !== "l1") throw new Error("by frames: not a memory hit");
  }
  link.close();
  took.sort((a, b) => a - b);
  const at = (part: number): number => took[Math.floor(part * took.length)] ?? 0;
  return { p50Micros: at(0.5), p99Micros: at(0.99) };
}

/** Counts the cache lookups that a case is meant to make, from the sidecar's own metrics. */
async function lookups({ target, expects }: Case): Promise<number> {
  const { body } = await ask(target, Buffer.from("GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n"));
  const wanted = [`level="${expects?.level ?? ""}"`, `result="${expects?.result ?? ""}"`];
  return body
    .split("\n")
    .filter(
      (line) => line.startsWith("countersign_cache_total{") && wanted.every((one) => line.includes(one)),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** A case that isn't what it is called must not be reported. */
function assertShare(name: string, share: number): void {
  if (share < 0.9) throw new Error(`${name}: only ${Math.round(share * 100)} % of its lookups were`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
