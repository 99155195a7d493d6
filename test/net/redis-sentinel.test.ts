/** A real master and replica that three real Sentinels watch. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { RedisAt, RedisLink } from "../../sidecar/net/redis.js";
import { connectRedis } from "../../sidecar/net/redis.js";
import type { Engine } from "../../sidecar/state/engine/engine.js";
import { openEngine } from "../../sidecar/state/engine/open.js";
import { faults } from "../redis-faults.js";
import type { TestSentinel } from "../redis-fleet.js";
import { startSentinel } from "../redis-fleet.js";
import { sleep, until } from "../redis.js";
import { commitOf, keysOf, labelsOf, reserveOf } from "../state/engine/make.js";
import { left, seen, taken } from "../state/engine/suite.js";
import { open as openFences, secret } from "../state/fences/world.js";

let sentinel: TestSentinel;
beforeAll(async () => {
  sentinel = await startSentinel();
});
afterAll(() => sentinel.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function connect(url: RedisAt = sentinel.url): RedisLink & { readonly told: string[] } {
  const told: string[] = [];
  const redis = connectRedis(url, {
    onUp: () => told.push("up"),
    onDown: ({ code, message = "" }) => told.push(code ?? message),
  });
  closing.push(() => {
    redis.disconnect();
  });
  return Object.assign(redis, { told });
}

test("the master is found by any of the Sentinels, those that are away passed over", async () => {
  const own = sentinel.url.replace("redis-sentinel://", "redis-sentinel://127.0.0.1:1,");
  const redis = connect(own);
  await until(() => redis.status === "ready");
  await redis.set("found", "here");
  expect(await (await sentinel.master()).client.get("found")).toBe("here");
});

test("a name that Sentinels don't know is told once, and nothing waits for it", async () => {
  const redis = connect(sentinel.url.replace("mymaster", "another"));
  await until(() => redis.told.length > 0);
  await expect(redis.get("x")).rejects.toMatchObject({});
  await sleep(400);
  expect(redis.told).toHaveLength(1);
  expect(redis.told[0]).not.toContain("127.0.0.1");
});

test("the rights that docs/redis.md names for the Sentinels are enough there", async () => {
  const docs = readFileSync(join(process.cwd(), "docs", "redis.md"), "utf8");
  const rules = /`ACL SETUSER countersign on >PASSWORD (&[^`]+)`/.exec(docs)?.[1]?.split(" ") ?? [];
  expect(rules.length).toBeGreaterThan(4);
  for (const { client } of sentinel.sentinels) {
    await client.call("ACL", "SETUSER", "countersign", "reset", "on", ">PASSWORD", ...rules);
    await client.call("ACL", "LOG", "RESET");
  }
  const directory = mkdtempSync(join(tmpdir(), "countersign-sentinel-"));
  closing.push(() => {
    rmSync(directory, { recursive: true });
  });
  const sentinelPasswordFile = join(directory, "password");
  writeFileSync(sentinelPasswordFile, "PASSWORD\n");
  const redis = connect({ url: sentinel.url, sentinelUsername: "countersign", sentinelPasswordFile });
  await until(() => redis.status === "ready");
  await redis.set("found", "with rights");
  await sleep(300);
  for (const { client } of sentinel.sentinels) expect(await client.call("ACL", "LOG")).toEqual([]);
  const wrong = connect({ url: sentinel.url, sentinelUsername: "nobody", sentinelPasswordFile });
  await until(() => wrong.told.length > 0);
  expect(wrong.told).not.toContain("up");
});

function openOne(): Engine {
  const engine = openEngine({
    config: {
      ...{ redisAt: sentinel.url, secret: { text: secret }, onUnavailable: "deny" },
      ...{ waitMs: 300, graceMs: 50, leaseMs: 400, holdMs: 3_600_000, maxEntries: 10_000 },
    },
    now: Date.now,
    newId: () => "id",
    log: { info: () => undefined, warn: () => undefined, error: () => undefined } as never,
  });
  closing.push(engine.close);
  return engine;
}

faults(
  "handed over, killed, frozen: denied in time meanwhile, and nothing that was seen is lost",
  async () => {
    const [one, other] = [openOne(), openOne()];
    const fences = await openFences({}, { secret, redisAt: sentinel.url });
    closing.push(fences.close);
    await until(() => [one, other].every(({ state }) => state === "connected"));
    await until(() => fences.check(["subject:nobody"]) === undefined);
    const keys = keysOf();
    const reserve = reserveOf({ amount: 100, take: 7 });
    await taken(one, commitOf(keys, { labels: labelsOf("a"), reserve: [reserve] }));
    expect((await fences.add({ match: { subject: "bob" }, reason: "left", by: "ann" })).kind).toBe("done");
    for (const way of ["hand over", "kill", "freeze"] as const) {
      const master = await sentinel.master();
      if (way === "hand over") await sentinel.sentinels[0]?.client.call("SENTINEL", "FAILOVER", "mymaster");
      else if (way === "kill") await master.kill();
      else master.freeze();
      let slowest = 0;
      await until(async () => {
        const from = Date.now();
        const { kind } = await one.commit(commitOf(keysOf()));
        slowest = Math.max(slowest, Date.now() - from);
        return kind === "committed" && (await sentinel.master()) !== master;
      }, 30);
      expect(slowest).toBeLessThan(1_500);
      const kept = async (): Promise<boolean> =>
        Object.keys((await seen(other, keys)).labels).length === 1 && (await left(other, reserve)) === 93;
      // the other sidecar comes to know the new master by itself
      await until(() => kept().catch(() => false), 10);
      expect(fences.check(["subject:bob"])).not.toBeUndefined();
      const late = await openFences({}, { secret, redisAt: sentinel.url });
      closing.push(late.close);
      await until(() => typeof late.check(["subject:bob"]) === "object", 10);
      if (way === "kill") await master.start();
      if (way === "freeze") master.thaw();
      await until(
        async () => (await master.client.info("replication")).includes("master_link_status:up"),
        30,
      );
    }
  },
);
