/** All that a fleet shares, on a real cluster of three masters with replicas. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { openRing } from "../../sidecar/assert/open-ring.js";
import { createRedisCache } from "../../sidecar/decide/cache/redis.js";
import type { CachedResult, CacheEvent } from "../../sidecar/decide/cache/cache.js";
import { connectReplay } from "../../sidecar/identify/proof/connect-replay.js";
import type { RedisLink } from "../../sidecar/net/redis.js";
import { connectRedis, partsOf } from "../../sidecar/net/redis.js";
import { createRedisSeen } from "../../sidecar/signals/seen.js";
import { openEpochs } from "../../sidecar/state/epochs/open.js";
import { areFaultsTried, faults } from "../redis-faults.js";
import type { TestCluster } from "../redis-fleet.js";
import { startCluster } from "../redis-fleet.js";
import { sleep, until } from "../redis.js";
import { open as openFences, quietLog, secret } from "../state/fences/world.js";

let cluster: TestCluster;
beforeAll(async () => {
  // where no test fails over, a busy machine mustn't
  cluster = await startCluster({ downMs: areFaultsTried ? 1_000 : 15_000 });
});
afterAll(() => cluster.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await cluster.flush();
});

interface Told {
  ups: number;
  downs: string[];
  readies: number;
}

/** Connects, and waits until each master can be asked. */
async function connect(url = cluster.url): Promise<RedisLink & { readonly told: Told }> {
  const told: Told = { ups: 0, downs: [], readies: 0 };
  const redis = connectRedis(url, {
    onUp: () => told.ups++,
    onDown: ({ code, message = "" }) => told.downs.push(code ?? message),
  });
  closing.push(() => {
    redis.disconnect();
  });
  redis.on("ready", () => told.readies++);
  await until(() => {
    const parts = partsOf(redis);
    return redis.status === "ready" && parts.length === 3 && parts.every(({ status }) => status === "ready");
  });
  return Object.assign(redis, { told });
}

const valueOf = (of: string, life = 30_000): CachedResult => ({
  result: { allow: false, of },
  rules: [],
  expiresAt: Date.now() + life,
});

async function level(events: CacheEvent[] = [], waitMs = 2_000) {
  const redis = await connect();
  const parts = { redis, secret, waitMs, now: Date.now, onEvent: (event: CacheEvent) => events.push(event) };
  return createRedisCache(parts);
}

