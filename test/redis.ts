/** A real Redis for a test: its own port, its own folder, and the faults that tests need. */
import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.js";

/** What serves: Valkey, where `REDIS_SERVER=valkey-server`. */
export const redisServer = process.env["REDIS_SERVER"] ?? "redis-server";

export interface TestRedis {
  readonly url: string;
  /** A client of the test's own, to look at and tamper with what is stored. */
  readonly client: Redis;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Stops the process without closing its connections: Redis accepts and never answers. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/**
 * Starts Redis.
 * @param args further arguments of `redis-server`
 * @throws Error that names the command to install it
 */
export async function startRedis(args: readonly string[] = []): Promise<TestRedis> {
  if (spawnSync(redisServer, ["--version"]).status !== 0) {
    throw new Error(`${redisServer} is missing; install it with: sudo apt-get install redis-server`);
  }
  const directory = await mkdtemp(join(tmpdir(), "countersign-redis-"));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const started = spawn(
      redisServer,
      ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory, ...args],
      { stdio: "ignore" },
    );
    child = started;
    if (client.status === "wait") client.connect().catch(() => undefined);
    const pong = async (): Promise<boolean> => {
      while (started.exitCode === null) if (await answers(client)) return true;
      return false;
    };
    if (!(await pong())) throw new Error(`redis-server ended with code ${started.exitCode} on port ${port}`);
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGKILL");
    await ended;
  };
  // a test process that ends early takes its Redis along
  const orphaned = (): void => {
    child?.kill("SIGKILL");
  };
  process.once("exit", orphaned);
  await start();
  return {
    url,
    client,
    kill,
    start,
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
    async close() {
      client.disconnect();
      await kill();
      process.off("exit", orphaned);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Asks once; a client that isn't connected keeps the question, so it is given up after a moment. */
async function answers(client: Redis): Promise<boolean> {
  const pong = client.ping().catch(() => "");
  return (await Promise.race([pong, sleep(100)])) === "PONG";
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until something holds, for at least so many seconds: long enough for a machine that is busy with other things. */
export async function until(holds: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  for (let n = 0; n < seconds * 100; n++) {
    if (await holds()) return;
    await sleep(10);
  }
  throw new Error(`it did not come to hold within ${seconds} seconds`);
}
