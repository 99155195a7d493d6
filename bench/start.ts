/** Measures a start from a compiled bundle, its first decision included (a part of `make bench`). */
import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dataCase } from "./data/case.js";
import { freePort } from "../test/free-port.js";
import { residentMb } from "./process.js";
import { median } from "./report.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const command = join(root, "bin", "countersign.js");
const times = 15;

const directory = await mkdtemp(join(tmpdir(), "countersign-start-"));
try {
  const { files, path, unread } = dataCase();
  const source = join(directory, "source");
  const bundle = join(directory, "bundle.tar.gz");
  await mkdir(source);
  for (const [file, text] of Object.entries(files)) await writeFile(join(source, file), text);
  const built = spawnSync(process.execPath, [command, "build", source, "-o", bundle], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(built.stderr);
  const bare = await repeat(() => Promise.resolve(spawnSync(process.execPath, ["-e", "0"]).status ?? 0));
  const memory: number[] = [];
  const first = await repeat(async () => {
    const port = await freePort();
    const args = ["sidecar", "-b", bundle, "-a", `127.0.0.1:${port}`, "-l", "error"];
    const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", (said: Buffer) => {
        if (said.includes("listens on")) resolve();
      });
      child.once("exit", () => {
        reject(new Error("the sidecar ended"));
      });
    });
    const answer = await post(port, path, unread);
    if (!answer.includes('"allow":true')) throw new Error(`not allowed: ${answer}`);
    memory.push(residentMb(child.pid ?? 0));
    return () => child.kill("SIGKILL");
  });
  process.stdout.write(
    `node -e 0: ${text(bare)}\nsidecar, 60 rules, 540 KB of data, compiled, to its first decision: ${text(first)}; ${median(memory).toFixed(0)} MB resident then\n`,
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function repeat(once: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let n = 0; n < times; n++) {
    const from = performance.now();
    const end = await once();
    all.push(performance.now() - from);
    if (typeof end === "function") (end as () => void)();
  }
  return all;
}

function post(port: number, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: "127.0.0.1", path, method: "POST" }, (answer) => {
      let got = "";
      answer.on("data", (chunk: Buffer) => (got += chunk.toString()));
      answer.on("end", () => {
        resolve(got);
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function text(values: readonly number[]): string {
  return `${median(values).toFixed(0)} ms (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}, ${times} times)`;
}
