/** A real sidecar that chooses by what it measures: what is cheap to evaluate never goes to Redis. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Sidecar } from "../../../sidecar/main.js";
import { startSidecar } from "../../../sidecar/main.js";
import type { TestRedis } from "../../redis.js";
import { startRedis, until } from "../../redis.js";

jest.setTimeout(60_000);
const policy = `package app

# METADATA
# entrypoint: true
cheap := input.n > 5

# METADATA
# entrypoint: true
costly := count([x | some x in numbers.range(1, 20000); x % 7 == input.n]) > 5
`;

let redis: TestRedis;
let folder: string;
let sidecar: Sidecar;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-choice-"));
  await writeFile(join(folder, "app.rego"), policy);
  redis = await startRedis();
  sidecar = await startSidecar({
    bundles: [`app=${folder}`],
    addresses: ["127.0.0.1:0"],
    diagnosticAddresses: [],
    config: { decision_logs: { console: false } },
    sets: [
      `cache.redis_url=${redis.url}`,
      "cache.secret=a secret of the fleet",
      "cache.wait_ms=500",
      "decision.budget=100000000",
    ],
    cacheDir: join(process.cwd(), ".cache", "bundles"),
    watch: false,
    log: { level: "error", format: "json" },
    version: "test",
  });
});
afterAll(async () => {
  await sidecar.close();
  await redis.close();
  await rm(folder, { recursive: true, force: true });
});

test("the choice is measured for each entrypoint, kept to, and shown", async () => {
  let n = 0;
  const ask = async (entrypoint: string): Promise<void> => {
    const response = await fetch(`${sidecar.addresses[0] ?? ""}/v1/data/app/${entrypoint}`, {
      method: "POST",
      body: JSON.stringify({ input: { n: n++ } }),
    });
    expect(response.status).toBe(200);
  };
  const choiceOf = async (entrypoint: string): Promise<string | undefined> =>
    new RegExp(`countersign_cache_l2_choice\\{policy="app/${entrypoint}"\\} (\\d)`).exec(
      await sidecar.metrics.text(),
    )?.[1];
  for (let k = 0; k < 60; k++) await ask("cheap");
  expect(await choiceOf("cheap")).toBe("0");
  expect(await redis.client.keys("countersign:d2:*")).toEqual([]);
  await until(async () => {
    await ask("costly");
    return (await choiceOf("costly")) === "1";
  }, 20);
  await until(async () => {
    await ask("costly");
    return (await redis.client.keys("countersign:d2:*")).length > 0;
  }, 20);
  for (let k = 0; k < 60; k++) await ask("cheap");
  expect(await choiceOf("cheap")).toBe("0");
});
