/** kill -9 at whatever moment: the last good bundle serves after the next start, whole, and no older than what was seen in force. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { until } from "../redis.js";
import { tarGz } from "../rego/tar.js";
import { killProcesses, startProcess } from "../sidecar-process.js";
import { startBundleServer, type BundleServer } from "./server.js";

const folder = mkdtempSync(join(tmpdir(), "countersign-crash-"));
afterAll(() => {
  killProcesses();
  rmSync(folder, { recursive: true, force: true });
});

/** Its rule and its data name the version, each by itself. */
function bundle(version: number): Buffer {
  const rego = `package app

# METADATA
# entrypoint: true
answer := {"rule": ${version}, "data": data.facts.version}
`;
  return tarGz([
    { name: ".manifest", body: JSON.stringify({ roots: ["app", "facts"], metadata: { version } }) },
    { name: "facts/data.json", body: JSON.stringify({ version, filler: "x".repeat(200_000) }) },
    { name: "app.rego", body: rego },
  ]);
}

interface Running {
  /** The version in force; undefined: none. */
  version(): Promise<number | undefined>;
  status(): Promise<Record<string, unknown>>;
  kill(): Promise<void>;
}

async function start(name: string, server: BundleServer): Promise<Running> {
  const config = join(folder, `${name}.json`);
  const polling = { min_delay_seconds: 1, max_delay_seconds: 1 };
  const text = {
    services: { acme: { url: server.url } },
    bundles: { app: { service: "acme", resource: "app", persist: true, polling, verify: { version: true } } },
    persistence_directory: join(folder, name),
    decision_logs: { console: false },
  };
  writeFileSync(config, JSON.stringify(text));
  const { url, kill } = await startProcess(config, join(folder, "cache"));
  return {
    async version() {
      const response = await fetch(`${url}/v1/data/app/answer`, { method: "POST", body: "{}" });
      const { result } = (await response.json()) as { result?: { rule: number; data: number } };
      // INVARIANT: rule and data are of one version
      if (result !== undefined) expect(result.data).toBe(result.rule);
      return result?.rule;
    },
    async status() {
      const response = await fetch(`${url}/v1/status`);
      const { result } = (await response.json()) as { result: { bundles: { app: Record<string, unknown> } } };
      return result.bundles.app;
    },
    kill,
  };
}

async function serving(run: (server: BundleServer) => Promise<void>): Promise<void> {
  const server = await startBundleServer();
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

test("killed in the middle of a download, it serves what it had, and then what is new", () =>
  serving(async (server) => {
    server.put("app", bundle(1));
    const before = await start("download", server);
    await until(async () => (await before.version()) === 1, 30);
    server.fail({ kind: "stop", after: 1_000 });
    server.put("app", bundle(2));
    const asked = server.requests.length;
    await server.asked(asked + 1);
    expect(await before.version()).toBe(1);
    await before.kill();
    // the source is away at the start
    server.fail({ kind: "status", status: 503 });
    const after = await start("download", server);
    await until(async () => (await after.version()) === 1, 30);
    await until(async () => (await after.status())["code"] === "source_status", 30);
    expect(await after.status()).toMatchObject({ origin: "persisted", version: 1, http_code: 503 });
    server.fail(undefined);
    await until(async () => (await after.version()) === 2, 30);
    expect((await after.status())["code"]).toBeUndefined();
    await after.kill();
  }));

const crashes = Number(process.env["BUNDLE_CRASHES"] ?? 0);
(crashes > 0 ? test : test.skip)(
  "killed at any moment of a change, it serves a whole version, no older than what was seen",
  () =>
    serving(async (server) => {
      const publish = async (version: number): Promise<void> => {
        server.fail(undefined);
        server.put("app", bundle(version));
        await server.asked(server.requests.length + 1);
      };
      server.put("app", bundle(1));
      let running = await start("activation", server);
      await until(async () => (await running.version()) === 1, 30);
      await running.kill();
      // as each time below: the compiler isn't running yet
      running = await start("activation", server);
      await publish(2);
      const from = Date.now();
      await until(async () => (await running.version()) === 2, 30);
      const usualMs = Date.now() - from;
      let seen = 2;
      let came = 0;
      for (let version = 3; version < crashes + 3; version++) {
        await publish(version);
        // somewhere from the download to after the activation
        const end = Date.now() + Math.random() * 1.5 * usualMs;
        while (Date.now() < end) seen = Math.max(seen, (await running.version()) ?? 0);
        await running.kill();
        server.fail({ kind: "status", status: 503 });
        running = await start("activation", server);
        await until(async () => (await running.version()) !== undefined, 30);
        await until(async () => (await running.status())["code"] === "source_status", 30);
        const now = (await running.version()) ?? 0;
        expect(now).toBeGreaterThanOrEqual(seen);
        expect(now).toBeLessThanOrEqual(version);
        if (now === version) came += 1;
        seen = now;
      }
      await running.kill();
      process.stdout.write(`${came} of ${crashes} had come into force, of ${usualMs} ms\n`);
    }),
  20 * 60_000,
);
