/** OPA as a contestant: its evaluator in process, and its server. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Target } from "../load.js";
import { applyLoad, requestTemplate } from "../load.js";
import { loadCore, pinned, serverCore, start } from "../process.js";
import { sortedText } from "./engines.js";
import type { PolicyCase } from "./policies.js";
import type { Contestant } from "./rounds.js";

export interface OpaEvaluator extends Contestant {
  /** Of each input, as JSON text with sorted keys. */
  readonly answers: readonly (string | undefined)[];
  readonly loadMs: number;
  readonly prepareMs: number;
  /** MB before the data were loaded. */
  readonly baseMb: number;
  /** Largest resident size so far, MB. */
  peakMb(): number;
  /** Replaces values at paths (`a.b.c`); gives microseconds for all. */
  patch(paths: readonly string[], value: unknown): Promise<number>;
  close(): void;
}

interface Hello {
  readonly answers: readonly ([unknown] | null)[];
  readonly loadMs: number;
  readonly prepareMs: number;
  readonly baseMb: number;
  readonly peakMb: number;
}

/** Starts OPA's evaluator on a core, data already written to a file. @throws Error with what it said */
export async function startEvaluator(
  program: string,
  { files, entrypoint, inputs }: PolicyCase,
  dataFile: string,
): Promise<OpaEvaluator> {
  const child: ChildProcess = pinned
    ? spawn("taskset", ["-c", String(loadCore), program], { stdio: ["pipe", "pipe", "pipe"] })
    : spawn(program, { stdio: ["pipe", "pipe", "pipe"] });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("no pipes");
  let said = "";
  stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const ask = async (request: unknown): Promise<unknown> => {
    stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = (await lines.next()) as { value: string; done?: boolean };
    if (done === true) throw new Error(`OPA's evaluator ended: ${said}`);
    return JSON.parse(value);
  };
  const query = `data.${entrypoint.replaceAll("/", ".")}`;
  const hello = (await ask({ files, data: dataFile, query, inputs })) as Hello;
  let peak = hello.peakMb;
  const timed = async (request: unknown): Promise<number> => {
    const { us, peakMb } = (await ask(request)) as { us: number; peakMb: number };
    peak = peakMb;
    return us;
  };
  return {
    name: "OPA in process",
    ...hello,
    answers: hello.answers.map((answer) => (answer === null ? undefined : sortedText(answer[0]))),
    peakMb: () => peak,
    run: (times) => timed({ op: "run", times }),
    patch: (paths, value) => timed({ op: "patch", paths, value }),
    close: () => stdin.end(),
  };
}

/** Writes a case as a directory that OPA and Countersign load. */
export async function writeCase({ files, data }: PolicyCase, directory: string): Promise<string> {
  for (const [path, text] of Object.entries({ ...files, "data.json": data })) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return join(directory, "data.json");
}

export interface Served extends Contestant {
  close(): Promise<void>;
}

/** Starts a server on its core and asks its data door over a Unix socket: the load's core is another one. */
export async function serve(
  name: string,
  command: readonly [file: string, ...args: string[]],
  ready: RegExp,
  target: Target,
  { entrypoint, inputs }: Pick<PolicyCase, "entrypoint" | "inputs">,
): Promise<Served> {
  const [file, ...args] = command;
  const started = await start(serverCore, file, args, ready);
  // the load client sends one body at a time: these stand for all
  const bodies = inputs.filter((_, i) => i % 16 === 3);
  const templates = bodies.map((input) => requestTemplate(`/v1/data/${entrypoint}`, `{"input":${input}}`));
  let perRequest = 100;
  // Node compiles a server's own code while it is asked: some thousand requests that don't count
  for (let asked = 0; asked < warmRequests;) {
    for (const template of templates) {
      asked += (await applyLoad({ target, template, connections, duration: 100 })).requests;
    }
  }
  return {
    name,
    async run(times) {
      // load is applied for a time: as long as so many requests took before
      const duration = Math.min(2_000, Math.max(20, (times * perRequest) / 1_000)) / templates.length;
      let requests = 0;
      const before = cpuOf(started.pid);
      for (const template of templates) {
        requests += (await applyLoad({ target, template, connections, duration })).requests;
      }
      perRequest = (cpuOf(started.pid) - before) / requests;
      return perRequest * times;
    },
    close: () => started.stop(),
  };
}

const connections = 16;
const warmRequests = 8_000;

/** CPU time of a process so far, all threads, microseconds. Source: /proc, schedstat. */
function cpuOf(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = tasks.map((task) => {
    const [running = "0"] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ");
    return Number(running);
  });
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1_000;
}
