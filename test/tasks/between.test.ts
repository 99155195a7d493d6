/** What happens between a sidecar and its Redis: nothing is given twice, nothing is lost, nothing is shed. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { TestRedis } from "../redis.js";
import { startRedis, until } from "../redis.js";
import type { Answer, Fleet, How, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";
import type { Wire } from "./wire.js";
import { startWire } from "./wire.js";

let redis: TestRedis;
let wire: Wire;
let fleet: Fleet;
/** Behind the wire. */
let far: Replica;
/** Behind the wire, and goes on without Redis. */
let alone: Replica;
let near: Replica;
const state = (url: string, more: object = {}) => ({
  redis_url: url,
  secret: "a secret of the whole fleet, long enough",
  // a busy machine's pause isn't a Redis that is away
  ...{ grace_ms: 200, wait_ms: 1_500 },
  ...more,
});
const fences = { stale_after_ms: 3_000, poll_ms: 40 };
beforeAll(async () => {
  redis = await startRedis();
  wire = await startWire(redis.url);
  fleet = await startFleet(0);
  far = await fleet.add({ state: state(wire.url), fences });
  alone = await fleet.add({
    state: state(wire.url, { on_unavailable: "local" }),
    fences: { ...fences, on_partition: "allow_cached" },
  });
  near = await fleet.add({ state: state(redis.url), fences });
  await connected();
});
afterAll(async () => {
  await fleet.close();
  await wire.close();
  await redis.close();
});

/** Waits until all replicas answer, and so hear of fences and Redis. */
async function connected(): Promise<void> {
  for (const one of [far, alone, near]) {
    await until(async () => (await fleet.ask(one, "twenty", { user: `healthy-${users++}` })).status === 200);
  }
}
let users = 0;

/** Takes what is left of a budget, where all is settled; gives how much that was. */
async function takeRest(user: string, through: Replica): Promise<number> {
  for (let taken = 0; ; taken++) {
    const { status, text } = await fleet.ask(through, "twenty", { user });
    // 503: whether it was taken isn't known, and will be
    if (status === 429 || status === 503) return taken;
    if (status !== 200) throw new Error(text);
  }
}
/** Holds all places at once, which nobody else holds then; and lets go. */
async function takePlaces(user: string): Promise<void> {
  const gone = new AbortController();
  const how: How = { user, stream: true, signal: gone.signal };
  const from = fleet.upstream.received.length;
  const held = [far, near, far, near, far].map((one) =>
    fleet.ask(one, "five-at-once", how).catch(() => undefined),
  );
  await until(() => fleet.upstream.received.length === from + 5);
  expect(await fleet.ask(near, "five-at-once", { user })).toMatchObject({ status: 429 });
  gone.abort();
  await Promise.all(held);
}
const granted = (answers: readonly Answer[]): number => answers.filter(({ status }) => status === 200).length;

describe("in the middle of commits and settlements", () => {
  const faults: Record<string, { fault: () => void }> = {
    "the connection breaks": {
      fault: () => {
        wire.cut();
      },
    },
    "answers come later than is waited for": {
      fault: () => {
        wire.slow(1_800);
      },
    },
    "nothing comes through, and nothing breaks": {
      fault: () => {
        wire.hold();
      },
    },
  };
  test.each(Object.entries(faults))("%s: nothing over, nothing lost", async (name, { fault }) => {
    const user = `between-${name.slice(0, 8)}`;
    const first = await Promise.all([far, near].map((one) => fleet.ask(one, "twenty", { user })));
    expect(granted(first)).toBe(2);
    const from = fleet.upstream.received.length;
    // some are decided, some are on their way, some aren't settled yet, as it happens
    const asked = Array.from({ length: 18 }, (_, n) =>
      fleet.ask(n % 3 === 0 ? near : far, n % 2 === 0 ? "twenty" : "five-at-once", { user }),
    );
    await until(() => fleet.upstream.received.length > from);
    fault();
    const later = Array.from({ length: 6 }, () => fleet.ask(far, "twenty", { user }));
    expect((await Promise.all(later)).map(({ status }) => status)).toEqual(Array(6).fill(503));
    const answers = await Promise.all(asked);
    for (const { status } of answers) expect([200, 429, 503]).toContain(status);
    wire.heal();
    await connected();
    const before = granted(first) + granted(answers.filter((_, n) => n % 2 === 0));
    // what was refused as it wasn't known whether it was counted comes back
    let taken = 0;
    await until(async () => {
      taken += await takeRest(user, taken % 2 === 0 ? far : near);
      return before + taken >= 20;
    });
    expect(before + taken).toBe(20);
    await until(async () => (await fleet.ask(near, "five-at-once", { user })).status === 200);
    await takePlaces(user);
  });
});

