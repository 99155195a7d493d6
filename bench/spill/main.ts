/**
 * Spills the decisions of an hour at 1,000 a second while their service is away, and uploads them once it is back.
 *
 * `node dist/bench/spill/main.js [EVENTS]`: through the decision log as the sidecar wires it, over HTTP to a process of its own, which
 * tells every decision from the others by a number in its id. Memory is this process's.
 */
import { fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Call, Decision } from "../../sidecar/contract.js";
import { createDecisionLog } from "../../sidecar/record/decision-log.js";
import type { DecisionRecord } from "../../sidecar/record/decision-event.js";
import { createEventWriter } from "../../sidecar/record/event.js";
import { createDigest } from "../../sidecar/record/fact.js";
import { createMetrics } from "../../sidecar/record/metrics.js";
import { openUpload } from "../../sidecar/wire/upload.js";

const total = Number(process.argv[2] ?? 3_600_000);
const mode = process.argv[3] === "strict" ? "strict" : "buffered";
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

const directory = await mkdtemp(join(tmpdir(), "countersign-spill-"));
const service = fork(fileURLToPath(new URL("service.js", import.meta.url)), [String(total)]);
const [{ port }] = (await once(service, "message")) as [{ port: number }];

const nothing = (): void => undefined;
let lost = 0;
const outbox = await openUpload({
  config: {
    ...{
      service: "sink",
      resource: "logs",
      spill: { directory: join(directory, "spill"), maxBytes: 2 ** 33 },
    },
    reporting: {
      ...{ bufferType: "size", bufferSizeLimitBytes: 2 ** 25, bufferSizeLimitEvents: 10_000 },
      ...{ uploadSizeLimitBytes: 32_768, minDelayMs: 1_000, maxDelayMs: 2_000, trigger: "immediate" },
    },
  },
  service: {
    ...{
      name: "sink",
      url: `http://127.0.0.1:${port}`,
      type: "http",
      headers: {},
      credentials: { kind: "none" },
    },
    responseHeaderTimeoutMs: 10_000,
  },
  ...{ strict: mode === "strict", isDecision: () => true, metrics: createMetrics(), now: Date.now },
  log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
});
const write = createEventWriter({
  labels: { id: "5c0c7f5e-6d3f-4f0e-9f0f-0d3b8f3d9a11", version: "0.9.0", region: "eu-central-1" },
  ...{ digest: createDigest(), input: "digest" },
});
const log = createDecisionLog<DecisionRecord>({
  ...{ sink: outbox, mode, line: write },
  onEvents: (result, count) => {
    if (result === "dropped") lost += count;
  },
});

const size = write(recordOf(1)).length;
say(`${total} decisions of ${size} bytes, ${mode}, uploads of 32 KiB at most; the service is away`);
say("events      s    RSS       heap     disk       bytes/event");
const began = performance.now();
const cpu = process.cpuUsage();
const peak = { away: 0, back: 0 };
for (let n = 0; n < total;) {
  const batch: (Promise<void> | undefined)[] = [];
  // as many as wait at most, so that none is dropped before it is written
  for (const until = Math.min(total, n + 5_000); n < until; n++) batch.push(log.record(recordOf(n)));
  await Promise.all(batch);
  await log.flush();
  peak.away = Math.max(peak.away, process.memoryUsage.rss());
  if (Math.floor((n * 10) / total) !== Math.floor(((n - 5_000) * 10) / total)) row(n);
}
const wrote = (performance.now() - began) / 1_000;
const spent = process.cpuUsage(cpu);
const bytes = await bytesIn(join(directory, "spill", "0"));
say(
  `written in ${wrote.toFixed(1)} s: ${Math.round(total / wrote)} events/s, ${perEvent(spent)} of CPU per event in all threads`,
);
say(`of which making the records and their texts: ${textMicros().toFixed(1)} µs`);
say(`on disk ${mib(bytes)}, ${(bytes / total).toFixed(0)} bytes per event; peak RSS ${mib(peak.away)}`);

