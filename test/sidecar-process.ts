/** A sidecar in a process of its own, to be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./world.js";

export interface SidecarProcess {
  readonly url: string;
  /** `kill -9`; done once it is gone. */
  kill(): Promise<void>;
}

const children = new Set<ChildProcess>();

/** Starts one by a configuration file. @throws Error with what it said, where it ends instead */
export async function startProcess(config: string, cacheDir: string): Promise<SidecarProcess> {
  const flags = ["sidecar", "-c", config, "-a", "localhost:0", "--cache-dir", cacheDir];
  const child = spawn(process.execPath, [join(root, "bin", "countersign.js"), ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.add(child);
  const url = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.on("exit", () => reject(new Error(`it ended: ${said}`)));
    createInterface(child.stderr).on("line", (line) => {
      said += `${line}\n`;
      const listens = /listens on (http:\S+)/.exec(line)?.[1];
      if (listens !== undefined) resolve(listens);
    });
  });
  return {
    url,
    async kill() {
      children.delete(child);
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Ends those that a test left behind. */
export function killProcesses(): void {
  for (const child of children) child.kill("SIGKILL");
}
