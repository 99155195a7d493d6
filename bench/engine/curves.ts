/** How cost grows with rules and with data: Countersign's engine, opa-wasm and OPA's evaluator. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { loadCore, pinned } from "../process.js";
import type { OpaPrograms } from "./build.js";
import { compileCase } from "./build.js";
import { startEvaluator } from "./opa.js";
import type { Point, PointRequest } from "./point.js";
import type { PolicyCase } from "./policies.js";
import { dataCase, rulesCase, userKey } from "./policies.js";
import type { Rounds } from "./rounds.js";
import { interleave } from "./rounds.js";

export interface CurveParts {
  readonly toolchain: Toolchain;
  readonly opa: OpaPrograms | undefined;
  readonly rounds: Rounds;
}

export type CurvePoint = Partial<Omit<Point, "answers">> & {
  readonly curve: "rules" | "data";
  /** Rules, or MB. */
  readonly at: number;
  readonly engine: string;
  readonly us: number;
  readonly wasmKb?: number;
  readonly buildMs?: number;
};

export const ruleCounts = [10, 100, 1_000, 10_000] as const;
export const dataSizes = [1, 5, 25, 50] as const;
const patches = 200;
const run = promisify(execFile);

/** Measures cost over the number of rules, with the index and without. */
export async function measureRules(count: number, parts: CurveParts): Promise<CurvePoint[]> {
  const one = rulesCase(count);
  const indexed = await compileCase(parts.toolchain, one, { index: true, marks: true });
  const plain = await compileCase(parts.toolchain, one, { index: false, marks: false });
  return measureAll("rules", count, one, 0, parts, [
    ...(indexed.indexedRules === 0
      ? []
      : [{ engine: "Countersign", runs: "countersign", compiled: indexed } as const]),
    { engine: "Countersign, no index", runs: "countersign", compiled: plain },
    { engine: "opa-wasm", runs: "opa-wasm", compiled: plain },
  ]);
}

/** Measures cost over the size of the data. */
export async function measureData(megabytes: number, parts: CurveParts): Promise<CurvePoint[]> {
  const one = dataCase(megabytes);
  const compiled = await compileCase(parts.toolchain, one, { index: true, marks: false });
  return measureAll("data", megabytes, one, patches, parts, [
    { engine: "Countersign", runs: "countersign", compiled },
    { engine: "opa-wasm", runs: "opa-wasm", compiled },
  ]);
}

interface Line {
  readonly engine: string;
  readonly runs: PointRequest["engine"];
  readonly compiled: { readonly wasm: Uint8Array; readonly buildMs: number };
}

async function measureAll(
  curve: CurvePoint["curve"],
  at: number,
  one: PolicyCase,
  patched: number,
  { opa, rounds }: CurveParts,
  lines: readonly Line[],
): Promise<CurvePoint[]> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-bench-"));
  try {
    const wasmFile = join(directory, "policy.wasm");
    const dataFile = join(directory, "data.json");
    await writeFile(dataFile, one.data);
    const points: CurvePoint[] = [];
    let expected: string | undefined;
    const check = (engine: string, answers: Point["answers"]): void => {
      const text = JSON.stringify(answers);
      if ((expected ??= text) !== text) throw new Error(`${curve} ${at}: ${engine} answers otherwise`);
    };
    for (const { engine, runs, compiled } of lines) {
      await writeFile(wasmFile, compiled.wasm);
      const { entrypoint, inputs } = one;
      const { answers, ...point } = await measurePoint({
        ...{ engine: runs, wasmFile, dataFile, entrypoint, inputs, patches: patched, rounds },
      });
      check(engine, answers);
      const built = { wasmKb: compiled.wasm.byteLength / 1_000, buildMs: compiled.buildMs };
      points.push({ curve, at, engine, ...point, ...built });
    }
    if (opa !== undefined) {
      const evaluator = await startEvaluator(opa.evaluator, one, dataFile);
      try {
        const { loadMs, prepareMs, baseMb, answers } = evaluator;
        check(evaluator.name, answers);
        const peakMb = evaluator.peakMb();
        const us = (await interleave([evaluator], rounds)).get(evaluator.name)?.median ?? NaN;
        const paths = Array.from({ length: patched }, (_, i) => `users.${userKey(i)}.role`);
        const patchUs = patched === 0 ? undefined : (await evaluator.patch(paths, "changed")) / patched;
        points.push({
          curve,
          at,
          engine: evaluator.name,
          loadMs,
          buildMs: prepareMs,
          baseMb,
          peakMb,
          us,
          ...(patchUs === undefined ? {} : { patchUs }),
        });
      } finally {
        evaluator.close();
      }
    }
    return points;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measurePoint(request: PointRequest): Promise<Point> {
  const program = fileURLToPath(new URL("point.js", import.meta.url));
  const command = [process.execPath, program, JSON.stringify(request)];
  const [file = "", ...args] = pinned ? ["taskset", "-c", String(loadCore), ...command] : command;
  const { stdout } = await run(file, args, { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout) as Point;
}
