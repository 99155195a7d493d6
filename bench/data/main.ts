/**
 * Measures the data door beside `opa run` and bare `node:http` (`make bench-data`, docs/performance.md).
 * Run: node dist/bench/data/main.js [seconds per round] [rounds]; with either, no results are written.
 */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildOpa } from "../engine/build.js";
import { drawBars } from "../gateway/bars.js";
import { freePort } from "../../test/free-port.js";
import type { Template } from "../load.js";
import { applyLoad, ask, requestTemplate } from "../load.js";
import type { Started } from "../process.js";
import { pinned, pinSelf, residentMb, serverCore, start } from "../process.js";
import type { DataCaseName } from "./case.js";
import { dataCase, dataCases } from "./case.js";
import { median } from "../report.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const command = join(root, "bin", "countersign.js");
const given = process.argv.slice(2).map(Number);
const [seconds = 3, rounds = 3] = given;
const connections = 64;

interface System {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly template: Template;
}

/** Medians of the rounds. */
interface Row {
  readonly case: DataCaseName;
  readonly system: string;
  readonly perSecond: number;
  readonly slowest: number;
  readonly fastest: number;
  /** User and system, all threads, per request. */
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** After the load. */
  readonly residentMb: number;
}

const opa = await buildOpa();
if (opa.kind === "missing") process.stderr.write(`${opa.why}\n`);
pinSelf();
const rows: Row[] = [];
for (const name of dataCases) rows.push(...(await measureCase(name)));
process.stdout.write(tableOf(rows));
if (given.length === 0) {
  const results = join(root, "bench", "results");
  await mkdir(results, { recursive: true });
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "", cores: cpus().length, pinned };
  const report = { at: new Date().toISOString(), ...machine, connections, seconds, rounds, rows };
  await writeFile(join(results, "data.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(root, "docs", "images", "decisions.svg"), picture(rows));
}

function picture(all: readonly Row[]): string {
  const titles: Record<DataCaseName, string> = {
    found: "rules that an index finds",
    tried: "rules that are all tried",
  };
  const panels = dataCases.flatMap((name) => {
    const some = all.filter((row) => row.case === name);
    const bars = (of: (row: Row) => number) =>
      some.map((row) => ({ name: row.system, value: of(row), own: row.system.startsWith("Countersign") }));
    return [
      { title: `Decisions/s, ${titles[name]}`, scale: "linear" as const, bars: bars((row) => row.perSecond) },
      { title: `p99 ms, ${titles[name]}`, scale: "linear" as const, bars: bars((row) => row.p99Ms) },
    ];
  });
  return drawBars("Countersign's data door beside OPA and bare node:http", panels);
}

async function measureCase(name: DataCaseName): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-data-"));
  const logs = ["hit", "uncached", "opa"].map((one) => join(directory, `${one}.log`));
  const started: Started[] = [];
  const run = async (file: string, args: string[], ready?: RegExp): Promise<number> => {
    const process_ = await start(serverCore, file, args, ready);
    started.push(process_);
    return process_.pid;
  };
  try {
    const one = dataCase(name);
    const bundle = join(directory, "bundle");
    await mkdir(bundle);
    for (const [path, text] of Object.entries(one.files)) await writeFile(join(bundle, path), text);
    const unread = requestTemplate(one.path, one.unread);
    const read = requestTemplate(one.path, one.read);
    const sidecar = async (log: string, ...more: string[]) => {
      const port = await freePort();
      const flags = ["sidecar", "-b", bundle, "-a", `127.0.0.1:${port}`, "-l", "warn"];
      const kept = ["--cache-dir", join(root, ".cache", "bundles"), "--set", `decision_logs.file=${log}`];
      return { pid: await run(command, [...flags, ...kept, ...more]), port };
    };
    const on = await sidecar(logs[0] ?? "");
    const off = await sidecar(logs[1] ?? "", "--set", "cache.enabled=false");
    const { body } = await ask({ port: on.port }, unread.bytes);
    if (!body.includes('"allow":true')) throw new Error(`not allowed: ${body}`);
    const barePort = await freePort();
    const plain = fileURLToPath(new URL("../plain.js", import.meta.url));
    const systems: System[] = [
      {
        name: "bare node:http, same bytes",
        pid: await run(process.execPath, [plain, String(barePort), body]),
        port: barePort,
        template: unread,
      },
      { name: "Countersign, hit", ...on, template: unread },
      { name: "Countersign, evaluated and kept", ...on, template: read },
      { name: "Countersign, cache off", ...off, template: unread },
    ];
    if (opa.kind === "built") {
      for (const log of [undefined, logs[2]]) {
        const port = await freePort();
        const flags = `run -s -a 127.0.0.1:${port} -l error -b ${bundle} --disable-telemetry`;
        const logged = log === undefined ? "" : `--set decision_logs.console=true >${log} 2>&1`;
        // it says nothing when it is ready, unless it logs every request
        const pid = await run(
          "bash",
          ["-c", `(sleep 2; echo ready) & exec ${opa.server} ${flags} ${logged}`],
          /ready/,
        );
        const answer = await ask({ port }, unread.bytes);
        if (!answer.body.includes('"allow":true')) throw new Error(`OPA didn't allow: ${answer.body}`);
        systems.push({ name: `OPA, log ${log === undefined ? "off" : "on"}`, pid, port, template: unread });
      }
    }
    const measured = systems.map(() => ({ perSecond: [], cpu: [], p50: [], p99: [] }) as Rounds);
    for (let round = 0; round <= rounds; round++) {
      for (const [n, { pid, port, template }] of systems.entries()) {
        const before = cpuMicros(pid);
        const load = { target: { port }, template, connections, duration: seconds * 1_000 };
        const { perSecond, requests, p50, p99 } = await applyLoad(load);
        // the first round is for the compilers
        if (round > 0) {
          measured[n]?.perSecond.push(perSecond);
          measured[n]?.cpu.push((cpuMicros(pid) - before) / requests);
          measured[n]?.p50.push(p50);
          measured[n]?.p99.push(p99);
        }
        for (const log of logs) await truncate(log).catch(() => undefined);
      }
      process.stderr.write(`${name}: round ${round} of ${rounds}\n`);
    }
    return systems.map(({ name: system, pid }, n): Row => {
      const { perSecond = [], cpu = [], p50 = [], p99 = [] } = measured[n] ?? {};
      return {
        ...{ case: name, system, perSecond: median(perSecond) },
        ...{ slowest: Math.min(...perSecond), fastest: Math.max(...perSecond) },
        ...{ cpuMicros: median(cpu), p50Ms: median(p50), p99Ms: median(p99), residentMb: residentMb(pid) },
      };
    });
  } finally {
    await Promise.all(started.map((one) => one.stop()));
    await rm(directory, { recursive: true, force: true });
  }
}

