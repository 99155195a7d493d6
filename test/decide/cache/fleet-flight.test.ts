/** What is costly is evaluated once in a fleet, and nobody waits for one who doesn't come back. */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { createDecisionCache } from "../../../sidecar/decide/cache/layered.js";
import { createMemoryCache } from "../../../sidecar/decide/cache/memory.js";
import { createRedisCache } from "../../../sidecar/decide/cache/redis.js";
import type { TestRedis } from "../../redis.js";
import { sleep, startRedis, until } from "../../redis.js";

let redis: TestRedis;
const open: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await redis.client.flushall();
});
afterAll(() => redis.close());

/** A replica whose evaluations take so long, milliseconds. */
async function replica(costMs: number) {
  const client = new Redis(redis.url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined);
  await until(() => client.status === "ready");
  const l2 = createRedisCache({ redis: client, secret: "a secret of the fleet", waitMs: 200, now: Date.now });
  const cache = createDecisionCache({
    l1: createMemoryCache({ maxEntries: 100, maxBytes: 100_000 }),
    ...{ l2, l2Mode: "always", now: Date.now, micros: () => performance.now() * 1_000 },
  });
  open.push(cache);
  cache.noteEvaluation("p", costMs * 1_000);
  let evaluations = 0;
  const ask = async (key: string, isLost = false): Promise<boolean> => {
    const found = await cache.lookup(key, "p", "t");
    if (found !== undefined) return (found.value.result as { allow: boolean }).allow;
    evaluations++;
    if (isLost) return true;
    await sleep(costMs);
    cache.store(key, { result: { allow: true }, rules: [], expiresAt: Date.now() + 60_000 }, "p", "t");
    return true;
  };
  return { ask, evaluations: () => evaluations };
}

test("the others wait for the one who evaluates", async () => {
  const replicas = await Promise.all([replica(150), replica(150), replica(150)]);
  expect(await Promise.all(replicas.map(({ ask }) => ask("one question")))).toEqual([true, true, true]);
  expect(replicas.reduce((sum, { evaluations }) => sum + evaluations(), 0)).toBe(1);
});

test("what is cheap is evaluated by each", async () => {
  const replicas = await Promise.all([replica(0.1), replica(0.1)]);
  await Promise.all(replicas.map(({ ask }) => ask("a cheap question")));
  expect(replicas.reduce((sum, { evaluations }) => sum + evaluations(), 0)).toBe(2);
});

test("one who claims and dies keeps nobody for long", async () => {
  const [dead, alive] = await Promise.all([replica(100), replica(100)]);
  await dead.ask("a question of the dead", true);
  expect(await alive.ask("a question of the dead")).toBe(true);
  expect(alive.evaluations()).toBe(1);
});

test("where Redis answers nothing, each evaluates", async () => {
  const replicas = await Promise.all([replica(100), replica(100)]);
  redis.freeze();
  try {
    expect(await Promise.all(replicas.map(({ ask }) => ask("one question")))).toEqual([true, true]);
    expect(replicas.map(({ evaluations }) => evaluations())).toEqual([1, 1]);
  } finally {
    redis.thaw();
  }
});
