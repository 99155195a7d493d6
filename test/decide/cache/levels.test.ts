/** One contract for every level of the cache, run on memory and on a real Redis. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { Redis } from "ioredis";
import type { Json } from "../../../sidecar/contract.js";
import { parseJson } from "../../../sidecar/contract.js";
import type { CacheEvent, CachedResult, CacheLevelStore } from "../../../sidecar/decide/cache/cache.js";
import { createMemoryCache } from "../../../sidecar/decide/cache/memory.js";
import { createRedisCache } from "../../../sidecar/decide/cache/redis.js";
import { createSeal } from "../../../sidecar/decide/cache/seal.js";
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

const maxLifeMs = 100_000_000;
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
    maxLifeMs,
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
    expect(await level.get("key", now)).toMatchObject(value(10_000));
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

  test.each([
    ["of any content", '["\u0000\n{}"]é\ud83d\ude00'.repeat(50), '["\u0000\n{}"]é\ud83d\ude00'.repeat(51)],
    ["that UTF-8 can't tell apart", "a\ud800", "a\udfff"],
    ["with a length's look", "1:a", "11:a"],
  ])("keys %s work", async (_kind, key, other) => {
    const level = await make();
    level.set(key, value(10_000), now);
    await until(async () => (await level.get(key, now)) !== undefined);
    expect(await level.get(other, now)).toBeUndefined();
  });

  test("what one caller does to a value reaches no other", async () => {
    const level = await make();
    const stored = value(10_000);
    level.set("key", stored, now);
    await until(async () => (await level.get("key", now)) !== undefined);
    const found = (await level.get("key", now))?.result as { allow: boolean; reasons: unknown[] };
    for (const change of [() => (found.allow = false), () => found.reasons.push("x")]) {
      try {
        change();
      } catch {
        // frozen
      }
    }
    expect(await level.get("key", now)).toMatchObject(value(10_000));
  });

  test.each<[string, unknown]>([
    ["a BigInt", 1n],
    ["a lossless number", parseJson("[1.0]")],
    ["a function", () => undefined],
  ])("a result that holds %s throws nowhere", async (_name, result) => {
    const level = await make();
    level.set("key", { ...value(10_000), result: result as Json }, now);
    await level.get("key", now);
  });
});

test("memory is bounded by entries and by bytes", () => {
  const level = createMemoryCache({ maxEntries: 10, maxBytes: 20_000 });
  for (let n = 0; n < 1_000; n++) level.set(`k${n}`, value(10_000), now);
  const left = Array.from({ length: 1_000 }, (_, n) => level.get(`k${n}`, now)).filter(
    (found) => found !== undefined,
  );
  expect(left).toHaveLength(10);
  level.set("huge", value(10_000), now);
  level.set("huge", { ...value(10_000), result: "x".repeat(100_000) }, now);
  expect(level.get("huge", now)).toBeUndefined();
});

describe("redis is not trusted", () => {
  const stored = async (): Promise<string> => (await redis.client.keys("*"))[0] ?? "";
  const bytes = async (name: string): Promise<Buffer> =>
    (await redis.client.getBuffer(name)) ?? Buffer.alloc(0);
  async function poison(change: (sealed: Buffer) => Buffer, secret?: string): Promise<CacheEvent[]> {
    const writer = await connect(secret);
    const events: CacheEvent[] = [];
    const reader = await connect("a secret of the fleet", events);
    writer.set("key", value(60_000), now);
    await until(async () => (await stored()) !== "");
    const name = await stored();
    await redis.client.set(name, change(await bytes(name)));
    expect(await reader.get("key", now)).toBeUndefined();
    return events;
  }

  /** Changes what is written in a value; its length may change, too. */
  const rewrite = (sealed: Buffer, from: RegExp, to: string): Buffer =>
    Buffer.from(sealed.toString("latin1").replace(from, to), "latin1");
  test.each<[string, (sealed: Buffer) => Buffer]>([
    ["a forged allow", (sealed) => rewrite(sealed, /"allow":true/, '"allow":null')],
    ["a longer life", (sealed) => rewrite(sealed, /"expiresAt":\d+/, '"expiresAt":9999999999999')],
    ["no MAC", (sealed) => Buffer.concat([sealed.subarray(0, 2), sealed.subarray(34)])],
    ["half a MAC", (sealed) => sealed.subarray(0, 20)],
    ["a MAC alone", (sealed) => sealed.subarray(0, 34)],
    ["another kind, so that it would be inflated", (sealed) => rewrite(sealed, /^\u0002\0/, "\u0002\u0001")],
    ["a kind that nobody knows", (sealed) => rewrite(sealed, /^\u0002\0/, "\u0002\u0007")],
    ["a cut value", (sealed) => sealed.subarray(0, -5)],
    ["a longer value", (sealed) => Buffer.concat([sealed, Buffer.from(" ")])],
    ["garbage", () => Buffer.of(2, 0, 1, 2)],
  ])("%s is a miss", async (_name, change) => {
    expect(await poison(change)).toEqual(["unauthentic"]);
  });

  test.each<[string, (sealed: Buffer) => Buffer]>([
    ["another version", (sealed) => rewrite(sealed, /^\u0002/, "\u0003")],
    ["the version before", () => Buffer.from("1.AAAA.{}")],
  ])("%s is a miss, and no reason to warn", async (_name, change) => {
    expect(await poison(change)).toEqual(["miss"]);
  });

  const text = (length: number): string => randomBytes(length).toString("hex").slice(0, length);
  test("large values are deflated, and what would be inflated beyond measure isn't", async () => {
    const level = await connect();
    const rows = Array.from({ length: 1_000 }, (_, n) => ({ field: "department", operator: "eq", value: n }));
    const large = { ...value(60_000), result: { allow: true, rows } };
    level.set("key", large, now);
    await until(async () => (await level.get("key", now)) !== undefined);
    expect(await level.get("key", now)).toEqual(large);
    expect((await bytes(await stored())).byteLength).toBeLessThan(10_000);
    const seal = createSeal("a secret of the fleet");
    const name = seal.nameOf("key");
    // one of the fleet gone mad: sealed, and a megabyte when inflated
    expect(seal.close(name, { ...value(1), result: "x".repeat(1_000_000) })).toBeUndefined();
    const payload = deflateRawSync(Buffer.alloc(10_000_000, " "));
    expect(payload.byteLength).toBeLessThan(20_000);
    const key = createHmac("sha256", "a secret of the fleet")
      .update("countersign decision cache values 2")
      .digest();
    const mac = createHmac("sha256", key).update(`21${name}`).update(payload).digest();
    const before = process.memoryUsage().arrayBuffers;
    expect(seal.open(name, Buffer.concat([Buffer.of(2, 1), mac, payload]))).toBe("unauthentic");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
  });

  test("what deflating doesn't make smaller stays as it is", () => {
    const seal = createSeal("a secret of the fleet");
    const name = seal.nameOf("key");
    const [random, small] = [
      { ...value(1), result: text(6_000) },
      { ...value(1), result: "x".repeat(2_000) },
    ];
    for (const one of [random, small]) {
      const sealed = seal.close(name, one) ?? Buffer.alloc(0);
      expect(seal.open(name, sealed)).toEqual(one);
    }
    expect(seal.close(name, small)?.[1]).toBe(0);
  });

  test("another fleet's secret neither finds nor is found, and a value carried over is a miss", async () => {
    expect(await poison((sealed) => sealed, "another secret")).toEqual(["miss"]);
    const events: CacheEvent[] = [];
    const own = await connect(undefined, events);
    const foreign = await bytes(await stored());
    await redis.client.flushall();
    own.set("key", value(60_000), now);
    await until(async () => (await stored()) !== "");
    await redis.client.set(await stored(), foreign);
    expect(await own.get("key", now)).toBeUndefined();
    expect(events).toEqual(["unauthentic"]);
  });

  test.each<[string, unknown]>([
    ["rules of another type", { result: true, rules: "a", expiresAt: 9e15 }],
    ["a rule that isn't a text", { result: true, rules: [1], expiresAt: 9e15 }],
    ["an end that isn't a number", { result: true, rules: [], expiresAt: "9e15" }],
  ])("an authentic value with %s is a miss", (_name, malformed) => {
    const seal = createSeal("a secret of the fleet");
    const name = seal.nameOf("key");
    const sealed = seal.close(name, malformed as CachedResult) ?? Buffer.alloc(0);
    expect(sealed.byteLength).toBeGreaterThan(0);
    expect(seal.open(name, sealed)).toBe("unauthentic");
    expect(seal.open(name, seal.close(name, value(1)) ?? Buffer.alloc(0))).toEqual(value(1));
  });

  test("keys that UTF-8 can't tell apart have names and seals of their own", () => {
    const seal = createSeal("a secret of the fleet");
    const [one, other] = [seal.nameOf("a\ud800"), seal.nameOf("a\udfff")];
    expect(one).not.toBe(other);
    expect(seal.open(other, seal.close(one, value(1)) ?? Buffer.alloc(0))).toBe("unauthentic");
  });

  test("an old value that is put back has its own end, whatever Redis says of it", async () => {
    const level = await connect();
    level.set("key", value(1_000), now);
    await until(async () => (await stored()) !== "");
    const name = await stored();
    const old = await bytes(name);
    await redis.client.set(name, old);
    expect(await redis.client.pttl(name)).toBe(-1);
    expect(await level.get("key", now)).toEqual(value(1_000));
    expect(await level.get("key", now + 1_000)).toBeUndefined();
  });

  test("Redis itself forgets a value at its end", async () => {
    const level = await connect();
    level.set("key", value(60_000), now);
    await until(async () => (await stored()) !== "");
    const left = await redis.client.pttl(await stored());
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
  });

  test("a name in Redis tells nothing without the secret", () => {
    const [one, other] = [createSeal("a secret of the fleet"), createSeal("another secret")];
    expect(one.nameOf("key")).toBe(createSeal("a secret of the fleet").nameOf("key"));
    expect(one.nameOf("key")).not.toBe(other.nameOf("key"));
    expect(one.nameOf("key")).not.toBe(createHash("sha256").update("key").digest("base64url"));
  });

  test("a value of any size is read in part only, and none so large is written", async () => {
    const level = await connect();
    const large = { ...value(60_000), result: text(140_000) };
    level.set("large", large, now);
    level.set("key", value(60_000), now);
    await until(async () => (await stored()) !== "");
    expect(await redis.client.dbsize()).toBe(1);
    const seal = createSeal("a secret of the fleet");
    await redis.client.set(await stored(), seal.close(seal.nameOf("key"), large) ?? "");
    expect(await level.get("key", now)).toBeUndefined();
  });

  test("another machine's clock lends no life beyond the longest", async () => {
    const level = await connect();
    level.set("key", value(365 * 86_400_000), now);
    await until(async () => (await level.get("key", now)) !== undefined);
    expect((await level.get("key", now))?.expiresAt).toBe(now + maxLifeMs);
  });

  test("a value replayed under another key is a miss", async () => {
    const level = await connect();
    level.set("allowed", value(60_000), now);
    await until(async () => (await stored()) !== "");
    const sealed = await bytes(await stored());
    level.set("denied", value(60_000), now);
    await until(async () => (await redis.client.keys("*")).length === 2);
    for (const name of await redis.client.keys("*")) await redis.client.set(name, sealed);
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

  test("slow, its late answers are nobody else's", async () => {
    const events: CacheEvent[] = [];
    const level = await connect(undefined, events, 20);
    const of = (key: string): CachedResult => ({ ...value(60_000_000), result: key });
    for (const key of ["a", "b", "c"]) level.set(key, of(key), now);
    await until(async () => (await redis.client.dbsize()) === 3);
    await redis.client.client("PAUSE", 150, "ALL");
    const late = [await level.get("a", now), await level.get("b", now)];
    expect([late, events]).toEqual([
      [undefined, undefined],
      ["timeout", "timeout"],
    ]);
    await redis.client.client("UNPAUSE");
    for (const key of ["c", "b", "a"]) expect((await level.get(key, now))?.result).toBe(key);
  });

  test("full, it is read all the same", async () => {
    const events: CacheEvent[] = [];
    const level = await connect(undefined, events);
    level.set("key", value(60_000), now);
    await until(async () => (await level.get("key", now)) !== undefined);
    await redis.client.config("SET", "maxmemory", "1");
    try {
      events.length = 0;
      for (let n = 0; n < 10; n++) level.set(`k${n}`, value(60_000), now);
      await until(() => events.length === 10);
      expect(new Set(events)).toEqual(new Set(["error"]));
      expect(await level.get("key", now)).toEqual(value(60_000));
    } finally {
      await redis.client.config("SET", "maxmemory", "0");
    }
  });

  test("after a pause, one lookup tries for all", async () => {
    const events: CacheEvent[] = [];
    const level = await connect(undefined, events, 20);
    redis.freeze();
    try {
      await Promise.all(Array.from({ length: 10 }, () => level.get("key", now)));
      now += 2_000;
      events.length = 0;
      await Promise.all(Array.from({ length: 10 }, () => level.get("key", now)));
      expect(events.filter((event) => event === "timeout")).toHaveLength(1);
      expect(level.available?.(now)).toBe(false);
      // a clock that is set back doesn't prolong the pause
      expect(level.available?.(now - 3_600_000)).toBe(true);
    } finally {
      redis.thaw();
    }
  });

  test("what stands unanswered is bounded", async () => {
    const events: CacheEvent[] = [];
    const level = await connect(undefined, events, 20);
    redis.freeze();
    try {
      for (let n = 0; n < 5_000; n++) level.set(`k${n}`, value(60_000), now);
      expect(level.available?.(now)).toBe(false);
      expect(await level.get("key", now)).toBeUndefined();
      expect(events).toEqual(["skipped"]);
    } finally {
      redis.thaw();
    }
    await until(() => level.available?.(now) === true);
    const kept = await redis.client.dbsize();
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(1_000);
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