const back = performance.now();
const before = process.cpuUsage();
service.send("back");
for (let told = 0; outbox.status().spilled_bytes > 0;) {
  await sleep(100);
  peak.back = Math.max(peak.back, process.memoryUsage.rss());
  const { uploaded } = outbox.status();
  if (Math.floor((uploaded * 10) / total) > told) {
    told = Math.floor((uploaded * 10) / total);
    row(uploaded);
  }
}
const sent = (performance.now() - back) / 1_000;
const answer = once(service, "message") as Promise<[{ distinct: number; events: number; uploads: number }]>;
service.send("count");
const [{ distinct, events, uploads }] = await answer;
say(
  `uploaded in ${sent.toFixed(1)} s: ${Math.round(total / sent)} events/s, ${perEvent(process.cpuUsage(before))} of CPU per event`,
);
say(`the service has ${distinct} of ${total} decisions, ${events - distinct} twice, in ${uploads} uploads`);
say(`dropped: ${lost}, ${JSON.stringify(outbox.status().dropped)}; peak RSS ${mib(peak.back)}`);
await log.close();
say(`left on disk: ${await bytesIn(join(directory, "spill", "0"))} bytes`);
service.kill();
await rm(directory, { recursive: true });
if (distinct !== total || lost > 0) process.exitCode = 1;

function row(n: number): void {
  const { rss, heapUsed } = process.memoryUsage();
  const { spilled_bytes: spilled } = outbox.status();
  const cells = [n, ((performance.now() - began) / 1_000).toFixed(0), mib(rss), mib(heapUsed), mib(spilled)];
  const widths = [10, 6, 9, 9, 10];
  say(
    `${cells.map((cell, i) => String(cell).padEnd(widths[i] ?? 0)).join("")}${(spilled / Math.max(1, n)).toFixed(0)}`,
  );
}

function perEvent({ user, system }: NodeJS.CpuUsage): string {
  return `${((user + system) / total).toFixed(1)} µs`;
}

function textMicros(): number {
  const from = process.cpuUsage();
  for (let n = 0; n < 20_000; n++) write(recordOf(n));
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 20_000;
}

async function bytesIn(path: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(path)) {
    if (name.endsWith(".segment")) sum += (await stat(join(path, name))).size;
  }
  return sum;
}

/** A decision as real ones are: ids, digests and times differ from one to the next, the rest is out of a few dozen. */
function recordOf(n: number): DecisionRecord {
  const at = Date.now();
  const random = randomBytes(8).toString("hex");
  const allow = n % 9 !== 0;
  const decision: Decision = {
    ...{
      decision_id: `${random.slice(0, 8)}-${n.toString(16).padStart(12, "0")}`,
      allow,
      obligations: [],
      labels: [],
    },
    reasons: [
      { code: allow ? "group_may_use_model" : "region_denied", message: "", rule: `model.rule_${n % 13}` },
    ],
    ...{ ttl: 30, rules: [`model.rule_${n % 13}`], cache: n % 3 === 0 ? "none" : "l1" },
    expires_at: new Date(at + 30_000).toISOString(),
    bundles: { main: { revision: "2026-01-01.7" } },
  };
  const call: Call = {
    kind: "model",
    action: { name: "model.invoke", properties: { phase: "request", parameters: { max_tokens: n % 4_096 } } },
    resource: { type: "model", id: `model-${n % 17}`, properties: { provider: "openai", region: "eu" } },
  };
  return {
    ...{ type: "decision", at, door: "decisions", entrypoint: "countersign/decision", decision, call },
    context: {
      source: { ip: `10.${n % 5}.${n % 250}.${n % 199}` },
      request: { id: random, method: "POST", path: "/v1/chat/completions" },
      prompt: {
        messages: 1 + (n % 7),
        bytes: n % 9_973,
        sha256: createHash("sha256").update(random).digest("hex"),
      },
    } as NonNullable<DecisionRecord["context"]>,
    ...{ network: "internal", requestedBy: "gateway-1" },
    micros: {
      identify: n % 7,
      describe: n % 5,
      cache: 1,
      evaluate: 30 + (n % 23),
      record: 1,
      total: 50 + (n % 31),
    },
  };
}
