/** One contract for every level of the cache, run on memory and on a real Redis. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { CacheEvent, CachedResult, CacheLevelStore } from "../../../sidecar/decide/cache/cache.js";
import { createMemoryCache } from "../../../sidecar/decide/cache/memory.js";
import { createRedisCache } from "../../../sidecar/decide/cache/redis.js";
import type { TestRedis } from "../../redis.js";
import { sleep, startRedis, until } from "../../redis.js";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

const open: CacheLevelStore[] = [];
afterEach(async () => {
  await redis.client.flushall().catch(() => undefined);
  for (const level of open.splice(0)) await level.close();
});

let now = 1_000_000;
const value = (life: number): CachedResult => ({
  result: { allow: true, reasons: [], n: 1.5 },
  rules: ["a.b"],
  expiresAt: now + life,
});

async function connect(secret = "a secret of the fleet", events: CacheEvent[] = [], waitMs = 100) {
  const client = new Redis(redis.url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 50,
  });
  client.on("error", () => undefined);
  await until(() => client.status === "ready");
  const level = createRedisCache({
    redis: client,
    secret,
    waitMs,
    onEvent: (event) => events.push(event),
    now: () => now,
  });
  open.push(level);
  return level;
}

const levels: [name: string, make: () => CacheLevelStore | Promise<CacheLevelStore>][] = [
  ["memory", () => createMemoryCache({ maxEntries: 100, maxBytes: 100_000 })],
  ["redis", () => connect()],
];

describe.each(levels)("%s", (_name, make) => {
  test("gives back what was set, for its key only", async () => {
    const level = await make();
    level.set("key", value(10_000), now);
    await until(async () => (await level.get("key", now)) !== undefined);
    expect(await level.get("key", now)).toEqual(value(10_000));
    expect(await level.get("key2", now)).toBeUndefined();
    expect(await level.get("", now)).toBeUndefined();
  });

  test("gives nothing that has expired", async () => {
    const level = await make();
    level.set("key", value(1_000), now);
    await until(async () => (await level.get("key", now)) !== undefined);
    expect(await level.get("key", now + 1_000)).toBeUndefined();
  });

  test("takes nothing that has no life left", async () => {
    const level = await make();
    level.set("key", value(0), now);
    await sleep(20);
    expect(await level.get("key", now)).toBeUndefined();
  });

  test("keeps the newest of two values", async () => {
    const level = await make();
    level.set("key", value(10_000), now);
    level.set("key", { ...value(10_000), result: false }, now);
    await until(async () => (await level.get("key", now))?.result === false);
  });

  test("keys of any content work", async () => {
    const level = await make();
    const odd = '["\u0000\n{}"]é\ud83d\ude00'.repeat(50);
    level.set(odd, value(10_000), now);
    await until(async () => (await level.get(odd, now)) !== undefined);
  });
});

test("memory is bounded by entries and by bytes", () => {
  const level = createMemoryCache({ maxEntries: 10, maxBytes: 20_000 });
  for (let n = 0; n < 1_000; n++) level.set(`k${n}`, value(10_000), now);
  const left = Array.from({ length: 1_000 }, (_, n) => level.get(`k${n}`, now)).filter(
    (found) => found !== undefined,
  );
  expect(left).toHaveLength(10);
  level.set("huge", { ...value(10_000), result: "x".repeat(100_000) }, now);
  expect(level.get("huge", now)).toBeUndefined();
});

describe("redis is not trusted", () => {
  const stored = async (): Promise<string> => (await redis.client.keys("*"))[0] ?? "";
  async function poison(change: (text: string) => string, secret?: string): Promise<CacheEvent[]> {
    const writer = await connect(secret);
    const events: CacheEvent[] = [];
    const reader = await connect("a secret of the fleet", events);
    writer.set("key", value(60_000), now);
    await until(async () => (await stored()) !== "");
    const name = await stored();
    await redis.client.set(name, change((await redis.client.get(name)) ?? ""));
    expect(await reader.get("key", now)).toBeUndefined();
    return events;
  }

  test.each<[string, (text: string) => string]>([
    ["a flipped decision", (text) => text.replace('"allow":true', '"allow":"true"')],
    ["a longer life", (text) => text.replace(/"expiresAt":\d+/, '"expiresAt":9999999999999')],
    ["no MAC", (text) => text.slice(text.indexOf("{"))],
    ["an empty MAC", (text) => `1..${text.slice(text.indexOf("{"))}`],
    ["a cut value", (text) => text.slice(0, -5)],
    ["garbage", () => "\u0000\u0001"],
    ["nothing", () => ""],
    ["another version", (text) => text.replace(/^1/, "2")],
  ])("%s is a miss", async (_name, change) => {
    expect(await poison(change)).toEqual(["unauthentic"]);
  });

  test("a value sealed with another secret is a miss", async () => {
    expect(await poison((text) => text, "another secret")).toEqual(["unauthentic"]);
  });

  test("a value replayed under another key is a miss", async () => {
    const level = await connect();
    level.set("allowed", value(60_000), now);
    await until(async () => (await stored()) !== "");
    const sealed = await redis.client.get(await stored());
    level.set("denied", value(60_000), now);
    await until(async () => (await redis.client.keys("*")).length === 2);
    for (const name of await redis.client.keys("*")) await redis.client.set(name, sealed ?? "");
    const found = [await level.get("allowed", now), await level.get("denied", now)];
    expect(found.filter((one) => one !== undefined)).toHaveLength(1);
    expect(await level.get("denied", now)).toBeUndefined();
  });

  test("a key of another type is a miss", async () => {
    const events: CacheEvent[] = [];
    const level = await connect(undefined, events);
    level.set("key", value(60_000), now);
    await until(async () => (await stored()) !== "");
    const name = await stored();
    await redis.client.del(name);
    await redis.client.lpush(name, "x");
    expect(await level.get("key", now)).toBeUndefined();
    expect(events).toContain("error");
  });

  test("frozen, it costs a bounded wait, then none; thawed, it serves again", async () => {
    const events: CacheEvent[] = [];
    const level = await connect(undefined, events, 20);
    level.set("key", value(60_000_000), now);
    await until(async () => (await level.get("key", now)) !== undefined);
    events.length = 0;
    redis.freeze();
    try {
      for (let n = 0; n < 10; n++) expect(await level.get("key", now)).toBeUndefined();
      expect(events.filter((event) => event === "timeout")).toHaveLength(5);
      expect(events.filter((event) => event === "skipped")).toHaveLength(5);
    } finally {
      redis.thaw();
    }
    now += 2_000;
    await until(async () => (await level.get("key", now)) !== undefined);
  });

  test("killed and started again, it is missed and found again", async () => {
    const level = await connect();
    await redis.kill();
    level.set("key", value(60_000), now);
    expect(await level.get("key", now)).toBeUndefined();
    await redis.start();
    now += 2_000;
    await until(async () => {
      level.set("key", value(60_000), now);
      await sleep(20);
      return (await level.get("key", now)) !== undefined;
    });
  });
});