describe("a partition", () => {
  test("fences are seen once it heals; what goes on meanwhile goes on by what is known", async () => {
    const [known, later, marked] = ["known-before", "fenced-meanwhile", "marked-meanwhile"];
    await near.sidecar.fences.add({ match: { tenant: "acme", subject: known }, reason: "t", by: "t" });
    for (const one of [far, alone])
      await until(async () => (await fleet.ask(one, "plain", { user: known })).code === "fenced");
    const from = fleet.upstream.received.length;
    const streaming = fleet.ask(alone, "plain", { user: later, stream: true });
    await until(() => fleet.upstream.received.length > from);
    wire.cut();
    await until(async () => (await fleet.ask(far, "plain")).status === 503);
    // it goes on by itself: known fences cut, labels stand, also those that are new
    await until(async () => (await fleet.ask(alone, "plain")).status === 200);
    expect(await fleet.ask(alone, "plain", { user: known })).toMatchObject({ status: 403, code: "fenced" });
    expect(await fleet.ask(far, "plain", { user: known })).toMatchObject({ status: 403, code: "fenced" });
    expect(await fleet.ask(alone, "reads-private", { user: marked })).toMatchObject({ status: 200 });
    expect(await fleet.ask(alone, "sends", { user: marked })).toMatchObject({ status: 403 });
    await near.sidecar.fences.add({ match: { tenant: "acme", subject: later }, reason: "t", by: "t" });
    expect(await fleet.ask(near, "plain", { user: later })).toMatchObject({ code: "fenced" });
    expect(await fleet.ask(alone, "plain", { user: later })).toMatchObject({ status: 200 });
    wire.heal();
    const { text } = await streaming;
    expect(text).toContain("fenced");
    for (const one of [far, alone])
      await until(async () => (await fleet.ask(one, "plain", { user: later })).code === "fenced");
    // what was picked up meanwhile stands everywhere
    await until(async () => (await fleet.ask(near, "sends", { user: marked })).status === 403);
    expect(await fleet.ask(alone, "sends", { user: marked })).toMatchObject({ status: 403 });
    await connected();
  });

  test("a budget that is used by itself meanwhile is one with the fleet's afterwards", async () => {
    const user = "spends-meanwhile";
    for (let n = 0; n < 8; n++) expect((await fleet.ask(alone, "twenty", { user })).status).toBe(200);
    wire.cut();
    await until(async () => (await fleet.ask(alone, "plain", { user: "x" })).status === 200);
    for (let n = 0; n < 7; n++) expect((await fleet.ask(alone, "twenty", { user })).status).toBe(200);
    wire.heal();
    await connected();
    await until(async () => {
      const left = (await fleet.ask(near, "twenty", { user })).headers.get("x-ratelimit-remaining-requests");
      return Number(left) < 5;
    });
    for (const one of [near, far]) await takeRest(user, one);
    expect(await fleet.ask(alone, "twenty", { user })).toMatchObject({ status: 429 });
  });
});

describe("a Redis that isn't the same any more", () => {
  /** Does some before, and some after something was kept of it. */
  const work = async (user: string, keep: () => Promise<void>): Promise<() => Promise<void>> => {
    const early = `${user}-early`;
    const lateUser = `${user}-late`;
    const fence = (subject: string) =>
      near.sidecar.fences.add({ match: { tenant: "acme", subject }, reason: "t", by: "t" });
    await fence(early);
    for (let n = 0; n < 9; n++) expect((await fleet.ask(far, "twenty", { user })).status).toBe(200);
    await keep();
    for (let n = 0; n < 8; n++) expect((await fleet.ask(far, "twenty", { user })).status).toBe(200);
    await fleet.ask(far, "reads-private", { user });
    await fence(lateUser);
    for (const one of [far, near])
      await until(async () => (await fleet.ask(one, "plain", { user: lateUser })).code === "fenced");
    return async () => {
      for (const one of [far, near]) {
        for (const fenced of [early, lateUser]) {
          expect(await fleet.ask(one, "plain", { user: fenced })).toMatchObject({ code: "fenced" });
        }
      }
      expect(await fleet.ask(far, "sends", { user })).toMatchObject({ status: 403 });
      expect(await fleet.ask(near, "sends", { user })).toMatchObject({ status: 403 });
      expect(await takeRest(user, far)).toBe(3);
      expect(await fleet.ask(near, "twenty", { user })).toMatchObject({ status: 429 });
    };
  };

  test("was restored from an old dump: no fence is lifted, no label shed, no budget given anew", async () => {
    const check = await work("restored", async () => void (await redis.client.save()));
    await redis.kill();
    await redis.start();
    await connected();
    await check();
  });

  test("failed over to a replica that was behind: the same", async () => {
    const second = await startRedis();
    const { hostname, port } = new URL(redis.url);
    await redis.client.config("SET", "repl-diskless-sync-delay", "0");
    await second.client.replicaof(hostname, port);
    await until(async () => (await second.client.info("replication")).includes("master_link_status:up"));
    const [wasNear, direct] = [near, await startWire(redis.url)];
    near = await fleet.add({ state: state(direct.url), fences });
    await connected();
    const check = await work("failed-over", async () => {
      await until(async () => (await redis.client.wait(1, 100)) === 1);
      await second.client.replicaof("NO", "ONE");
    });
    try {
      await redis.kill();
      wire.lead(second.url);
      direct.lead(second.url);
      await connected();
      await check();
    } finally {
      await redis.start();
      near = wasNear;
      wire.lead(redis.url);
      direct.lead(redis.url);
      await connected();
      await direct.close();
      await second.close();
    }
  });
});
