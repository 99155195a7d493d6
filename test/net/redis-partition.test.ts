/** A real partition: Redis in a network of its own whose link goes down. Packets vanish, and no connection ends. */
import { spawn, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { CachedResult, CacheEvent } from "../../sidecar/decide/cache/cache.js";
import { createRedisCache } from "../../sidecar/decide/cache/redis.js";
import { connectRedis } from "../../sidecar/net/redis.js";
import { openEngine } from "../../sidecar/state/engine/open.js";
import { redisServer, sleep, until } from "../redis.js";
import { commitOf, keysOf } from "../state/engine/make.js";
import { open as openFences, secret } from "../state/fences/world.js";

const id = process.pid % 10_000;
const [space, here, there] = [`cs${id}`, `csa${id}`, `csb${id}`];
const net = `10.213.${id % 250}`;
const ip = (...args: string[]): boolean => spawnSync("ip", args).status === 0;
/** Whether this process may make networks: as root, on Linux. */
const may = process.env["REDIS_FAULTS"] === "1" && ip("netns", "add", space);

(may ? describe : describe.skip)("a partition", () => {
  let end: () => void = () => undefined;
  const url = `redis://${net}.2:6379`;
  let client: Redis;
  beforeAll(async () => {
    const made = [
      ip("link", "add", here, "type", "veth", "peer", "name", there),
      ip("link", "set", there, "netns", space),
      ip("addr", "add", `${net}.1/24`, "dev", here),
      ip("link", "set", here, "up"),
      ip("netns", "exec", space, "ip", "addr", "add", `${net}.2/24`, "dev", there),
      ip("netns", "exec", space, "ip", "link", "set", there, "up"),
    ];
    expect(made).toEqual(made.map(() => true));
    const args = ["--bind", `${net}.2`, "--protected-mode", "no", "--save", "", "--dir", "/tmp"];
    const child = spawn("ip", ["netns", "exec", space, redisServer, ...args], { stdio: "ignore" });
    end = () => child.kill("SIGKILL");
    client = new Redis(url, { retryStrategy: () => 100, maxRetriesPerRequest: null });
    client.on("error", () => undefined);
    await until(async () => (await client.ping()) === "PONG", 20);
  });
  afterAll(() => {
    client.disconnect();
    end();
    ip("link", "del", here);
    ip("netns", "del", space);
  });

  test("costs a bounded wait, then none; whoever needs Redis is denied in time; all come back by themselves", async () => {
    const events: CacheEvent[] = [];
    const redis = connectRedis(url, { onUp: () => undefined, onDown: () => undefined });
    const waitMs = 50;
    const level = createRedisCache({
      redis,
      secret,
      waitMs,
      now: Date.now,
      onEvent: (one) => events.push(one),
    });
    const engine = openEngine({
      config: {
        ...{ redisAt: url, secret: { text: secret }, onUnavailable: "deny" },
        ...{ waitMs: 100, graceMs: 50, leaseMs: 400, holdMs: 3_600_000, maxEntries: 10_000 },
      },
      now: Date.now,
      newId: () => "id",
      log: { info: () => undefined, warn: () => undefined, error: () => undefined } as never,
    });
    const fences = await openFences({ staleAfterMs: 400 }, { secret, redisAt: url });
    const value: CachedResult = { result: false, rules: [], expiresAt: Date.now() + 600_000 };
    const works = async (): Promise<boolean> => {
      level.set("key", value, Date.now());
      const found = await level.get("key", Date.now());
      const { kind } = await engine.commit(commitOf(keysOf()));
      return found !== undefined && kind === "committed" && fences.check(["subject:nobody"]) === undefined;
    };
    try {
      await until(works, 20);
      for (let n = 0; n < 2; n++) {
        ip("link", "set", here, "down");
        events.length = 0;
        let slowest = 0;
        for (let k = 0; k < 30; k++) {
          const from = Date.now();
          expect(await level.get("key", Date.now())).toBeUndefined();
          expect((await engine.commit(commitOf(keysOf()))).kind).not.toBe("committed");
          slowest = Math.max(slowest, Date.now() - from);
        }
        expect(slowest).toBeLessThan(2_000);
        expect(events).toContain("timeout");
        expect(events.filter((event) => event === "skipped").length).toBeGreaterThan(10);
        await until(() => fences.check(["subject:nobody"]) === "fences_stale");
        // longer than connections are kept that bring nothing
        await sleep(n * 3_000);
        ip("link", "set", here, "up");
        await until(works, 30);
      }
    } finally {
      await level.close();
      await engine.close();
      await fences.close();
    }
  }, 90_000);
});
