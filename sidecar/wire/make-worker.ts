/** The thread that {@link createMakeAside} starts for one bundle. */
import { parentPort, workerData } from "node:worker_threads";
import type { Compiler, Task } from "./make-aside.js";
import { giveWay } from "./give-way.js";
import { createMakeHere } from "./make-here.js";

giveWay();
const { job, cacheDir } = workerData as Task;
const waiting = new Map<number, (outcome: unknown) => void>();
let calls = 0;

function ask<T>(op: keyof Compiler, request?: unknown): Promise<T> {
  return new Promise((resolve) => {
    const id = ++calls;
    waiting.set(id, resolve as (outcome: unknown) => void);
    parentPort?.postMessage({ kind: "call", id, op, request });
  });
}

parentPort?.on("message", ({ id, outcome }: { id: number; outcome: unknown }) => {
  waiting.get(id)?.(outcome);
  waiting.delete(id);
});

const compiler: Compiler = {
  build: (request) => ask("build", request),
  data: (request) => ask("data", request),
  version: () => ask("version"),
  test: (request) => ask("test", request),
};
const made = await createMakeHere({ toolchain: compiler, cacheDir })(job);
parentPort?.postMessage(made);
parentPort?.close();
