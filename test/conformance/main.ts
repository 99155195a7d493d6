/**
 * Runs OPA's own test cases through toolchain and engine (`make conformance`).
 *
 * `--update` raises the floor to what holds now; `--only TEXT` runs the cases whose `version/category/note` holds it
 * and lists the findings; `--every N` runs each Nth chunk of cases, for a quick look; `--toolchain` is
 * another reactor than the built one. None of these three writes. `--most` (`make test`) runs all cases of v1 and a
 * quarter of v0's, most of which are the same in the other syntax, and compares with the floor.
 */
import { fork } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { root } from "../world.js";
import { forgetOthers } from "./build.js";
import type { Case } from "./case.js";
import { casesFile, loadCases } from "./case.js";
import type { Finding } from "./judge.js";
import type { Verdict } from "./report.js";
import { document, tally, terminalTable } from "./report.js";
import type { Judged, Work } from "./worker.js";

const { values: flags } = parseArgs({
  options: {
    update: { type: "boolean", default: false },
    only: { type: "string" },
    every: { type: "string", default: "1" },
    toolchain: { type: "string", default: "" },
    most: { type: "boolean", default: false },
  },
});
/** Cases that are compiled and kept together. */
const chunk = 48;
const workers = 2;
const cache = join(root, ".cache", "conformance");
const floorFile = join(root, "test/conformance/floor.json");
const worker = fileURLToPath(new URL("./worker.js", import.meta.url));

type Counts = Readonly<Record<"v0" | "v1", Readonly<Record<"passed" | "worded", number>>>>;

async function main(): Promise<void> {
  const started = performance.now();
  const cases = await loadCases(cache);
  const toolchain = createToolchain(flags.toolchain === "" ? {} : { wasmPath: flags.toolchain });
  const stamp = (await toolchain.version()).slice(0, 16);
  const whole = flags.only === undefined && flags.every === "1" && flags.toolchain === "";
  const findings = new Map<number, Finding>();
  const judged = new Set<number>();
  await spread(chunksOf(cases), join(cache, stamp), cases.length, (result) => {
    for (let i = result.from; i < result.from + result.done; i++) judged.add(i);
    for (const [index, finding] of result.findings) findings.set(index, finding);
  });
  const verdicts = [...judged]
    .sort((a, b) => a - b)
    .map((index): Verdict => ({ one: caseAt(cases, index), finding: findings.get(index) }));
  process.stdout.write(
    `${terminalTable(verdicts)}\n  ${((performance.now() - started) / 1000).toFixed(1)} s\n`,
  );
  if (flags.most)
    return compareWithFloor(
      tally(verdicts),
      countsOf(cases),
      countsOf([...judged].map((index) => caseAt(cases, index))),
    );
  if (!whole) {
    const wanted = verdicts.filter(({ one }) => nameOf(one).includes(flags.only ?? ""));
    for (const { one, finding } of wanted) {
      if (finding !== undefined) console.log(`${nameOf(one)}\n    ${finding.cause}: ${finding.reason}`);
    }
    return;
  }
  await forgetOthers(cache, [stamp, await casesFile()]);
  await writeFile(join(root, "docs/conformance.md"), document(verdicts, await opaVersion()));
  await compareWithFloor(tally(verdicts));
}

/** Gives the chunks to the workers, two for each so that one compiles while the other is judged. */
async function spread(
  chunks: readonly Work[],
  directory: string,
  total: number,
  take: (judged: Judged) => void,
): Promise<void> {
  const left = [...chunks];
  let done = 0;
  const run = (): Promise<void> =>
    new Promise((resolve, reject) => {
      let flying = 0;
      const child = fork(worker, [cache, directory, flags.toolchain], {
        execArgv: ["--no-warnings"],
      });
      const next = (): void => {
        const work = left.shift();
        if (work !== undefined) {
          flying++;
          child.send(work);
        } else if (flying === 0 && child.connected) child.disconnect();
      };
      child.on("message", (message: Judged | "ready") => {
        if (message === "ready") {
          next();
          next();
          return;
        }
        flying--;
        take(message);
        done += message.done;
        if (process.stderr.isTTY) process.stderr.write(`\r  ${done} of ${total} cases`);
        next();
      });
      child.on("error", reject);
      child.on("exit", (code) => {
        if (flying === 0) resolve();
        else reject(new Error(`a worker ended with ${code} in the middle of its work`));
      });
    });
  await Promise.all(Array.from({ length: workers }, run));
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}

function chunksOf(cases: readonly Case[]): Work[] {
  const every = Math.max(1, Number(flags.every));
  const out: Work[] = [];
  for (let from = 0; from < cases.length; from += chunk) {
    const to = Math.min(from + chunk, cases.length);
    const named = cases.slice(from, to).some((one) => nameOf(one).includes(flags.only ?? ""));
    const isLeftOut =
      flags.most &&
      (from / chunk) % 4 !== 0 &&
      cases.slice(from, to).every(({ version }) => version === "v0");
    if (named && !isLeftOut && (from / chunk) % every === 0) out.push({ from, to });
  }
  return out;
}

const countsOf = (cases: readonly Case[]): Record<"v0" | "v1", number> => ({
  v0: cases.filter(({ version }) => version === "v0").length,
  v1: cases.filter(({ version }) => version === "v1").length,
});

/** Of cases that weren't run, as many are taken to pass as did before. */
async function compareWithFloor(counts: Counts, all = { v0: 0, v1: 0 }, run = all): Promise<void> {
  const none: Counts = { v0: { passed: 0, worded: 0 }, v1: { passed: 0, worded: 0 } };
  const floor = await readFile(floorFile, "utf8").then(
    (text) => JSON.parse(text) as Counts,
    () => none,
  );
  for (const version of ["v0", "v1"] as const) {
    for (const what of ["passed", "worded"] as const) {
      const [now, before] = [counts[version][what] + all[version] - run[version], floor[version][what]];
      if (now >= before) continue;
      console.error(`  ${version}: ${now} cases ${what}, ${before} did before (${floorFile})`);
      process.exitCode = 1;
    }
  }
  if (!flags.update || process.exitCode === 1) return;
  const { v0, v1 } = counts;
  const kept: Counts = {
    v0: { passed: v0.passed, worded: v0.worded },
    v1: { passed: v1.passed, worded: v1.worded },
  };
  await writeFile(floorFile, `${JSON.stringify(kept, undefined, 2)}\n`);
}

async function opaVersion(): Promise<string> {
  const mod = await readFile(join(root, "sidecar/rego/toolchain/go.mod"), "utf8");
  return /open-policy-agent\/opa v(\S+)/.exec(mod)?.[1] ?? "?";
}

function nameOf(one: Case): string {
  return `${one.version}/${one.category}/${one.note}`;
}

function caseAt(cases: readonly Case[], index: number): Case {
  const one = cases[index];
  if (one === undefined) throw new Error(`no case ${index}`);
  return one;
}

await main();