describe("on a cluster", () => {
  test("what one sidecar decided all find, whichever masters it lies on; commands of a turn go together", async () => {
    const events: CacheEvent[] = [];
    const [one, other] = [await level(), await level(events)];
    const keys = Array.from({ length: 300 }, (_, n) => `key ${n}`);
    for (const key of keys) one.set(key, valueOf(key), Date.now());
    const at = async (key: string) => (await other.get(key, Date.now()))?.result;
    await until(async () => (await at("key 299")) !== undefined);
    events.length = 0;
    const before = await reads();
    const found = await Promise.all(keys.map(at));
    expect(found).toEqual(keys.map((of) => ({ allow: false, of })));
    expect(new Set(events)).toEqual(new Set(["hit"]));
    // 300 values in a handful of packets
    expect((await reads()) - before).toBeLessThan(100);
    const sizes = await Promise.all(cluster.nodes.slice(0, 3).map(({ client }) => client.dbsize()));
    for (const size of sizes) expect(size).toBeGreaterThan(50);
  });

  test("a fence of one sidecar cuts at another, is known to one that starts, and all can be asked what it would cut", async () => {
    const parts = { secret: `${secret} of this test`, redisAt: cluster.url };
    const [one, other] = [await openFences({}, parts), await openFences({}, parts)];
    closing.push(one.close, other.close);
    await until(() => [one, other].every((each) => each.check(["subject:nobody"]) === undefined));
    one.serveCensus(() => Promise.resolve({ streams: 2 }));
    other.serveCensus(() => Promise.resolve({ streams: 3 }));
    const added = await one.add({ match: { subject: "bob" }, reason: "left", by: "ann" });
    expect(added.kind).toBe("done");
    await until(() => typeof other.check(["subject:bob"]) === "object");
    await until(async () => (await one.census({ subject: "bob" })).live["streams"] === 5);
    const third = await openFences({}, parts);
    closing.push(third.close);
    await until(() => typeof third.check(["subject:bob"]) === "object");
  });

  test("a bump of one sidecar reaches another, by numbers that grow", async () => {
    const make = () => {
      const epochs = openEpochs({
        shared: { redisAt: cluster.url, secret },
        ...{ cacheTtl: 60, now: Date.now, log: quietLog, pollMs: 40, staleAfterMs: 30_000 },
      });
      closing.push(epochs.close);
      return epochs;
    };
    const [one, other] = [make(), make()];
    await until(() => one.listening() && other.listening());
    const bumped = await one.bump({ subject: "alice" }, "left", "ann");
    expect(bumped.kind).toBe("done");
    await until(() => other.of(["subject:alice"]) === bumped.bump.number);
    const again = await other.bump({ subject: "alice" }, "left", "ann");
    expect(again.bump.number).toBeGreaterThan(bumped.bump.number);
    await until(() => one.of(["subject:alice"]) === again.bump.number);
  });

  test("members of a fleet sign with one key", async () => {
    const config = {
      ...({ issuer: "https://countersign.example", algorithm: "ES256", rotateHours: 24 } as const),
      shared: { redisAt: cluster.url, secret },
    };
    const rings = await Promise.all([1, 2].map(() => openRing({ config, now: Date.now, log: quietLog })));
    for (const ring of rings) closing.push(ring.close);
    await until(() => rings.every((ring) => ring.signer() !== undefined));
    expect(rings[0]?.signer()?.kid).toBe(rings[1]?.signer()?.kid);
  });

  test("a proof that one sidecar took, another doesn't; and a signal takes effect once", async () => {
    const parts = { max_entries: 100, wait_ms: 20_000, keepMs: 60_000, now: Date.now, redis: cluster.url };
    const [one, other] = [1, 2].map(() => connectReplay({ ...parts, onEvent: () => undefined }));
    closing.push(
      () => one?.close(),
      () => other?.close(),
    );
    let n = 0;
    await until(async () => (await one?.use({ proof: `warm${n++}`, exchange: "", holder: "h" })) === "first");
    await until(
      async () => (await other?.use({ proof: `warm${n++}`, exchange: "", holder: "h" })) === "first",
    );
    for (let k = 0; k < 12; k++) {
      expect(await one?.use({ proof: `p${k}`, exchange: "", holder: "h" })).toBe("first");
      expect(await other?.use({ proof: `p${k}`, exchange: "", holder: "h" })).toBe("replayed");
    }
    const seen = createRedisSeen({ redis: await connect(), secret, keepMs: 60_000, waitMs: 20_000 });
    expect(await seen.has("set")).toBe(false);
    await seen.add("set");
    expect(await seen.has("set")).toBe(true);
    expect([await seen.claim("x", 1_000), await seen.claim("x", 1_000)]).toEqual([true, false]);
  });

  test("a slot that moves to another master is asked for there, and nothing is done twice", async () => {
    const redis = await connect();
    const [from, to] = cluster.nodes;
    const key = await keyOn(redis, from?.port ?? 0);
    expect(await redis.incr(key)).toBe(1);
    const slot = (await from?.client.call("CLUSTER", "KEYSLOT", key)) as number;
    const ids = await Promise.all(
      [from, to].map((node) => node?.client.call("CLUSTER", "MYID") as Promise<string>),
    );
    await to?.client.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0] ?? "");
    await from?.client.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1] ?? "");
    await from?.client.call("MIGRATE", "127.0.0.1", to?.port ?? 0, key, 0, 1_000);
    // under way: those who ask are sent on
    expect(await redis.incr(key)).toBe(2);
    for (const node of cluster.nodes.slice(0, 3))
      await node.client.call("CLUSTER", "SETSLOT", slot, "NODE", ids[1] ?? "");
    expect(await redis.incr(key)).toBe(3);
    expect(await to?.client.get(key)).toBe("3");
  });

  test("the rights that docs/redis.md names for a cluster are enough there", async () => {
    const docs = readFileSync(join(process.cwd(), "docs", "redis.md"), "utf8");
    const rules = /^ACL SETUSER countersign on >PASSWORD (~.*)$/m.exec(docs)?.[1]?.split(" ") ?? [];
    const more = /In a cluster, on every node: `([^`]+)`/.exec(docs)?.[1]?.split(" ") ?? [];
    expect([rules.length > 20, more.length > 3]).toEqual([true, true]);
    for (const { client } of cluster.nodes) {
      await client.call("ACL", "SETUSER", "countersign", "reset", "on", ">PASSWORD", ...rules, ...more);
      await client.call("ACL", "LOG", "RESET");
    }
    const redis = await connect(cluster.url.replace("://", "://countersign:PASSWORD@"));
    // a connection may have gone meanwhile: nothing is queued for the next
    await until(() =>
      redis.subscribe("cs:news").then(
        () => true,
        () => false,
      ),
    );
    const heard: string[] = [];
    redis.on("message", (_channel: string, message: string) => heard.push(message));
    await until(async () => {
      await redis.publish("cs:news", "x");
      return heard.length > 0;
    });
    for (let n = 0; n < 50; n++) await redis.set(`countersign:d2:${n}`, "x");
    for (const { client } of cluster.nodes) expect(await client.call("ACL", "LOG")).toEqual([]);
  });

  test("what lies in a slot that no master has is refused, and the rest goes on", async () => {
    for (const { client } of cluster.nodes) await client.config("SET", "cluster-require-full-coverage", "no");
    const [slot, lost] = [await cluster.nodes[0]?.client.call("CLUSTER", "KEYSLOT", "lost"), "lost"];
    const owner = await cluster.masterOf(lost);
    for (const { client } of cluster.nodes)
      await client.call("CLUSTER", "DELSLOTS", slot as number).catch(() => 0);
    const redis = await connect();
    const asked = redis.getrange(lost, 0, 9);
    await expect(asked).rejects.toMatchObject({});
    expect(await redis.set("another", "x")).toBe("OK");
    await owner.client.call("CLUSTER", "ADDSLOTS", slot as number);
    for (const { client } of cluster.nodes)
      await client.config("SET", "cluster-require-full-coverage", "yes");
    await until(
      () =>
        redis.getrange(lost, 0, 9).then(
          () => true,
          () => false,
        ),
      10,
    );
  });

  test("started where no cluster is, it decides without, and says so once", async () => {
    const told: string[] = [];
    const redis = connectRedis("redis-cluster://127.0.0.1:1,127.0.0.1:2", {
      onUp: () => told.push("up"),
      onDown: ({ code = "" }) => told.push(code),
    });
    closing.push(() => {
      redis.disconnect();
    });
    // nothing waits until there is one
    const from = redis.status;
    await expect(redis.get("x")).rejects.toMatchObject({});
    expect([from, redis.status]).toEqual(["connecting", "connecting"]);
    await until(() => told.length > 0);
    await expect(redis.get("x")).rejects.toMatchObject({});
    await sleep(500);
    expect(told).toEqual(["unreachable"]);
  });
});

faults(
  "a master is killed, frozen, handed over: asked anew within seconds, and no command is done twice",
  async () => {
    const redis = await connect();
    for (const way of ["kill", "freeze", "hand over"] as const) {
      const victim = await masterNow(redis);
      const keys = Array.from({ length: 30 }, (_, n) => `count ${way} ${n}`);
      const [sure, sent] = [new Map<string, number>(), new Map<string, number>()];
      let going = true;
      const add = (of: Map<string, number>, key: string): unknown => of.set(key, (of.get(key) ?? 0) + 1);
      const load = keys.map(async (key) => {
        while (going) {
          add(sent, key);
          await redis.incr(key).then(
            () => add(sure, key),
            () => undefined,
          );
          await sleep(20);
        }
      });
      await sleep(300);
      const readies = redis.told.readies;
      if (way === "kill") await victim.kill();
      else if (way === "freeze") victim.freeze();
      else await replicaOf(victim).then((replica) => replica.client.call("CLUSTER", "FAILOVER"));
      // all slots are served again, by others
      await until(async () => {
        const all = await Promise.all(
          keys.map((key) =>
            redis.get(key).then(
              () => true,
              () => false,
            ),
          ),
        );
        return all.every(Boolean) && redis.told.readies > readies;
      }, 20);
      going = false;
      await Promise.all(load);
      for (const key of keys) {
        const count = Number(await redis.get(key));
        // replicas lag: what was answered may be lost; never is there more than was sent
        expect(count).toBeLessThanOrEqual(sent.get(key) ?? 0);
        expect(count).toBeGreaterThan(0);
      }
      if (way === "kill") await victim.start();
      if (way === "freeze") victim.thaw();
      await until(
        async () => (await victim.client.info("replication")).includes("master_link_status:up"),
        20,
      );
      await sleep(1_000);
    }
    expect(redis.told.ups).toBe(1);
  },
);

/** Reads from sockets that the masters did. */
async function reads(): Promise<number> {
  const told = await Promise.all(cluster.nodes.slice(0, 3).map(({ client }) => client.info("stats")));
  return told.reduce((sum, one) => sum + Number(/total_reads_processed:(\d+)/.exec(one)?.[1]), 0);
}

const portOf = (part: RedisLink): number => (part as unknown as { options: { port: number } }).options.port;

async function masterNow(redis: RedisLink) {
  const ports = partsOf(redis).map(portOf);
  const found = cluster.nodes.find(({ port }) => port === ports[0]);
  if (found === undefined) throw new Error("no master is known");
  return Promise.resolve(found);
}

async function replicaOf(master: { readonly port: number }) {
  for (const node of cluster.nodes) {
    const told = await node.client.info("replication");
    if (told.includes(`master_port:${master.port}`)) return node;
  }
  throw new Error("it has no replica");
}

async function keyOn(redis: RedisLink, port: number): Promise<string> {
  for (let n = 0; n < 1_000; n++) {
    const key = `moving ${n}`;
    await redis.set(key, "0");
    const here = cluster.nodes.find((node) => node.port === port);
    if ((await here?.client.exists(key).catch(() => 0)) === 1) return key;
  }
  throw new Error("no key lies there");
}
