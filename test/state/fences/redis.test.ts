/** Fences of a fleet: what a Redis that fails, forgets or is tampered with can do, and can't. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { FencesConfig } from "../../../sidecar/state/fences/config.js";
import type { OpenFencesParts } from "../../../sidecar/state/fences/open.js";
import { createFenceSeal } from "../../../sidecar/state/fences/seal.js";
import type { TestRedis } from "../../redis.js";
import { sleep, startRedis, until } from "../../redis.js";
import type { Opened } from "./world.js";
import { open, secret } from "./world.js";

let redis: TestRedis;
let dir: string;
const opened: Opened[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "countersign-fences-"));
});
let down = false;
const kill = (): Promise<void> => {
  down = true;
  return redis.kill();
};
const start = async (): Promise<void> => {
  await redis.start();
  down = false;
};
afterEach(async () => {
  redis.thaw();
  // where a test ended in the middle
  if (down) await start();
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await redis.client.flushall();
  await rm(dir, { recursive: true, force: true });
});
afterAll(() => redis.close());

const prefix = `cs:{fences-${createFenceSeal(secret).name}}:`;
const [records, revision] = [`${prefix}records`, `${prefix}revision`];
const bob = ["subject:bob"];

async function replica(
  config: Partial<FencesConfig> = {},
  parts: Partial<OpenFencesParts> = {},
): Promise<Opened> {
  const one = await open(config, { secret, redisAt: redis.url, ...parts });
  opened.push(one);
  return one;
}
const fresh = (one: Opened): Promise<void> => until(() => !one.status().stale);
const cuts = (one: Opened, handles = bob): boolean => typeof one.check(handles) === "object";
async function fence(one: Opened, by = "ann"): Promise<string> {
  const added = await one.add({ match: { subject: "bob" }, reason: "left", by });
  expect(added.kind).toBe("done");
  return added.kind === "done" ? added.fence.id : "";
}

describe("over a fleet", () => {
  test("a fence that one sets is in force at all, and lifted at all", async () => {
    const all = await Promise.all([replica(), replica(), replica()]);
    await Promise.all(all.map(fresh));
    const [a, b, c] = all as [Opened, Opened, Opened];
    const id = await fence(a);
    await until(() => cuts(b) && cuts(c));
    await b.lift(id, "cid");
    await until(() => !cuts(a) && !cuts(c));
    // one that comes later knows it, too
    await fence(c);
    const late = await replica();
    await until(() => cuts(late));
  });

  test("two people at two replicas lift", async () => {
    const [a, b] = [await replica({ secondPerson: true }), await replica({ secondPerson: true })];
    await Promise.all([a, b].map(fresh));
    const id = await fence(a);
    await until(() => cuts(b));
    await a.lift(id, "cid");
    await until(() => b.status().waiting_for_second_person === 1);
    expect(await b.lift(id, "CID")).toMatchObject({ kind: "waits" });
    expect(await b.lift(id, "dee")).toMatchObject({ kind: "done" });
    await until(() => !cuts(a));
  });

  test("many at once from all sides: all know all", async () => {
    const all = await Promise.all([replica(), replica(), replica()]);
    await Promise.all(all.map(fresh));
    await Promise.all(
      all.flatMap((one, r) =>
        Array.from({ length: 20 }, (_, i) =>
          one.add({ match: { subject: `s-${r}-${i}` }, reason: "r", by: "ann" }),
        ),
      ),
    );
    await until(() => all.every((one) => one.list().length === 60));
    expect(await redis.client.hlen(records)).toBe(60);
  });

  test("a census asks all of them", async () => {
    const [a, b] = [await replica(), await replica()];
    await Promise.all([a, b].map(fresh));
    a.serveCensus((match) => Promise.resolve({ streams: match.subject === "bob" ? 2 : 0 }));
    b.serveCensus(() => Promise.resolve({ streams: 1, mcp_sessions: 4 }));
    expect(await a.census({ subject: "bob" })).toEqual({
      live: { streams: 3, mcp_sessions: 4 },
      asked: 2,
      answered: 2,
    });
  });
});

describe("Redis away", () => {
  test("before its first answer nothing is known: deny", async () => {
    await kill();
    const one = await replica();
    expect(one.check(bob)).toBe("fences_stale");
    const going = await replica({ onPartition: "allow_cached" });
    expect(going.check(bob)).toBeUndefined();
    await start();
    await fresh(one);
    expect(one.check(bob)).toBeUndefined();
  });

  test.each(["killed", "frozen"])("%s: stale within stale_after_ms, and known again after", async (how) => {
    const short = { staleAfterMs: 400 };
    const [a, b] = [await replica(short), await replica({ ...short, onPartition: "allow_cached" })];
    await Promise.all([a, b].map(fresh));
    const id = await fence(a);
    await until(() => cuts(b));
    if (how === "killed") await kill();
    else redis.freeze();
    await until(() => a.check(["subject:ann"]) === "fences_stale");
    await until(() => a.kinds().includes("stale"));
    // what is known counts, stale or not
    expect(a.check(bob)).toMatchObject({ id });
    expect(b.check(["subject:ann"])).toBeUndefined();
    expect(b.check(bob)).toMatchObject({ id });
    // a fence is in force where it was asked for, and says that it isn't known elsewhere
    expect(await a.add({ match: { model: "m" }, reason: "r", by: "ann" })).toMatchObject({
      kind: "unwritten",
    });
    expect(cuts(a, ["model:m"])).toBe(true);
    expect(cuts(b, ["model:m"])).toBe(false);
    if (how === "killed") await start();
    else redis.thaw();
    await until(() => cuts(b, ["model:m"]), 8);
    await fresh(a);
    expect(a.check(["subject:ann"])).toBeUndefined();
    await until(() => a.kinds().lastIndexOf("fresh") > a.kinds().indexOf("stale"));
  });

  test("partition both ways: what each side did holds at both once they meet", async () => {
    const other = await startRedis();
    const [a, b] = [await replica(), await replica({}, { redisAt: other.url })];
    await Promise.all([a, b].map(fresh));
    await a.add({ match: { subject: "of-a" }, reason: "r", by: "ann" });
    await b.add({ match: { subject: "of-b" }, reason: "r", by: "ann" });
    // both sides' Redis come to hold what the other's does
    const name = createFenceSeal(secret).name;
    for (const [id = "", text = ""] of Object.entries(
      await other.client.hgetall(`cs:{fences-${name}}:records`),
    ))
      await redis.client.hset(records, id, text);
    await redis.client.set(revision, "elsewhere");
    await until(() => cuts(a, ["subject:of-b"]));
    expect(cuts(a, ["subject:of-a"])).toBe(true);
    await other.close();
  });
});

describe("a Redis that isn't what it was can't lift one", () => {
  const attacks: Record<string, (id: string, dump: Record<string, string>) => Promise<unknown>> = {
    "all is flushed": () => redis.client.flushall(),
    "its record is deleted": (id) => redis.client.hdel(records, id),
    "its record is deleted, and the revision changed": async (id) => {
      await redis.client.hdel(records, id);
      await redis.client.set(revision, "x");
    },
    "an old snapshot is restored": async (_id, dump) => {
      await redis.client.flushall();
      if (Object.keys(dump).length > 0) await redis.client.hset(records, dump);
      await redis.client.set(revision, "old");
    },
    "its record says that it is lifted": async (id) => {
      const text = (await redis.client.hget(records, id)) ?? "";
      await redis.client.hset(
        records,
        id,
        text.replace('"active"', '"lifted"').replace('"version":1', '"version":9'),
      );
      await redis.client.set(revision, "x");
    },
    "its record is lifted under another fleet's secret": async (id) => {
      const other = createFenceSeal("another-secret-of-another-fleet-of-length");
      const lifted = {
        id,
        version: 9,
        state: "lifted",
        match: { subject: "bob" },
        reason: "r",
        by: "m",
        at: 1,
      } as const;
      await redis.client.hset(records, id, other.close(lifted));
      await redis.client.set(revision, "x");
    },
    "another fence's lifted record stands in its place": async (id) => {
      const lifted = {
        id: "f-2",
        version: 9,
        state: "lifted",
        match: { subject: "bob" },
        reason: "r",
        by: "m",
        at: 1,
      } as const;
      await redis.client.hset(records, id, createFenceSeal(secret).close(lifted));
      await redis.client.set(revision, "x");
    },
    "garbage stands in its place": async (id) => {
      await redis.client.hset(records, id, "x".repeat(100_000), "y".repeat(1_000), "1..");
      await redis.client.set(revision, "x");
    },
    "the records are another type": async () => {
      await redis.client.set(records, "what");
      await redis.client.del(revision);
    },
    "the revision is another type": async () => {
      await redis.client.del(revision);
      await redis.client.lpush(revision, "what");
    },
    "garbage is announced": () =>
      redis.client.publish(`${prefix}news`, JSON.stringify(["a", "b", "id", "1.mac.{}"])),
  };
  test.each(Object.entries(attacks))("%s", async (_name, attack) => {
    const [a, b] = [await replica(), await replica()];
    await Promise.all([a, b].map(fresh));
    const dump = await redis.client.hgetall(records);
    const id = await fence(a);
    await until(() => cuts(b));
    const healthy = (await redis.client.hget(records, id)) ?? "";
    await attack(id, dump);
    await sleep(150);
    expect([cuts(a), cuts(b)]).toEqual([true, true]);
    if (_name !== "its record is deleted") {
      // what Redis lacks is written again, for those that come later
      await until(async () => (await redis.client.hget(records, id).catch(() => "")) === healthy);
      const late = await replica();
      await until(() => cuts(late));
    }
  });

  test("a fence that was lifted doesn't come back with an old snapshot", async () => {
    const [a, b] = [await replica(), await replica()];
    await Promise.all([a, b].map(fresh));
    const id = await fence(a);
    const dump = await redis.client.hgetall(records);
    await a.lift(id, "ann");
    await until(() => !cuts(b));
    await redis.client.flushall();
    await redis.client.hset(records, dump);
    await until(async () => (await redis.client.hget(records, id)) !== dump[id]);
    expect([cuts(a), cuts(b)]).toEqual([false, false]);
  });

  test("records that nobody sealed are told, and change nothing", async () => {
    const a = await replica();
    await fresh(a);
    await redis.client.hset(records, "f-1", "1.forged.{}");
    await redis.client.set(revision, "x");
    await until(() => a.kinds().includes("unauthentic"));
    expect(a.list()).toEqual([]);
    expect(a.status().stale).toBe(false);
  });

  test("more records than may be aren't read: stale", async () => {
    const a = await replica({ max: 10, staleAfterMs: 400 });
    await fresh(a);
    const junk = Array.from({ length: 1_200 }, (_, i) => [`f-${i}`, "x"]).flat();
    await redis.client.hset(records, ...junk);
    await redis.client.set(revision, "x");
    await until(() => a.check(bob) === "fences_stale" && a.kinds().includes("too_many"));
  });

  test("a fleet with another secret in the same Redis sees none, and disturbs none", async () => {
    const a = await replica();
    const other = await replica({}, { secret: "another-secret-of-another-fleet-of-length" });
    await Promise.all([a, other].map(fresh));
    await fence(a);
    await sleep(100);
    expect(other.check(bob)).toBeUndefined();
    expect([...a.kinds(), ...other.kinds()]).not.toContain("unauthentic");
  });
});

describe("restart of everything", () => {
  test("from the file, with a Redis that was set back", async () => {
    const a = await replica({}, { dir });
    await fresh(a);
    const id = await fence(a);
    const lifted = await a.add({ match: { model: "m" }, reason: "r", by: "ann" });
    await a.lift(lifted.kind === "done" ? lifted.fence.id : "", "ann");
    await a.close();
    await redis.client.flushall();
    const b = await replica({}, { dir });
    // in force before Redis has answered
    expect(b.check(bob)).toMatchObject({ id });
    await until(async () => (await redis.client.hexists(records, id)) === 1);
    expect(cuts(b, ["model:m"])).toBe(false);
  });

  test("a damaged file: what is authentic in it counts, and Redis tells the rest", async () => {
    const { appendFile } = await import("node:fs/promises");
    const a = await replica({}, { dir });
    await fresh(a);
    await fence(a);
    await a.close();
    await appendFile(join(dir, "fences"), "forged line\n");
    const b = await replica({}, { dir });
    expect(b.kinds()).toContain("file_damaged");
    expect(cuts(b)).toBe(true);
    await until(() => !b.status().file_damaged);
    await b.add({ match: { model: "m" }, reason: "r", by: "ann" });
    await b.close();
    const c = await replica({}, { dir });
    expect(c.kinds()).not.toContain("file_damaged");
    expect(cuts(c, ["model:m"])).toBe(true);
  });
});

test("keys carry one hash tag", async () => {
  const a = await replica();
  await fresh(a);
  await fence(a);
  const keys = await redis.client.keys("*");
  expect(keys.sort()).toEqual([records, revision].sort());
});
