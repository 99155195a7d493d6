/** The product's processes as they are measured: three sidecars, a gateway, a provider, Redis, a baseline. */
import { randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDemoIssuer } from "../demo/issuer.js";
import { demoGatewayConfig, demoSidecarConfig } from "../demo/world.js";
import { freePort } from "../test/free-port.js";
import type { Target } from "./load.js";
import type { Started } from "./process.js";
import { loadCore, serverCore, start } from "./process.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const command = join(root, "bin", "countersign.js");

export interface Server extends Target {
  readonly pid: number;
}

export interface BenchWorld {
  readonly token: string;
  readonly sidecars: {
    readonly off: Server;
    readonly on: Server;
    /** Absent where there is no redis-server. */
    readonly redis?: Server;
    /** Started without a cache of compiled bundles, so that it ran the toolchain; gets no request. */
    readonly idle: Server;
  };
  readonly gateway: Server;
  readonly upstream: Server & { readonly apiKey: string };
  readonly startPlain: (answer: string) => Promise<Server>;
  /** Empties the decision logs: they grow by some 10 MB a second. */
  emptyLogs(): Promise<void>;
  close(): Promise<void>;
}

/** Starts everything on free ports and sockets in a folder of its own. */
export async function startBenchWorld(): Promise<BenchWorld> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-bench-"));
  const started: Started[] = [];
  const logs: string[] = [];
  const run = async (core: number, file: string, args: string[], ready?: RegExp): Promise<Started> => {
    const one = await start(core, file, args, ready);
    started.push(one);
    return one;
  };
  const close = async (): Promise<void> => {
    await Promise.all(started.map((one) => one.stop()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const issuer = await createDemoIssuer({ now: Date.now });
    const sidecar = async (name: string, sets: string[], cached = true): Promise<Server> => {
      const socket = join(directory, `${name}.sock`);
      const log = join(directory, `${name}.jsonl`);
      const config = join(directory, `${name}.json`);
      await writeFile(config, JSON.stringify(demoSidecarConfig(issuer, log)));
      logs.push(log);
      const { pid } = await run(serverCore, command, [
        "sidecar",
        ...["-b", join(root, "policies"), "-c", config, "-a", `unix://${socket}`, "-l", "warn"],
        ...(cached ? ["--cache-dir", join(root, ".cache", "bundles")] : []),
        ...sets.flatMap((set) => ["--set", set]),
      ]);
      return { pid, socket };
    };
    const idle = await sidecar("idle", [], false);
    const off = await sidecar("off", ["cache.enabled=false"]);
    const on = await sidecar("on", []);
    const redisPort = spawnSync("redis-server", ["--version"]).status === 0 ? await freePort() : undefined;
    let redis: Server | undefined;
    if (redisPort !== undefined) {
      const flags = ["--port", String(redisPort), "--bind", "127.0.0.1", "--save", "", "--dir", directory];
      await run(loadCore, "redis-server", flags, /ready to accept/i);
      redis = await sidecar("redis", [
        "cache.l2=always",
        "cache.max_entries=1",
        "cache.wait_ms=1000",
        `cache.redis_url=redis://127.0.0.1:${redisPort}`,
        `cache.secret=${randomBytes(24).toString("base64url")}`,
      ]);
    }
    const apiKey = randomBytes(24).toString("base64url");
    const upstream = await run(loadCore, process.execPath, [
      fileURLToPath(new URL("upstream.js", import.meta.url)),
      apiKey,
    ]);
    const modelUrl = /http:\/\/\S+/.exec(upstream.said)?.[0] ?? "";
    const port = await freePort();
    const gatewayConfig = join(directory, "gateway.json");
    await writeFile(
      gatewayConfig,
      JSON.stringify(
        demoGatewayConfig(
          { modelUrl, modelKey: apiKey, mcpUrl: modelUrl, storeUrl: modelUrl },
          { listen: `127.0.0.1:${port}`, socket: on.socket ?? "" },
        ),
      ),
    );
    const gateway = await run(serverCore, command, ["gateway", "-c", gatewayConfig, "-l", "error"]);
    return {
      token: await issuer.token("senior"),
      sidecars: { off, on, idle, ...(redis === undefined ? {} : { redis }) },
      gateway: { pid: gateway.pid, port },
      upstream: { pid: upstream.pid, port: Number(new URL(modelUrl).port), apiKey },
      async startPlain(answer) {
        const socket = join(directory, "plain.sock");
        const program = fileURLToPath(new URL("plain.js", import.meta.url));
        const { pid } = await run(serverCore, process.execPath, [program, socket, answer]);
        return { pid, socket };
      },
      async emptyLogs() {
        for (const log of logs) await truncate(log);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
