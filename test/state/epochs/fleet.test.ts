/** Epochs over a real Redis: between replicas, and when Redis isn't what it was. */
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Epochs, EpochsChanged } from "../../../sidecar/state/epochs/epochs.js";
import type { OpenEpochsParts } from "../../../sidecar/state/epochs/open.js";
import { openEpochs } from "../../../sidecar/state/epochs/open.js";
import { createEpochSeal, recordOf } from "../../../sidecar/state/epochs/seal.js";
import type { TestRedis } from "../../redis.js";
import { sleep, startRedis, until } from "../../redis.js";
import { quietLog, secret } from "../fences/world.js";

let redis: TestRedis;
const opened: Epochs[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await redis.client.flushall();
});
afterAll(() => redis.close());

interface Replica extends Epochs {
  readonly changes: EpochsChanged[];
  readonly events: string[];
  kinds(): string[];
}

function replica(parts: Partial<OpenEpochsParts> = {}, url = redis.url): Replica {
  const changes: EpochsChanged[] = [];
  const events: string[] = [];
  const epochs = openEpochs({
    shared: { redisAt: url, secret },
    ...{ cacheTtl: 60, now: Date.now, log: quietLog, pollMs: 40, staleAfterMs: 30_000 },
    onEvent: ({ kind }) => events.push(kind),
    ...parts,
  });
  epochs.subscribe((change) => changes.push(change));
  opened.push(epochs);
  return Object.assign(epochs, { changes, events, kinds: () => changes.map(({ kind }) => kind) });
}

const listening = (...all: Epochs[]): Promise<void> => until(() => all.every((one) => one.listening()));
const alice = ["subject:alice", "tenant:acme"];
const seal = createEpochSeal(secret);
const records = `cs:{epochs-${seal.name}}:records`;

/** A wire to Redis that can be cut. */
async function wire(): Promise<{ url: string; cut(): void; mend(): void; close(): void }> {
  let isCut = false;
  const sockets = new Set<Socket>();
  const { port } = new URL(redis.url);
  const server = createServer((socket) => {
    if (isCut) return socket.destroy();
    const far = connect(Number(port), "127.0.0.1");
    for (const one of [socket, far]) {
      sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => sockets.delete(one));
    }
    socket.pipe(far);
    far.pipe(socket);
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      for (const one of sockets) one.destroy();
    },
    mend() {
      isCut = false;
    },
    close() {
      for (const one of sockets) one.destroy();
      server.close();
    },
  };
}

test("a bump at one replica reaches the other, and gives it a number it never had", async () => {
  const [one, two] = [replica(), replica()];
  await listening(one, two);
  expect([one.of(alice), two.of(alice)]).toEqual([0, 0]);
  const times: number[] = [];
  for (let n = 1; n <= 100; n++) {
    const from = performance.now();
    const bumped = one.bump({ subject: "alice" }, "left", "ann");
    while (two.of(alice) < n) await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - from);
    expect(await bumped).toMatchObject({ kind: "done", bump: { number: n, match: { subject: "alice" } } });
  }
  times.sort((a, b) => a - b);
  if (process.env["PRINT_TIMES"] !== undefined)
    process.stderr.write(`bump to the other replica: median ${times[50]} ms, worst ${times[99]} ms\n`);
  expect([one.of(alice), two.of(alice)]).toEqual([100, 100]);
});

test("replicas that bump at once get numbers of their own, and all come to the same", async () => {
  const replicas = [replica(), replica(), replica()];
  await listening(...replicas);
  const subjects = Array.from({ length: 10 }, (_, n) => `s${n}`);
  const bumps = await Promise.all(
    replicas.flatMap((one) => subjects.map((subject) => one.bump({ subject }, "r", "ann"))),
  );
  await until(() => replicas.every((one) => one.listening()));
  const numbers = bumps.map(({ bump }) => bump.number);
  expect(new Set(numbers).size).toBe(30);
  const all = (one: Epochs): number[] => subjects.map((subject) => one.of([`subject:${subject}`]));
  await until(() => replicas.every((one) => String(all(one)) === String(all(replicas[0] as Epochs))));
});

test("a replica that starts reads all bumps before it listens", async () => {
  const one = replica();
  await listening(one);
  await one.bump({ tenant: "acme" }, "r", "ann");
  const late = replica();
  expect(late.listening()).toBe(false);
  await listening(late);
  expect(late.of(alice)).toBe(1);
});

test("with a wire that was cut, what was bumped meanwhile is learned, and what was kept is dropped", async () => {
  const line = await wire();
  const one = replica();
  const two = replica({}, line.url);
  await listening(one, two);
  line.cut();
  await until(() => !two.listening());
  await one.bump({ subject: "alice" }, "left", "ann");
  expect(two.of(alice)).toBe(0);
  two.changes.length = 0;
  line.mend();
  await listening(two);
  expect(two.of(alice)).toBe(1);
  await until(() => two.kinds().includes("listening"));
  expect(two.kinds().filter((kind) => kind !== "deaf")).toEqual(["missed", "bumped", "listening"]);
  line.close();
});

test("a bump while Redis is away holds here at once, and in the fleet under a new number when it is back", async () => {
  const line = await wire();
  const one = replica();
  const two = replica({}, line.url);
  await listening(one, two);
  line.cut();
  await until(() => !two.listening());
  expect(await two.bump({ subject: "alice" }, "left", "ann")).toMatchObject({ kind: "unwritten" });
  expect(two.of(alice)).toBe(1);
  for (let n = 0; n < 5; n++) await one.bump({ tenant: "acme" }, "r", "ann");
  expect(one.of(alice)).toBe(5);
  line.mend();
  await until(() => one.of(alice) === 6 && two.of(alice) === 6);
  await listening(two);
  line.close();
});

