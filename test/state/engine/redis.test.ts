import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Engine } from "../../../sidecar/state/engine/engine.js";
import { openEngine } from "../../../sidecar/state/engine/open.js";
import type { TestRedis } from "../../redis.js";
import { sleep, startRedis, until } from "../../redis.js";
import { callOf, commitOf, keysOf, labelsOf, minute, reserveOf } from "./make.js";
import { engineSuite, left, seen, taken } from "./suite.js";

let at = 1_790_000_000_000;
let redis: TestRedis;
let engine: Engine;
let another: Engine;
const engines: Engine[] = [];
const events: string[] = [];
const warnings: string[] = [];
const log = { info: () => undefined, warn: (text: string) => warnings.push(text), error: () => undefined };

const openOne = (changes = {}): Engine => {
  const one = openEngine({
    config: {
      redisAt: redis.url,
      secret: { text: "a secret of the whole fleet, long enough" },
      onUnavailable: "deny",
      ...{ waitMs: 10_000, graceMs: 50, leaseMs: 60_000, holdMs: 3_600_000, maxEntries: 10_000 },
      ...changes,
    },
    now: () => at,
    newId: () => "id",
    log: log as never,
    onEvent: (event) => events.push(event),
  });
  engines.push(one);
  return one;
};
const make = async (changes = {}): Promise<Engine> => {
  const one = openOne(changes);
  await until(() => one.state === "connected");
  return one;
};

beforeAll(async () => {
  redis = await startRedis();
  [engine, another] = [await make(), await make()];
});
afterAll(async () => {
  for (const one of engines) await one.close();
  await redis.close();
});

describe("in Redis", () => {
  engineSuite({
    engine: () => engine,
    now: () => at,
    advance: (ms) => (at += ms),
    another: () => another,
  });
});

const read = async (one: Engine, keys: ReturnType<typeof keysOf>) => {
  const snapshot = await one.read(keys);
  if (snapshot === "unavailable") throw new Error(snapshot);
  return snapshot;
};

test("labels that two processes give one task at the same time are all there", async () => {
  const keys = keysOf({ holders: ["both"] });
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      taken(n % 2 === 0 ? engine : another, commitOf(keys, { labels: labelsOf(`l${n % 30}`) })),
    ),
  );
  expect(Object.keys((await seen(engine, keys)).labels).length).toBe(30);
  expect(Object.keys((await seen(another, keysOf({ holders: ["both"] }))).labels).length).toBe(30);
  // taking off and giving, by turns, from both sides
  for (let n = 0; n < 6; n++) {
    const [one, other] = n % 2 === 0 ? [engine, another] : [another, engine];
    await taken(one, commitOf(keys, { unlabel: ["l1"] }));
    expect(Object.keys((await seen(other, keys)).labels)).not.toContain("l1");
    await taken(other, commitOf(keys, { labels: labelsOf("l1") }));
    expect(Object.keys((await seen(one, keys)).labels)).toContain("l1");
  }
});

