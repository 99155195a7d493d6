/** Measures fences: how soon ten replicas act on one, and what a check costs (docs/fences.md). */
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Handle } from "../../sidecar/contract.js";
import { createFenceIndex } from "../../sidecar/state/fences/index-fences.js";
import { sleep, startRedis } from "../../test/redis.js";

const replicas = 10;
const rounds = 100;

interface Told {
  readonly kind: "ready" | "cut" | "added";
  readonly subject: string;
  readonly at: number;
  readonly written?: number;
}

const redis = await startRedis();
const children: ChildProcess[] = [];
const cut = new Map<string, number[]>();
const added = new Map<string, Told>();
let ready = 0;
for (let n = 0; n < replicas; n++) {
  const child = fork(fileURLToPath(new URL("replica.js", import.meta.url)), [redis.url]);
  child.on("message", (told: Told) => {
    if (told.kind === "ready") ready++;
    else if (told.kind === "added") added.set(told.subject, told);
    else cut.set(told.subject, [...(cut.get(told.subject) ?? []), told.at]);
  });
  children.push(child);
}
while (ready < replicas) await sleep(20);

const all: number[] = [];
const last: number[] = [];
const written: number[] = [];
for (let n = 0; n < rounds; n++) {
  const subject = `s-${n}`;
  children[n % replicas]?.send(subject);
  while ((cut.get(subject)?.length ?? 0) < replicas || !added.has(subject)) await sleep(2);
  const { at = 0, written: took = 0 } = added.get(subject) ?? {};
  const times = (cut.get(subject) ?? []).map((one) => one - at).sort((a, b) => a - b);
  // the first is where it was asked for
  all.push(...times.slice(1));
  last.push(times.at(-1) ?? Infinity);
  written.push(took);
  await sleep(20);
}
for (const child of children) child.kill();
await redis.close();

const figure = (values: number[]): string => {
  values.sort((a, b) => a - b);
  const at = (share: number): string => (values[Math.ceil(values.length * share) - 1] ?? NaN).toFixed(1);
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms, worst ${at(1)} ms`;
};
const line = (text: string): void => void process.stdout.write(`${text}\n`);
line(
  `${replicas} replicas in ${replicas} processes on one Redis, ${rounds} fences, each asked for at another one`,
);
line(`  each other replica denies after: ${figure(all)}`);
line(`  all replicas deny after:         ${figure(last)}`);
line(`  told as written after:           ${figure(written)}`);
line(
  `  within 100 ms: ${((100 * all.filter((ms) => ms <= 100).length) / all.length).toFixed(1)} %, within 1 s: ${((100 * all.filter((ms) => ms <= 1_000).length) / all.length).toFixed(1)} %`,
);

const handles: Handle[] = [
  ...["subject:agent:helper", "tenant:acme", "chain:ann", "chain:agent:helper", "session:s", "token:j"],
  ...["tool:github/create_issue", "server:github", "bundle:default", "task:t-1"],
];
line(`a check of ${handles.length} handles that finds none:`);
for (const count of [0, 1, 10_000]) {
  for (const kinds of ["one kind", "two kinds"]) {
    const index = createFenceIndex();
    for (let n = 0; n < count; n++) {
      const match = kinds === "one kind" ? { subject: `s-${n}` } : { tenant: "acme", subject: `s-${n}` };
      index.add({ id: `${n}`, version: 1, state: "active", match, reason: "b", by: "b", at: 0 });
    }
    const times = 200_000;
    for (let n = 0; n < times; n++) index.check(handles, 1);
    const from = performance.now();
    for (let n = 0; n < times; n++) index.check(handles, 1);
    line(`  ${count} fences of ${kinds}: ${(((performance.now() - from) * 1e6) / times).toFixed(0)} ns`);
  }
}