test("news that are lost while the connections stand are noticed", async () => {
  const [one, two] = [replica(), replica()];
  await listening(one, two);
  two.changes.length = 0;
  // a change that nobody announced
  const bump = { number: 7, match: { subject: "alice" }, reason: "r", by: "ann", at: Date.now() };
  const record = recordOf(bump);
  await redis.client.hset(records, record.id, seal.close(record));
  await redis.client.set(records.replace("records", "revision"), "another");
  await until(() => two.of(alice) === 7);
  expect(two.kinds().filter((kind) => kind !== "listening")[0]).toBe("missed");
  expect(two.kinds()).toContain("bumped");
});

describe("Redis is not believed", () => {
  test("a flushed one is healed, and gives no number twice", async () => {
    const [one, two] = [replica(), replica()];
    await listening(one, two);
    await one.bump({ subject: "alice" }, "left", "ann");
    await until(() => two.of(alice) === 1);
    await redis.client.flushall();
    await until(async () => (await redis.client.hlen(records)) === 2);
    const third = replica();
    await listening(third);
    expect(third.of(alice)).toBe(1);
    expect(await third.bump({ tenant: "acme" }, "r", "ann")).toMatchObject({ bump: { number: 2 } });
  });

  test("an old snapshot sets no epoch back", async () => {
    const [one, two] = [replica(), replica()];
    await listening(one, two);
    await one.bump({ subject: "alice" }, "left", "ann");
    const snapshot = await redis.client.hgetall(records);
    const revision = (await redis.client.get(records.replace("records", "revision"))) ?? "";
    await one.bump({ subject: "alice" }, "left again", "ann");
    await until(() => two.of(alice) === 2);
    two.changes.length = 0;
    await redis.client
      .multi()
      .del(records)
      .hset(records, snapshot)
      .set(records.replace("records", "revision"), revision)
      .exec();
    await until(async () => JSON.stringify(await redis.client.hgetall(records)) !== JSON.stringify(snapshot));
    await listening(one, two);
    expect([one.of(alice), two.of(alice)]).toEqual([2, 2]);
    await until(() => two.kinds().includes("missed"));
    expect(await two.bump({ subject: "bob" }, "r", "ann")).toMatchObject({ bump: { number: 3 } });
  });

  const forged: { name: string; make: () => [id: string, text: string] }[] = [
    {
      name: "by another secret",
      make() {
        const other = createEpochSeal("another-secret-that-is-long-enough-too");
        const record = recordOf({ number: 99, match: { everything: "*" }, reason: "r", by: "eve", at: 1 });
        return [record.id, other.close(record)];
      },
    },
    {
      name: "another's record under this id",
      make() {
        const record = recordOf({
          number: 99,
          match: { subject: "bob" },
          reason: "r",
          by: "ann",
          at: Date.now(),
        });
        const id = recordOf({ number: 99, match: { subject: "alice" }, reason: "r", by: "ann", at: 1 }).id;
        return [id, seal.close(record)];
      },
    },
    { name: "garbage", make: () => ["high", "1.x.{}"] },
    { name: "no number", make: () => ["high", seal.close({ id: "high", number: -1 })] },
    { name: "one of another kind", make: () => ["high", `1.${"A".repeat(43)}.{"high":9007199254740991}`] },
  ];
  test.each(forged)("a record that is $name is ignored, and noticed", async ({ make }) => {
    const one = replica();
    await listening(one);
    await redis.client.hset(records, ...make());
    await redis.client.set(records.replace("records", "revision"), "another");
    await until(() => one.events.includes("unauthentic"));
    await listening(one);
    expect(one.of(alice)).toBe(0);
    expect(await one.bump({ subject: "alice" }, "r", "ann")).toMatchObject({
      kind: "done",
      bump: { number: 1 },
    });
  });

  test("one that is filled up isn't read, and nobody listens to it", async () => {
    const one = replica({ most: 10, staleAfterMs: 400 });
    await listening(one);
    const junk = Object.fromEntries(Array.from({ length: 1_100 }, (_, n) => [`junk-${n}`, "x"]));
    await redis.client.hset(records, junk);
    await redis.client.set(records.replace("records", "revision"), "another");
    await until(() => one.events.includes("too_many") && !one.listening());
  });
});

test("one that answers no more is noticed, and bumps hold here", async () => {
  const one = replica({ staleAfterMs: 400 });
  await listening(one);
  redis.freeze();
  try {
    await until(() => !one.listening());
    const bumped = one.bump({ subject: "alice" }, "left", "ann");
    expect(one.of(alice)).toBe(1);
    expect((await bumped).kind).toBe("unwritten");
  } finally {
    redis.thaw();
  }
  await listening(one);
  await sleep(0);
  expect(one.of(alice)).toBeGreaterThanOrEqual(1);
});

test("what lies there is forgotten when nothing depends on it any more", async () => {
  const at = { now: Date.now() - 3_600_000 };
  const one = replica({ now: () => at.now, cacheTtl: 1 });
  await listening(one);
  for (const subject of ["a", "b", "c"]) await one.bump({ subject }, "r", "ann");
  expect(await redis.client.hlen(records)).toBe(4);
  at.now = Date.now();
  await redis.client.set(records.replace("records", "revision"), "another");
  await until(async () => (await redis.client.hlen(records)) === 1);
});