describe("what others write in Redis", () => {
  const find = async (pattern: string): Promise<string[]> => redis.client.keys(pattern);

  test("a label that isn't authentic denies", async () => {
    const tenant = "poisoned";
    const keys = keysOf({ tenant });
    await taken(engine, commitOf(keys, { labels: labelsOf("a") }));
    const [key = ""] = await find("cs:{*}:l:*").then(async (all) => {
      const fields = await Promise.all(all.map((one) => redis.client.hlen(one)));
      return all.filter((_, n) => (fields[n] ?? 0) > 0).slice(-1);
    });
    for (const poison of ["1.0.999999999999999.AAAA", "", "x".repeat(100)]) {
      for (const one of await find("cs:{*}:l:*")) await redis.client.hset(one, "poison", poison);
      const done = await another.commit(commitOf(keys, {}, { rests: { labels: "0.x" } }));
      expect(done.kind).toBe("unavailable");
    }
    for (const one of await find("cs:{*}:l:*")) await redis.client.hdel(one, "poison");
    expect(key).not.toBe("");
    expect(events).toContain("unauthentic");
    expect(warnings.join("\n")).toContain("redis holds what is not authentic");
  });

  test("a label moved to another task doesn't hold there", async () => {
    const [from, to] = [keysOf({ tenant: "moved" }), keysOf({ tenant: "moved" })];
    const before = new Set(await find("cs:{*}:l:*"));
    await taken(engine, commitOf(from, { labels: labelsOf("a") }));
    const [source = ""] = (await find("cs:{*}:l:*")).filter((key) => !before.has(key));
    await taken(engine, commitOf(to, { labels: labelsOf("b") }));
    const [target = ""] = (await find("cs:{*}:l:*")).filter((key) => !before.has(key) && key !== source);
    await redis.client.hset(target, await redis.client.hgetall(source));
    expect((await another.commit(commitOf(to, {}, { rests: { labels: "?" } }))).kind).toBe("unavailable");
  });

  test.each([
    ["activity", "cs:{*}:a:*"],
    ["labels", "cs:{*}:l:*"],
    ["counters", "cs:{*}:c:*"],
  ])("a foreign type under %s denies, and holds nothing", async (_name, pattern) => {
    const keys = keysOf({ tenant: `types-${pattern}` });
    const before = new Set(await find(pattern));
    const reserve = reserveOf();
    await taken(engine, commitOf(keys, { labels: labelsOf("a"), reserve: [reserve] }));
    for (const key of (await find(pattern)).filter((one) => !before.has(one))) {
      await redis.client.set(key, "text");
    }
    const done = await another.commit(commitOf(keys, { labels: labelsOf("b"), reserve: [reserve] }));
    expect(done.kind).toBe("unavailable");
  });

  test("a task that Redis doesn't take keeps no other waiting, and its labels are known here", async () => {
    const [bad, good] = [keysOf({ tenant: "blocked" }), keysOf({ tenant: "blocked" })];
    const before = new Set(await find("cs:{*}:l:*"));
    await taken(engine, commitOf(bad, { labels: labelsOf("a") }));
    for (const key of (await find("cs:{*}:l:*")).filter((one) => !before.has(one))) {
      await redis.client.set(key, "text");
    }
    engine.note(commitOf(bad, { labels: labelsOf("b") }));
    engine.note(commitOf(good, { labels: labelsOf("c") }));
    await until(async () => Object.keys((await seen(another, good)).labels).length === 1);
    expect(Object.keys((await read(engine, bad)).labels).sort()).toEqual(["a", "b"]);
  });

  test("a count that is no number counts as more than any limit", async () => {
    const reserve = reserveOf({ amount: 1_000 });
    const before = new Set(await find("cs:{*}:c:*"));
    await taken(engine, commitOf(keysOf(), { reserve: [reserve] }));
    const [key = ""] = (await find("cs:{*}:c:*")).filter((one) => !before.has(one));
    await redis.client.hset(key, "0", "many");
    const [result] = await taken(engine, commitOf(keysOf(), { reserve: [reserve] }));
    expect(result?.over).toBeDefined();
  });

  test("a record of any size isn't carried", async () => {
    const keys = keysOf({ tenant: "huge" });
    const before = new Set(await find("cs:{*}:l:*"));
    await taken(engine, commitOf(keys, { labels: labelsOf("a") }));
    const [key = ""] = (await find("cs:{*}:l:*")).filter((one) => !before.has(one));
    await redis.client.hset(key, "huge", "x".repeat(4_000_000));
    expect((await another.commit(commitOf(keys, {}, { rests: { labels: "?" } }))).kind).toBe("unavailable");
  });
});

