/** Starts the processes that are measured, each on its core, and reads what they occupy. */
import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

export interface Started {
  readonly pid: number;
  /** What it wrote to stderr until it listened. */
  readonly said: string;
  stop(): Promise<void>;
}

/** True where processes can be pinned, so that server and load don't share a core. */
export const pinned = cpus().length > 1 && spawnSync("taskset", ["--version"]).status === 0;
export const serverCore = 0;
export const loadCore = 1;

/** Moves this process, all its threads, to the load's core. */
export function pinSelf(): void {
  if (pinned) spawnSync("taskset", ["-a", "-cp", String(loadCore), String(process.pid)]);
}

/** Starts a command on a core; resolves once `ready` was said on stderr. @throws Error with what it said instead */
export async function start(
  core: number,
  command: string,
  args: readonly string[],
  ready = /listens on/,
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const [file = "", ...rest] = pinned
    ? ["taskset", "-c", String(core), command, ...args]
    : [command, ...args];
  // taskset becomes the command: the pid is the command's
  const child = spawn(file, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let said = "";
  let isReady = false;
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      // what it says later is read, so that it may go on, and not kept
      if (isReady) return;
      said += chunk.toString();
      isReady = ready.test(said);
      if (isReady) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", reject);
    child.once("exit", () => {
      reject(new Error(`${command} ${args.join(" ")} ended: ${said}`));
    });
  });
  return { pid: child.pid ?? 0, said, stop: () => stop(child) };
}

/** Resident memory in MB. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** True while the process has children, such as the Rego toolchain. */
export function hasChildren(pid: number): boolean {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) && readFileSync(path, "utf8").trim() !== "";
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once("exit", () => {
      resolve();
    });
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), 3_000).unref();
  });
}
