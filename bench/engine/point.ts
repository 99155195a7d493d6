/** Measures one point of a curve in a process of its own, so that its memory is this point's alone. */
import { readFileSync } from "node:fs";
import type { Policy } from "../../sidecar/decide/policy.js";
import { countersign, loadCountersign, loadStock, pagesFor, stock } from "./engines.js";
import type { Evaluator } from "./engines.js";
import { userKey } from "./policies.js";
import type { Rounds } from "./rounds.js";
import { cpuMicros, interleave } from "./rounds.js";

/** What is measured; files, so that little but the engine occupies memory. */
export interface PointRequest {
  readonly engine: "countersign" | "opa-wasm";
  readonly wasmFile: string;
  readonly dataFile: string;
  readonly entrypoint: string;
  readonly inputs: readonly string[];
  /** Keys below `users` that are patched; 0 for data without them. */
  readonly patches: number;
  readonly rounds: Rounds;
}

/** Times are CPU. */
export interface Point {
  readonly loadMs: number;
  /** The first evaluation: V8 compiles what it needs then. */
  readonly firstMs: number;
  readonly us: number;
  /** Of one key, microseconds. */
  readonly patchUs: number | undefined;
  /** From a fault to the next evaluation, milliseconds. */
  readonly replaceMs: number | undefined;
  /** Resident before loading, with the data's text in memory, and at most, MB. */
  readonly baseMb: number;
  readonly peakMb: number;
  /** MB. */
  readonly linearMb: number;
  readonly answers: readonly (string | undefined)[];
}

const request = JSON.parse(process.argv[2] ?? "") as PointRequest;
process.stdout.write(JSON.stringify(await measure(request)));

async function measure(asked: PointRequest): Promise<Point> {
  const { engine, wasmFile, dataFile, entrypoint, inputs, patches, rounds } = asked;
  const wasm = new Uint8Array(readFileSync(wasmFile));
  const data = readFileSync(dataFile, "utf8");
  const parts = { name: engine, wasm, data, entrypoint, inputs };
  const baseMb = process.memoryUsage.rss() / 2 ** 20;
  const start = cpuMicros();
  let evaluator: Evaluator;
  let linear: () => number;
  let policy: Policy | undefined;
  if (engine === "countersign") {
    const loaded = loadCountersign(parts);
    policy = loaded;
    linear = () => loaded.memoryBytes();
    evaluator = countersign(parts, loaded);
  } else {
    const loaded = loadStock(parts, pagesFor(data));
    linear = () => loaded.mem.buffer.byteLength;
    evaluator = stock(parts, loaded);
  }
  const loadMs = (cpuMicros() - start) / 1_000;
  const peakMb = process.resourceUsage().maxRSS / 1_024;
  const first = cpuMicros();
  evaluator.answer(inputs[0] ?? "{}");
  const firstMs = (cpuMicros() - first) / 1_000;
  const answers = inputs.map(evaluator.answer);
  const us = (await interleave([evaluator], rounds)).get(engine)?.median ?? NaN;
  return {
    loadMs,
    firstMs,
    us,
    baseMb,
    peakMb,
    linearMb: linear() / 1e6,
    answers,
    patchUs: policy === undefined || patches === 0 ? undefined : patch(policy, patches),
    replaceMs: policy === undefined ? undefined : replace(parts, entrypoint, inputs),
  };
}

function patch(policy: Policy, times: number): number {
  const one = (i: number): void => {
    policy.patch([{ path: ["users", userKey(i), "role"], value: '"changed"' }]);
  };
  for (let i = 0; i < times; i++) one(i);
  const start = cpuMicros();
  for (let i = 0; i < times; i++) one(i);
  return (cpuMicros() - start) / times;
}

/** Lets evaluations run out of fuel at once: what is left is the replacement. */
function replace(
  parts: Parameters<typeof loadCountersign>[0],
  entrypoint: string,
  inputs: readonly string[],
): number {
  const policy = loadCountersign(parts, 1);
  const one = (): void => {
    if (policy.evaluate(entrypoint, inputs[0]).kind !== "failed") throw new Error("no fault");
  };
  for (let i = 0; i < 20; i++) one();
  const start = cpuMicros();
  for (let i = 0; i < 50; i++) one();
  return (cpuMicros() - start) / 50_000;
}