describe("a Redis that lost something", () => {
  test("labels, counts of tasks, ends and counters that are known here are written back", async () => {
    const keys = keysOf({ tenant: "flushed", holders: ["fh"] });
    const ended = keysOf({ tenant: "flushed" });
    const [budget, timed] = [reserveOf({ take: 6 }), reserveOf({ take: 6, window: minute })];
    for (let n = 0; n < 3; n++)
      await taken(engine, commitOf(keys, { labels: labelsOf(`l${n}`), tool: "a/b" }));
    await taken(engine, commitOf(keys, { reserve: [budget, timed] }));
    await engine.end(ended);
    await redis.client.flushall();
    events.length = 0;
    for (const one of [budget, timed]) {
      const [result] = await taken(engine, commitOf(keysOf({ tenant: "flushed" }), { reserve: [one] }));
      expect(result?.over).toBeDefined();
    }
    expect((await engine.commit(commitOf(ended))).kind).toBe("ended");
    // whoever rests on it is told that it has changed; one who doesn't writes it back, too
    const done = await engine.commit(commitOf(keys, {}, { rests: (await read(engine, keys)).seen }));
    expect(done.kind).toBe("stale");
    const fresh = await seen(another, keys);
    expect(Object.keys(fresh.labels).sort()).toEqual(["l0", "l1", "l2"]);
    expect(fresh.activity).toMatchObject({ requests: 4, tools: { "a/b": 3 } });
    expect(
      Object.keys((await seen(another, keysOf({ tenant: "flushed", holders: ["fh"] }))).labels).length,
    ).toBe(3);
    expect(events).toContain("restored");
  });

  test("what nothing rests on brings back what was lost, too", async () => {
    const keys = keysOf({ tenant: "noted" });
    await taken(engine, commitOf(keys, { labels: labelsOf("a") }));
    await redis.client.flushall();
    engine.note(commitOf(keys));
    await until(async () => Object.keys((await seen(another, keys)).labels).length === 1);
  });

  test("an old snapshot sheds no label and frees no budget", async () => {
    const keys = keysOf({ tenant: "restored" });
    const reserve = reserveOf({ amount: 10, take: 3 });
    const call = callOf({ reserve: [reserve] });
    await taken(engine, commitOf(keys, [{ ...call, labels: labelsOf("a") }]));
    const old = new Map<string, Buffer>();
    for (const key of await redis.client.keys("*")) {
      const dump = await redis.client.dumpBuffer(key);
      if (dump !== null) old.set(key, dump);
    }
    engine.settle(call.decisionId, { units: { tokens: 3 }, known: true });
    await taken(engine, commitOf(keys, { labels: labelsOf("b"), reserve: [{ ...reserve, take: 6 }] }));
    await redis.client.flushall();
    for (const [key, dump] of old) await redis.client.restore(key, 60_000, dump, "REPLACE");
    const rests = (await read(engine, keys)).seen;
    const done = await engine.commit(commitOf(keys, {}, { rests }));
    expect(done.kind === "stale" && Object.keys(done.snapshot.labels).sort()).toEqual(["a", "b"]);
    expect(await left(engine, reserve, "restored")).toBe(1);
    // the call of then is under way again there: that gives nothing back
    engine.settle(call.decisionId, { units: {}, known: true });
    await sleep(50);
    expect(await left(engine, reserve, "restored")).toBe(1);
  });
});

test("what a process that crashed held comes back by itself", async () => {
  const reserve = reserveOf({ amount: 10, take: 4 });
  const under = reserveOf({ unit: "concurrent", window: { kind: "concurrent" }, amount: 3 });
  const [crashing, watching] = [await make(), await make({ leaseMs: 400 })];
  const keys = keysOf({ tenant: "crash" });
  const before = new Set(await redis.client.keys("cs:{*}:p"));
  await taken(crashing, commitOf(keys, { reserve: [reserve, under] }));
  const [leases = "", ...others] = (await redis.client.keys("cs:{*}:p")).filter((one) => !before.has(one));
  const [pid = "", ...pids] = await redis.client.zrange(leases, "0", "-1");
  expect([pid === "", others, pids]).toEqual([false, [], []]);
  await crashing.close();
  const left = async () => {
    const soft = [reserve, under].map((one) => ({ ...one, take: 0, soft: true }));
    const [result] = await taken(
      watching,
      commitOf(keysOf({ tenant: "crash" }), { quiet: true, reserve: soft }),
    );
    return result?.limits.map(({ remaining }) => remaining);
  };
  expect(await left()).toEqual([6, 2]);
  // a minute goes by
  await redis.client.zincrby(leases, -60_000, pid);
  await until(async () => (await left())?.[1] === 3);
  expect(await left()).toEqual([10, 3]);
});