interface Rounds {
  readonly perSecond: number[];
  readonly cpu: number[];
  readonly p50: number[];
  readonly p99: number[];
}

/** CPU that a process has used, all its threads, microseconds. */
function cpuMicros(pid: number): number {
  const [, rest = ""] = /\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  const fields = rest.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function tableOf(all: readonly Row[]): string {
  const head =
    "| | requests/s | slowest–fastest | × OPA, log off | of bare | CPU µs | p50 ms | p99 ms | of OPA's p99 | resident MB |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |";
  return dataCases
    .map((name) => {
      const some = all.filter((row) => row.case === name);
      const beside = some.find(({ system }) => system === "OPA, log off");
      const bare = some.find(({ system }) => system.startsWith("bare"));
      const lines = some.map((row) => {
        const times = beside === undefined ? "–" : (row.perSecond / beside.perSecond).toFixed(1);
        const late = beside === undefined ? "–" : (row.p99Ms / beside.p99Ms).toFixed(2);
        const share = bare === undefined ? "–" : (row.perSecond / bare.perSecond).toFixed(2);
        const spread = `${row.slowest.toFixed(0)}–${row.fastest.toFixed(0)}`;
        return `| ${row.system} | ${row.perSecond.toFixed(0)} | ${spread} | ${times} | ${share} | ${row.cpuMicros.toFixed(1)} | ${row.p50Ms.toFixed(2)} | ${row.p99Ms.toFixed(2)} | ${late} | ${row.residentMb.toFixed(0)} |`;
      });
      return `\n${name}\n\n${head}\n${lines.join("\n")}\n`;
    })
    .join("");
}
