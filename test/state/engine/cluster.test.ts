/** What holds for every engine, on a real cluster: whatever goes together lies in one slot. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Engine } from "../../../sidecar/state/engine/engine.js";
import { openEngine } from "../../../sidecar/state/engine/open.js";
import type { TestCluster } from "../../redis-fleet.js";
import { startCluster } from "../../redis-fleet.js";
import { areFaultsTried, faults } from "../../redis-faults.js";
import { until } from "../../redis.js";
import { commitOf, keysOf, labelsOf, lifetime, reserveOf } from "./make.js";
import { engineSuite, left, seen, taken } from "./suite.js";

let at = 1_790_000_000_000;
let cluster: TestCluster;
const engines: Engine[] = [];
const secret = { text: "a secret of the whole fleet, long enough" };

const make = async (changes = {}): Promise<Engine> => {
  const one = openEngine({
    config: {
      ...{ redisAt: cluster.url, secret, onUnavailable: "deny" },
      ...{ waitMs: 10_000, graceMs: 50, leaseMs: 60_000, holdMs: 3_600_000, maxEntries: 10_000 },
      ...changes,
    },
    now: () => at,
    newId: () => "id",
    log: { info: () => undefined, warn: () => undefined, error: () => undefined } as never,
  });
  engines.push(one);
  await until(() => one.state === "connected");
  // all masters are there
  await until(async () => {
    const done = await Promise.all(
      Array.from({ length: 12 }, (_, n) => one.commit(commitOf(keysOf({ tenant: `warm${n}` })))),
    );
    return done.every(({ kind }) => kind === "committed");
  });
  return one;
};

beforeAll(async () => {
  cluster = await startCluster({ downMs: areFaultsTried ? 1_000 : 15_000 });
});
afterAll(async () => {
  for (const one of engines) await one.close();
  await cluster.close();
});

describe("in a cluster", () => {
  let [engine, another]: Engine[] = [];
  const one = (of: Engine | undefined): Engine => {
    if (of === undefined) throw new Error("there is none yet");
    return of;
  };
  beforeAll(async () => {
    [engine, another] = [await make(), await make()];
  });
  engineSuite({
    engine: () => one(engine),
    now: () => at,
    advance: (ms) => (at += ms),
    another: () => one(another),
  });

  test("tenants lie on all masters, and what counts for the whole fleet beside them", async () => {
    const fleet = reserveOf({ scope: "fleet", amount: 60, take: 2, window: lifetime });
    for (let n = 0; n < 24; n++) {
      const tenant = reserveOf({ amount: 5, take: 1 });
      const [result] = await taken(
        one(engine),
        commitOf(keysOf({ tenant: `t${n}`, holders: ["who"] }), {
          labels: labelsOf("a"),
          reserve: [tenant, fleet],
        }),
      );
      expect(result?.over).toBeUndefined();
    }
    expect(await left(one(another), fleet)).toBe(12);
    const sizes = await Promise.all(cluster.nodes.slice(0, 3).map(({ client }) => client.dbsize()));
    for (const size of sizes) expect(size).toBeGreaterThan(0);
  });
});

faults("a master that is lost takes nothing along that a sidecar saw", async () => {
  const [engine, another] = [await make({ waitMs: 300 }), await make({ waitMs: 300 })];
  const tenants = Array.from({ length: 9 }, (_, n) => `lost${n}`);
  const reserve = (tenant: string) => ({ ...reserveOf({ amount: 10, take: 3 }), key: tenant });
  const keys = new Map(tenants.map((tenant) => [tenant, keysOf({ tenant })]));
  for (const tenant of tenants) {
    const of = keys.get(tenant) ?? keysOf();
    await taken(engine, commitOf(of, { labels: labelsOf("a"), reserve: [reserve(tenant)] }));
  }
  const victim = cluster.nodes[0];
  await victim?.kill();
  const begun = Date.now();
  let slowest = 0;
  // others go on, those of its slots are denied, all within their time, until the replica has taken over
  await until(async () => {
    const done = await Promise.all(
      tenants.map(async (tenant) => {
        const from = Date.now();
        const { kind } = await engine.commit(commitOf(keys.get(tenant) ?? keysOf({ tenant })));
        slowest = Math.max(slowest, Date.now() - from);
        return kind;
      }),
    );
    return Date.now() - begun > 500 && done.every((kind) => kind === "committed");
  }, 20);
  expect(slowest).toBeLessThan(1_500);
  for (const tenant of tenants) {
    const of = keys.get(tenant) ?? keysOf({ tenant });
    await until(async () => Object.keys((await seen(another, of)).labels).length === 1);
    expect(await left(another, reserve(tenant), tenant)).toBe(7);
  }
  await victim?.start();
});