describe("without Redis", () => {
  let own: TestRedis;
  const build = async (changes = {}): Promise<Engine> => make({ redisAt: own.url, ...changes });
  beforeAll(async () => {
    own = await startRedis();
  });
  afterAll(async () => {
    await own.close();
  });

  test("killed: denied at once; what isn't waited for is done when it is back", async () => {
    const one = await build();
    const keys = keysOf({ holders: ["kh"] });
    await taken(one, commitOf(keys, { labels: labelsOf("a") }));
    await own.kill();
    await until(() => one.state === "unavailable");
    expect((await one.commit(commitOf(keys))).kind).toBe("unavailable");
    one.note(commitOf(keys, { labels: labelsOf("b") }));
    // and it is known here at once
    const known = await read(one, keysOf({ holders: ["kh"] }));
    expect(Object.keys(known.labels).sort()).toEqual(["a", "b"]);
    await own.start();
    await until(() => one.state === "connected");
    const other = await build();
    await until(async () => Object.keys((await seen(other, keys)).labels).includes("b"));
    expect(Object.keys((await seen(other, keys)).labels).sort()).toEqual(["a", "b"]);
  });

  test("restarted empty: what one knows is there for all, before anybody asks it", async () => {
    const one = await build();
    const [keys, over] = [keysOf({ holders: ["eh"] }), keysOf()];
    const reserve = reserveOf({ amount: 10, take: 7 });
    await taken(one, commitOf(keys, { labels: labelsOf("a"), reserve: [reserve] }));
    await one.end(over);
    await own.kill();
    await own.start();
    await until(() => one.state === "connected");
    const other = await build();
    await until(async () => (await left(other, reserve)) === 3);
    await until(async () => (await other.commit(commitOf(over))).kind === "ended");
    const fresh = await seen(other, keys);
    expect(Object.keys(fresh.labels)).toEqual(["a"]);
    expect(fresh.activity.requests).toBe(1);
    expect(Object.keys((await seen(other, keysOf({ holders: ["eh"] }))).labels)).toEqual(["a"]);
  });

  test.each([
    ["that wants another password", "redis://:wrong@"],
    ["that answers garbage", "garbage"],
  ])("one %s: denied", async (_name, kind) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const redisAt = kind === "garbage" ? `redis://127.0.0.1:${port}` : own.url.replace("redis://", kind);
    if (kind !== "garbage") await own.client.config("SET", "requirepass", "right");
    const one = openOne({ redisAt, waitMs: 100 });
    await sleep(50);
    expect((await one.commit(commitOf(keysOf()))).kind).toBe("unavailable");
    await one.close();
    if (kind !== "garbage") await own.client.config("SET", "requirepass", "");
    server.close();
  });

  test("frozen: denied within the time, and what was held meanwhile is given back", async () => {
    const [one, other] = [await build({ waitMs: 200, leaseMs: 400 }), await build()];
    const reserve = reserveOf({ amount: 10, take: 4 });
    own.freeze();
    expect((await one.commit(commitOf(keysOf(), { reserve: [reserve] }))).kind).toBe("unavailable");
    own.thaw();
    await until(async () => (await one.commit(commitOf(keysOf()))).kind === "committed");
    await until(async () => (await left(other, reserve)) === 10);
  });

  test.each([
    ["a full one", ["maxmemory", "1"], ["maxmemory", "0"]],
    ["one that takes no writes", ["min-replicas-to-write", "1"], ["min-replicas-to-write", "0"]],
  ])("%s: denied", async (_name, on, off) => {
    const one = await build();
    await own.client.config("SET", on[0] ?? "", on[1] ?? "");
    expect((await one.commit(commitOf(keysOf(), { reserve: [reserveOf()] }))).kind).toBe("unavailable");
    await own.client.config("SET", off[0] ?? "", off[1] ?? "");
    expect((await one.commit(commitOf(keysOf()))).kind).toBe("committed");
  });

  test("it can go on by itself where it is told to, and tells Redis of it then", async () => {
    const one = await build({ onUnavailable: "local" });
    const keys = keysOf({ tenant: "local" });
    const reserve = reserveOf({ amount: 10, take: 3 });
    await taken(one, commitOf(keys, { labels: labelsOf("a"), reserve: [reserve] }));
    await own.kill();
    await until(() => one.state === "unavailable");
    const known = await read(one, keys);
    expect(Object.keys(known.labels)).toEqual(["a"]);
    expect(known.activity.requests).toBe(1);
    const call = callOf({ labels: labelsOf("b"), reserve: [reserve] });
    expect((await one.commit(commitOf(keys, [call], { rests: known.seen }))).kind).toBe("committed");
    const [over] = await taken(one, commitOf(keys, { reserve: [{ ...reserve, take: 5 }] }));
    expect(over?.over).toBeDefined();
    one.settle(call.decisionId, { units: { tokens: 2 }, known: true });
    await own.start();
    await until(() => one.state === "connected");
    const other = await build();
    await until(async () => Object.keys((await seen(other, keys)).labels).length === 2);
    // Redis came back empty: what was seen of it counts, and what was used meanwhile
    expect((await seen(other, keys)).activity).toMatchObject({ requests: 3, denials: 1 });
    await until(async () => (await left(other, reserve, "local")) === 5);
  });
});
