/** Makes large bundles in a thread of their own: reading 10 MB of JSON would keep each decision waiting. */
import { Worker } from "node:worker_threads";
import type { Base, Job, Make } from "../bundles/make.js";
import type { Toolchain } from "../rego/toolchain.js";

export type Compiler = Pick<Toolchain, "build" | "data" | "version" | "test">;

/** What the thread asks of the compiler, which is a process of its own. */
export interface Call {
  readonly kind: "call";
  readonly id: number;
  readonly op: keyof Compiler;
  readonly request: unknown;
}

export interface Task {
  readonly job: Job;
  readonly cacheDir?: string;
}

/** Archives from this size on, bytes: below, a thread costs more than it spares. */
const leastBytes = 131_072;
const program = new URL("./make-worker.js", import.meta.url);

export interface MakeAside {
  readonly make: Make;
  close(): Promise<void>;
}

/** @param here makes what is small, what lies at a path, and changes */
export function createMakeAside(here: Make, toolchain: Compiler, cacheDir: string | undefined): MakeAside {
  const running = new Set<Worker>();

  const aside = (job: Job): ReturnType<Make> =>
    new Promise((resolve) => {
      const task: Task = { job, ...(cacheDir === undefined ? {} : { cacheDir }) };
      const worker = new Worker(program, { workerData: task, env: {} });
      running.add(worker);
      worker.on("message", (message: Call | Awaited<ReturnType<Make>>) => {
        if (message.kind !== "call") {
          resolve(message);
          return;
        }
        const { id, op, request } = message;
        const call = toolchain[op] as (request: unknown) => Promise<unknown>;
        void call(request).then((outcome) => {
          worker.postMessage({ id, outcome });
        });
      });
      const gone = (): void => {
        running.delete(worker);
        const message = "it could not be read: it may need too much memory";
        resolve({ kind: "rejected", errors: [{ code: "activation_failed", message }] });
      };
      worker.on("error", gone);
      worker.on("exit", gone);
    });

  return {
    async make(job) {
      if (!("bytes" in job.content)) return here(job);
      const { bytes, deltas = [] } = job.content;
      const size = [bytes, ...deltas].reduce((sum, one) => sum + one.byteLength, 0);
      if (size < leastBytes) return here(job);
      const { inForce, ...rest } = job;
      const made = await aside(inForce === undefined ? rest : { ...rest, inForce: namesOf(inForce) });
      // it is changes, after all: what they are made to is here
      const isDelta = made.kind === "rejected" && made.errors[0]?.code === "delta_base";
      return isDelta && inForce?.built !== undefined ? here(job) : made;
    },
    async close() {
      await Promise.all([...running].map((worker) => worker.terminate()));
    },
  };
}

function namesOf({ built: _built, ...names }: Base): Base {
  const { contentDigest, archiveDigest, expires } = names;
  return {
    contentDigest,
    ...(archiveDigest === undefined ? {} : { archiveDigest }),
    ...(expires === undefined ? {} : { expires }),
  };
}
