/**
 * Measures what decisions notice of bundles with 10 MB of data that come into force: `node dist/bench/activation/main.js [MB]`
 *
 * A sidecar in a process of its own answers 2,000 decisions a second, which come when they are due; meanwhile five new versions of
 * policy and data are pushed to it. Nothing is pinned: threads, compiler and load share the cores.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundleOf } from "../../test/bundles/bring.js";
import { counter, requestTemplate } from "../load.js";
import { residentMb } from "../process.js";
import type { Answered } from "./open-loop.js";
import { startOpenLoop } from "./open-loop.js";

const megabytes = Number(process.argv[2] ?? 10);
const perSecond = Number(process.env["RATE"] ?? 2_000);
const rounds = Number(process.env["ROUNDS"] ?? 5);
const quietMs = Number(process.env["QUIET_MS"] ?? 10_000);

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const nameOf = (n: number): string => `user-${String(n).padStart(counter.length, "0")}`;

/** What a directory of people exports. */
function peopleOf(version: number): Record<string, unknown> {
  const people: Record<string, unknown> = {};
  let size = 0;
  for (let n = 0; size < megabytes * 1e6; n++) {
    const person = {
      ...{ name: `Person ${n} of many`, email: `person.${n}@example.com`, active: n % 9 !== 0, version },
      ...{ department: `dept-${n % 41}`, manager: nameOf(Math.floor(n / 12)), region: `eu-${n % 5}` },
      ...{ groups: [`g-${n % 97}`, `g-${n % 89}`, `all`], clearance: n % 7, budget: (n % 1000) / 10 },
    };
    people[nameOf(n)] = person;
    size += JSON.stringify(person).length + 20;
  }
  return people;
}

const rego = (version: number): string => `package app

# METADATA
# entrypoint: true
decision := {"allow": allow, "policy": ${version}, "data": data.app.version, "person": person.version}

person := data.app.people[input.user]

default allow := false

allow if {
	person.active
	person.clearance >= input.clearance
	some group in person.groups
	group in {"all", "g-${version}"}
}
`;

let count = 0;
const archives = Array.from({ length: rounds + 1 }, (_, version) => {
  const people = peopleOf(version);
  count = Object.keys(people).length;
  return bundleOf({
    ...{ rego: rego(version), revision: `r${version}` },
    files: { "app/data.json": JSON.stringify({ version, people }) },
  });
});

const dir = await mkdtemp(join(tmpdir(), "countersign-activation-"));
const sidecar = fork(fileURLToPath(new URL("sidecar.js", import.meta.url)), [dir]);
const [{ url, key }] = (await once(sidecar, "message")) as [{ url: string; key: string }];
const pid = sidecar.pid ?? 0;
const longestPause = async (): Promise<number> => {
  sidecar.send("pause");
  const [{ pauseMs }] = (await once(sidecar, "message")) as [{ pauseMs: number }];
  return pauseMs;
};
const push = (bytes: Uint8Array): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = {
      ...{ authorization: `Bearer ${key}`, "content-type": "application/gzip" },
      "content-length": bytes.byteLength,
    };
    request(new URL("/v1/bundles/app", url), { method: "PUT", headers }, (res) => {
      res.resume().on("end", () => {
        if (res.statusCode === 201) resolve(performance.now());
        else reject(new Error(`a push was answered with ${res.statusCode}`));
      });
    })
      .on("error", reject)
      .end(bytes);
  });

interface Seen {
  readonly due: number;
  readonly took: number;
}
const seen: Seen[] = [];
const firstOf = new Map<number, number>();
let failed = 0;
let mixed = 0;
const onAnswer = ({ due, at, status, body }: Answered): void => {
  seen.push({ due, took: at - due });
  const said = /"allow":(?:true|false),"data":(\d+),"person":(\d+),"policy":(\d+)/.exec(body);
  if (status !== 200 || said === null) failed++;
  else if (said[1] !== said[2] || said[1] !== said[3]) mixed++;
  else if (!firstOf.has(Number(said[1]))) firstOf.set(Number(said[1]), at);
};

const began = performance.now();
const [first = new Uint8Array(), ...others] = archives;
const startMs = (await push(first)) - began;
const template = requestTemplate(
  "/v1/data/app/decision",
  JSON.stringify({ input: { user: `user-${counter}`, clearance: 3 } }),
  { distinct: count },
);
const stop = startOpenLoop({
  ...{ port: Number(new URL(url).port), template, perSecond, connections: 200, onAnswer },
});
await sleep(3_000);

const between = (from: number, to: number): Seen[] => seen.filter(({ due }) => due >= from && due < to);
const figures = (some: readonly Seen[]): string => {
  const sorted = some.map(({ took }) => took).sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms (${sorted.length} requests)`;
};

await longestPause();
const quietFrom = performance.now();
await sleep(quietMs);
const quietTo = performance.now();
const quietPause = await longestPause();
const before = residentMb(pid);
let peak = before;
const looking = setInterval(() => (peak = Math.max(peak, residentMb(pid))), 20);

const windows: Seen[] = [];
const pauses: number[] = [];
const took: number[] = [];
for (const [n, bytes] of others.entries()) {
  const from = performance.now();
  const answered = await push(bytes);
  // what came into force may have left work behind
  await sleep(500);
  windows.push(...between(from, answered + 500));
  pauses.push(await longestPause());
  took.push((firstOf.get(n + 1) ?? NaN) - from);
  await sleep(1_500);
}
clearInterval(looking);
await stop();
const after = residentMb(pid);

sidecar.send("stop");
await once(sidecar, "exit");
await rm(dir, { recursive: true, force: true });

const list = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(", ");
say(
  `${megabytes} MB of data in ${count} records, archives of ${(first.byteLength / 2 ** 20).toFixed(1)} MB; ` +
    `${perSecond} decisions a second; ${cpus().length} cores; the first push, which starts the compiler, took ${startMs.toFixed(0)} ms`,
);
say(`failed or refused: ${failed}; of two versions at once: ${mixed}; of ${seen.length} requests`);
say(`quiet:             ${figures(between(quietFrom, quietTo))}`);
say(`while activating:  ${figures(windows)}`);
say(`longest pause:     quiet ${quietPause.toFixed(0)} ms; of each activation ${list(pauses)} ms`);
say(`from push to the first answer by it: ${list(took)} ms`);
say(`resident memory:   before ${before.toFixed(0)}, peak ${peak.toFixed(0)}, after ${after.toFixed(0)} MB`);
process.exit(failed + mixed === 0 ? 0 : 1);
