/** Several processes share the addresses, and are one sidecar to who asks. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { startRedis, until } from "../redis.js";
import { root } from "../world.js";

const command = join(root, "bin", "countersign.js");
const folder = mkdtempSync(join(tmpdir(), "countersign-workers-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
writeFileSync(join(folder, "p.rego"), "package p\n\nallow if input.x == 1\n");
const flags = [
  "sidecar",
  "--workers",
  "2",
  "-b",
  join(folder, "p.rego"),
  "--cache-dir",
  join(folder, "cache"),
];

test.each([
  ["nothing is shared", ["--workers", "2"], /section state/],
  [
    "what is written stays with one",
    [
      ...["--set", "state.redis_url=redis://127.0.0.1:1"],
      ...["--set", "state.secret=0123456789abcdef0123456789abcdef"],
      ...["--set", "api.writes=true"],
    ],
    /api\.writes/,
  ],
  ["no number", ["--workers", "two"], /number/],
])("refuses workers where %s", (_name, more, said) => {
  const { status, stderr } = spawnSync(process.execPath, [command, ...flags, ...more], { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toMatch(said);
});

test("both answer at one address, one that dies is replaced, and all end together", async () => {
  const redis = await startRedis();
  const socket = join(folder, "run", "pdp.sock");
  const sets = [
    `state.redis_url=${redis.url}`,
    "state.secret=0123456789abcdef0123456789abcdef",
    "decision_logs.console=true",
    `persistence_directory=${join(folder, "kept")}`,
  ];
  const child = spawn(
    process.execPath,
    [
      command,
      ...flags,
      "-a",
      "localhost:0",
      "-a",
      `unix://${socket}`,
      ...sets.flatMap((one) => ["--set", one]),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let [said, log] = ["", ""];
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  child.stdout.on("data", (text: Buffer) => (log += text.toString()));
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  try {
    await until(() => Promise.resolve(/listens on unix/.test(said)), 60);
    const url = /listens on (http:\S+)/.exec(said)?.[1] ?? "";
    // a connection each: the primary hands them round
    const ask = (to: object, x: number): Promise<string> =>
      new Promise((resolve, reject) => {
        const asked = request({ ...to, agent: false, method: "POST", path: "/v1/data/p/allow" }, (answer) => {
          let text = "";
          answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
          answer.on("end", () => {
            resolve(text);
          });
        });
        asked.on("error", reject);
        asked.end(JSON.stringify({ input: { x } }));
      });
    const { hostname, port } = new URL(url);
    const places = [{ hostname, port }, { socketPath: socket }];
    for (let i = 0; i < 20; i++) expect(await ask(places[i % 2] ?? {}, 1)).toContain('"result":true');
    const workers = (): Set<string> =>
      new Set([...log.matchAll(/"labels":\{"id":"([^"]+)"/g)].map(([, id = ""]) => id));
    await until(() => Promise.resolve(workers().size === 2), 10);
    // no two write one version mark
    expect(readdirSync(join(folder, "kept")).sort()).toEqual(["worker-1", "worker-2"]);

    const metrics = await (await fetch(`${url}/metrics`)).text();
    const counts = [...metrics.matchAll(/^countersign_decisions_total\{.*\} (\d+)$/gm)];
    expect(counts.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(20);
    expect(metrics).toMatch(/^countersign_bundle_info\{.*\} 1$/m);

    const pids = (): number[] => {
      const { stdout } = spawnSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" });
      return stdout.trim().split("\n").map(Number);
    };
    const [first = 0] = pids();
    process.kill(first, "SIGKILL");
    await until(() => Promise.resolve(said.includes("another is started")), 30);
    for (let i = 0; i < 6; i++) expect(await ask(places[i % 2] ?? {}, 1)).toContain('"result":true');
    await until(() => Promise.resolve(pids().length === 2 && !pids().includes(first)), 60);
  } finally {
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    await redis.close();
  }
}, 60_000);
