/** The rights in Redis that docs/redis.md names: all works with them, and each is needed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { openRing } from "../../sidecar/assert/open-ring.js";
import { createRedisCache } from "../../sidecar/decide/cache/redis.js";
import { connectReplay } from "../../sidecar/identify/proof/connect-replay.js";
import { connectRedis } from "../../sidecar/net/redis.js";
import { createRedisSeen } from "../../sidecar/signals/seen.js";
import type { Engine } from "../../sidecar/state/engine/engine.js";
import { openEngine } from "../../sidecar/state/engine/open.js";
import { openEpochs } from "../../sidecar/state/epochs/open.js";
import type { TestRedis } from "../redis.js";
import { sleep, startRedis, until } from "../redis.js";
import { commitOf, keysOf, labelsOf, reserveOf } from "../state/engine/make.js";
import { engineSuite, left, taken } from "../state/engine/suite.js";
import { open as openFences, quietLog, secret } from "../state/fences/world.js";

jest.setTimeout(30_000);
const docs = readFileSync(join(process.cwd(), "docs", "redis.md"), "utf8");
const ruleOf = (user: string): string[] =>
  new RegExp(`^ACL SETUSER ${user} on >PASSWORD (~.*)$`, "m").exec(docs)?.[1]?.split(" ") ?? [];

let redis: TestRedis;
let all: string;
let some: string;
let at = Date.now();
const closing: (() => unknown)[] = [];
const engines: Engine[] = [];

beforeAll(async () => {
  redis = await startRedis();
  const { port } = new URL(redis.url);
  for (const user of ["countersign", "countersign-cache"]) {
    await redis.client.call("ACL", "SETUSER", user, "on", ">PASSWORD", ...ruleOf(user));
  }
  all = `redis://countersign:PASSWORD@127.0.0.1:${port}`;
  some = `redis://countersign-cache:PASSWORD@127.0.0.1:${port}`;
  for (let n = 0; n < 2; n++) engines.push(await openOne());
});
afterAll(async () => {
  for (const engine of engines) await engine.close();
  for (const close of closing) await close();
  await redis.close();
});

async function openOne(): Promise<Engine> {
  const engine = openEngine({
    config: {
      ...{ redisAt: all, secret: { text: secret }, onUnavailable: "deny" },
      ...{ waitMs: 20_000, graceMs: 50, leaseMs: 3_000, holdMs: 3_600_000, maxEntries: 10_000 },
    },
    ...{ now: () => at, newId: () => "id", log: quietLog },
  });
  await until(() => engine.state === "connected");
  return engine;
}
const engine = (n: number): Engine => {
  const one = engines[n];
  if (one === undefined) throw new Error("there is none");
  return one;
};

describe("tasks and limits", () => {
  engineSuite({
    engine: () => engine(0),
    now: () => at,
    advance: (ms) => (at += ms),
    another: () => engine(1),
  });
  test("what a process that crashed held comes back", async () => {
    const reserve = reserveOf({ amount: 10, take: 4 });
    const crashing = await openOne();
    await taken(crashing, commitOf(keysOf({ tenant: "crash" }), { reserve: [reserve] }));
    await crashing.close();
    await until(async () => (await left(engine(0), reserve, "crash")) === 10, 20);
  });
  test("what Redis lost is written back", async () => {
    const keys = keysOf();
    const reserve = reserveOf({ amount: 10, take: 4 });
    await taken(engine(0), commitOf(keys, { labels: labelsOf("a"), reserve: [reserve] }));
    await redis.client.flushall();
    await redis.client.call("CLIENT", "KILL", "USER", "countersign");
    await sleep(50);
    await until(() => engines.every(({ state }) => state === "connected"), 10);
    await until(async () => (await redis.client.keys("cs:*:l:*")).length > 0, 10);
  });
});

async function bumps(redisAt: string): Promise<void> {
  const epochs = openEpochs({
    shared: { redisAt, secret },
    ...{ cacheTtl: 60, now: Date.now, log: quietLog, pollMs: 40, staleAfterMs: 30_000 },
  });
  closing.push(epochs.close);
  await until(() => epochs.listening());
  expect((await epochs.bump({ subject: "alice" }, "left", "ann")).kind).toBe("done");
}

async function keeps(redisAt: string): Promise<void> {
  const link = connectRedis(redisAt, { onUp: () => undefined, onDown: () => undefined });
  const level = createRedisCache({ redis: link, secret, waitMs: 20_000, now: Date.now });
  closing.push(level.close);
  await until(() => level.available?.(Date.now()) === true);
  level.set(redisAt, { result: true, rules: [], expiresAt: Date.now() + 60_000 }, Date.now());
  await until(async () => (await level.get(redisAt, Date.now())) !== undefined);
  expect(await level.claim?.(redisAt, 1_000)).toBe(true);
}

test("fences, their census, and their end", async () => {
  let now = Date.now();
  const parts = { secret, redisAt: all, now: () => now };
  const [one, other] = [await openFences({}, parts), await openFences({}, parts)];
  closing.push(one.close, other.close);
  await until(() => [one, other].every((each) => each.check(["subject:nobody"]) === undefined));
  other.serveCensus(() => Promise.resolve({ streams: 3 }));
  const added = await one.add({ match: { subject: "bob" }, reason: "left", by: "ann", seconds: 3_600 });
  await until(() => typeof other.check(["subject:bob"]) === "object");
  expect((await one.census({ subject: "bob" })).live["streams"]).toBe(3);
  expect((await one.lift(added.kind === "done" ? added.fence.id : "", "ann")).kind).toBe("done");
  await until(() => other.check(["subject:bob"]) === undefined);
  now += 90 * 86_400_000;
  await sleep(200);
});

test("epochs, decisions, keys, proofs, signals", async () => {
  await bumps(all);
  await keeps(all);
  const config = {
    ...({ issuer: "https://countersign.example", algorithm: "ES256", rotateHours: 24 } as const),
    shared: { redisAt: all, secret },
  };
  const ring = await openRing({ config, now: Date.now, log: quietLog });
  closing.push(ring.close);
  expect(ring.signer()).toBeDefined();
  const replay = connectReplay({
    ...{ max_entries: 100, wait_ms: 20_000, keepMs: 60_000, now: Date.now, redis: all },
    onEvent: () => undefined,
  });
  closing.push(() => replay.close());
  await until(async () => (await replay.use({ proof: "p", exchange: "", holder: "h" })) !== "unknown");
  const link = connectRedis(all, { onUp: () => undefined, onDown: () => undefined });
  const seen = createRedisSeen({ redis: link, secret, keepMs: 60_000, waitMs: 20_000 });
  closing.push(() => {
    seen.close();
  });
  await until(() => link.status === "ready");
  await seen.add("set");
  expect(await seen.has("set")).toBe(true);
});

test("decisions alone, with the user that may do less", async () => {
  await bumps(some);
  await keeps(some);
  await expect(
    (async () => {
      const link = connectRedis(some, { onUp: () => undefined, onDown: () => undefined });
      closing.push(() => {
        link.disconnect();
      });
      await until(() => link.status === "ready");
      await link.get("countersign:proof:x");
    })(),
  ).rejects.toMatchObject({ message: expect.stringContaining("NOPERM") });
});

test("nothing else was wanted, and each right was used", async () => {
  const log = (await redis.client.call("ACL", "LOG")) as unknown[][];
  const wanted = log.map((entry) => String(entry[entry.indexOf("object") + 1]));
  // what the last test tried
  expect(wanted).toEqual(["get"]);
  const stats = await redis.client.info("commandstats");
  const used = new Set([...stats.matchAll(/^cmdstat_([\w|]+):/gm)].map(([, name]) => name));
  for (const user of ["countersign", "countersign-cache"]) {
    const rights = ruleOf(user).filter((rule) => rule.startsWith("+"));
    expect(rights.length).toBeGreaterThan(15);
    expect(rights.filter((rule) => !used.has(rule.slice(1)))).toEqual([]);
  }
});
