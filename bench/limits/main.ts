/** Measures limits (`make bench-limits`, docs/performance.md): how many calls they hold a second, and how many pass beyond them. */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openEngine } from "../../sidecar/state/engine/open.js";
import type { StateConfig } from "../../sidecar/state/config.js";
import { freePort } from "../../test/free-port.js";
import { installPeers } from "../gateway/peers.js";
import { prepareStage } from "../gateway/systems.js";
import { pinned, pinSelf, start, serverCore } from "../process.js";
import type { Burst } from "./burst.js";
import { burst } from "./burst.js";
import { holdAndSettle } from "./engine.js";
import { keys, startLimitedLitellm } from "./litellm.js";

/** `--calls`: of the engine; `--requests`: of each burst. With any of them no results are written. */
const { values: flags } = parseArgs({ options: { calls: { type: "string" }, requests: { type: "string" } } });
const calls = Number(flags.calls ?? 50_000);
const requests = Number(flags.requests ?? 2_000);
const atOnce = 256;
/** What each burst may have; the provider says that each answer took so many tokens. */
const limit = 100;
const tokensEach = 370;
const log = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };
const say = (what: string): void => void process.stderr.write(`${what}\n`);

async function engines() {
  const parts = { now: Date.now, newId: randomUUID, log };
  const config: StateConfig = {
    ...{ waitMs: 1_000, onUnavailable: "deny", maxEntries: 100_000 },
    ...{ graceMs: 3_000, leaseMs: 60_000, holdMs: 3_600_000 },
  };
  const memory = openEngine({ ...parts, config });
  const inMemory = await holdAndSettle(memory, calls, 64);
  await memory.close();
  const port = await freePort();
  const redis = await start(
    serverCore,
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--save", ""],
    /Ready to accept connections/,
  );
  try {
    const url = `redis://127.0.0.1:${port}`;
    const fleet = openEngine({
      ...parts,
      config: { ...config, redisAt: url, secret: { text: randomUUID() } },
    });
    while (fleet.state !== "connected") await new Promise((resolve) => setTimeout(resolve, 10));
    const inRedis = await holdAndSettle(fleet, Math.ceil(calls / 5), 64);
    await fleet.close();
    return { memory: inMemory, redis: inRedis };
  } finally {
    await redis.stop();
  }
}

interface Row {
  readonly system: string;
  readonly limit: "requests" | "tokens";
  readonly burst: Burst;
  /** Accepted beyond the limit. */
  readonly beyond: number;
}

const peers = await installPeers({ portkey: false, litellm: true, say });
const stage = await prepareStage();
try {
  pinSelf();
  const started = { at: new Date().toISOString(), loadAverage: loadavg()[0] };
  const engine = await engines();
  say(`engine: ${engine.memory.rate}/s in memory, ${engine.redis.rate}/s in Redis`);
  const rows: Row[] = [];
  const measure = async (system: string, unit: Row["limit"], port: number, bearer: string): Promise<void> => {
    const done = await burst(port, bearer, requests, atOnce);
    const row = { system, limit: unit, burst: done, beyond: Math.max(0, done.accepted - limit) };
    rows.push(row);
    say(
      `${system}, ${unit}: ${done.accepted} of ${limit} accepted, ${done.refused} refused, ${done.failed} failed, ${done.rate}/s`,
    );
  };
  const amounts = { requests: limit, tokens: limit * tokensEach };
  for (const unit of ["requests", "tokens"] as const) {
    const rule = { name: "bench", unit, amount: amounts[unit], window: "1h", per: ["subject"] };
    const servers = await stage.countersign([`limits=${JSON.stringify([rule])}`]);
    const system = servers.as("Countersign", "same");
    await measure(system.name, unit, system.port, stage.tokens.same);
  }
  if (peers.litellm !== undefined) {
    const port = await startLimitedLitellm(stage, amounts);
    for (const unit of ["requests", "tokens"] as const) await measure("LiteLLM", unit, port, keys[unit]);
  }
  const rateOf = (system: string): number => rows.find((row) => row.system === system)?.burst.rate ?? 0;
  const ratio = Math.round((rateOf("Countersign") / rateOf("LiteLLM")) * 10) / 10;
  say(`Countersign answers ${ratio} times as many requests a second`);
  const [cpu] = cpus();
  const results = {
    ...{
      started,
      cpu: cpu?.model,
      pinned,
      node: process.version,
      litellm: peers.litellm,
      skipped: peers.skipped,
    },
    ...{ atOnce, limit, tokensEach, engine, rows, ratio },
  };
  if (flags.calls === undefined && flags.requests === undefined) {
    const folder = fileURLToPath(new URL("../../../bench/results/", import.meta.url));
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}limits.json`, `${JSON.stringify(results, null, 2)}\n`);
  }
} finally {
  await stage.close();
}
