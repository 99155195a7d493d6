/** The cache as the sidecar has it, on a real Redis that fails while lookups go on. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { CacheEvent, CachedResult } from "../../../sidecar/decide/cache/cache.js";
import { connectCache } from "../../../sidecar/decide/cache/connect.js";
import type { DecisionCache, Found } from "../../../sidecar/decide/cache/layered.js";
import type { TestRedis } from "../../redis.js";
import { sleep, startRedis, until } from "../../redis.js";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());
beforeEach(() => redis.client.flushall());

const open: DecisionCache[] = [];
afterEach(async () => {
  for (const cache of open.splice(0)) await cache.close();
});

interface Machine {
  readonly cache: DecisionCache;
  readonly events: CacheEvent[];
  readonly logged: string[];
}

/** One of a fleet's machines. */
function machine(url = redis.url, secret = "a secret of the fleet"): Machine {
  const events: CacheEvent[] = [];
  const logged: string[] = [];
  const note = (message: string, fields: unknown = {}) => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const cache = connectCache({
    config: {
      enabled: true,
      l2: "always",
      redisAt: url,
      secret,
      maxEntries: 10_000,
      maxBytes: 2 ** 24,
      ttl: 60,
      denyTtl: 10,
      warm: 0,
      waitMs: 100,
    },
    now: Date.now,
    micros: () => performance.now() * 1000,
    log: { debug: note, info: note, warn: note, error: note },
    onL2: (event) => events.push(event),
  });
  open.push(cache);
  return { cache, events, logged };
}

const valueOf = (key: string): CachedResult => ({
  result: { allow: false, of: key },
  rules: [],
  expiresAt: Date.now() + 30_000,
});

/** Looks a key up as the sidecar does: what isn't found is evaluated and stored. */
async function decide({ cache }: Machine, key: string): Promise<Found["level"] | "none"> {
  const found = await cache.lookup(key, "e");
  if (found === undefined) {
    cache.store(key, valueOf(key), "e");
    return "none";
  }
  expect(found.value.result).toEqual({ allow: false, of: key });
  return found.level;
}

/** Decides fresh keys on one machine until another finds one in Redis. */
async function shared(one: Machine, other: Machine, name: string): Promise<void> {
  let n = 0;
  await until(async () => {
    const key = `${name}${n++}`;
    await decide(one, key);
    await sleep(20);
    return (await decide(other, key)) === "l2";
  });
}

describe("connectCache", () => {
  test("what one machine decided another finds, then has in memory", async () => {
    const [one, other] = [machine(), machine()];
    await shared(one, other, "k");
    expect(other.events).toContain("hit");
  });

  test("killed and started again amid lookups: none fails, none is wrong, and it is used again", async () => {
    const [one, other] = [machine(), machine()];
    await shared(one, other, "before");
    let going = true;
    let decisions = 0;
    const load = async (of: Machine): Promise<void> => {
      while (going) {
        await Promise.all(
          Array.from({ length: 20 }, () => decide(of, `k${Math.floor(Math.random() * 20_000)}`)),
        );
        decisions += 20;
        await sleep(1);
      }
    };
    const loads = [load(one), load(other)];
    await sleep(100);
    await redis.kill();
    await until(() => one.logged.some((line) => line.startsWith("redis unavailable")));
    const during = decisions;
    await until(() => decisions > during + 500);
    await redis.start();
    await until(() => one.logged.filter((line) => line.startsWith("redis connected")).length === 2);
    going = false;
    await Promise.all(loads);
    await shared(one, other, "after");
    expect(one.logged.filter((line) => line.startsWith("redis unavailable"))).toHaveLength(1);
  });

  test("frozen for long, its connection is given up; thawed, it is used again", async () => {
    const [one, other] = [machine(), machine()];
    await shared(one, other, "before");
    redis.freeze();
    try {
      // the machine finds out by itself that nothing comes back
      await until(async () => {
        expect(await decide(one, `k${Math.random()}`)).toBe("none");
        return one.logged.some((line) => line.startsWith("redis unavailable"));
      });
    } finally {
      redis.thaw();
    }
    await shared(one, other, "after");
  });

  test("a value that someone else wrote is a miss, and told of once", async () => {
    const [one, other] = [machine(), machine()];
    await shared(one, other, "before");
    for (let n = 0; n < 50; n++) await decide(one, `k${n}`);
    await until(async () => {
      const size = await redis.client.dbsize();
      await sleep(50);
      return size > 10 && size === (await redis.client.dbsize());
    });
    for (const name of await redis.client.keys("*")) await redis.client.set(name, "\u0002\0.{}");
    const third = machine();
    await until(() => third.logged.length > 0);
    for (let n = 0; n < 50; n++) expect(await decide(third, `k${n}`)).toBe("none");
    expect(third.events.filter((event) => event === "unauthentic").length).toBeGreaterThan(0);
    expect(third.logged.filter((line) => line.includes("not authentic"))).toHaveLength(1);
  });

  test("no value of another machine's lives longer than our own do", async () => {
    const [one, other] = [machine(), machine()];
    await shared(one, other, "before");
    one.cache.store("long", { ...valueOf("long"), expiresAt: Date.now() + 3_600_000 }, "e");
    await until(async () => (await redis.client.keys("*")).length > 1);
    let found: Found | undefined;
    await until(async () => (found = await other.cache.lookup("long", "e")) !== undefined);
    expect(found?.level).toBe("l2");
    expect(found?.value.expiresAt).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  test("nothing of the address or its password is logged", async () => {
    const { cache, logged } = machine(redis.url.replace("redis://", "redis://user:p4ssw0rd@"));
    await until(() => logged.length > 0);
    expect(cache.lookup("k", "e")).toBeUndefined();
    expect(logged.join("\n")).toMatch(/redis unavailable.*WRONGPASS/);
    expect(logged.join("\n")).not.toMatch(/p4ssw0rd|127\.0\.0\.1/);
  });

  test("started where no Redis is, it decides without", async () => {
    const alone = machine("redis://127.0.0.1:1");
    expect(await decide(alone, "k")).toBe("none");
    expect(await decide(alone, "k")).toBe("l1");
    await until(() => alone.logged.length > 0);
    expect(alone.logged[0]).toMatch(/ECONNREFUSED/);
    // some more attempts, and not a word more
    await sleep(700);
    expect(alone.logged).toHaveLength(1);
  });
});
