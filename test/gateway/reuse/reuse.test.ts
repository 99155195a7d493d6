/** Decisions that a real gateway gives again, and everything that must end that. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sleep, until } from "../../redis.js";
import type { ReuseWorld } from "./world.js";
import { policies, startReuseWorld } from "./world.js";

describe("with the same question of the same caller", () => {
  let world: ReuseWorld;
  beforeAll(async () => {
    world = await startReuseWorld();
    await world.put("PUT", "/v1/data/blocked", []);
  });
  afterAll(() => world.close());

  test("a decision is given again under an id of its own, and the record names both", async () => {
    await world.warm();
    const [one, two] = [await world.ask(), await world.ask()];
    expect([one.how, two.how, one.status, two.status]).toEqual(["reused", "reused", 200, 200]);
    expect(one.id).not.toBe(two.id);
    const outcome = async () => (await world.records()).find(({ decision_id }) => decision_id === two.id);
    await until(async () => (await outcome()) !== undefined);
    const { type, reused, outcome: what } = (await outcome()) ?? {};
    expect([type, what]).toEqual(["outcome", "forwarded"]);
    const decided = (await world.records()).find(
      ({ type: of, decision_id }) => of === "decision" && decision_id === reused,
    );
    expect(decided).toMatchObject({ subject: { id: "ann" } });
    // the task of another request isn't this one's
    expect([one.task, two.task]).toEqual([undefined, undefined]);
  });

  const others: { name: string; ask: () => Promise<{ how: string; status: number }> }[] = [
    { name: "another identity", ask: () => world.ask(world.bearer("bob")) },
    { name: "another token of the same identity", ask: () => world.ask(world.bearer("ann", "t2")) },
    { name: "another model", ask: () => world.ask(undefined, { model: "other" }) },
    {
      name: "what was refused before",
      async ask() {
        const refused = (): ReturnType<typeof world.ask> => world.ask(undefined, { model: "forbidden" });
        await refused();
        await refused();
        return refused();
      },
    },
    {
      name: "one that brings a task token",
      async ask() {
        const { task } = await world.ask(world.bearer("cid"));
        const asked = async () => world.ask(world.bearer("cid"), { task: task ?? "" });
        await asked();
        await asked();
        return asked();
      },
    },
  ];
  test.each(others)("$name is asked about", async ({ ask }) => {
    await world.warm();
    expect((await ask()).how).not.toBe("reused");
  });

  const ends: {
    name: string;
    make: () => Promise<unknown>;
    back?: () => Promise<unknown>;
    status: number;
  }[] = [
    {
      name: "the caller is fenced off",
      make: () => world.sidecar.fences.add({ match: { subject: "ann" }, reason: "r", by: "x" }),
      back: async () => {
        for (const { id } of world.sidecar.fences.list()) await world.sidecar.fences.lift(id, "x");
      },
      status: 403,
    },
    {
      name: "the model is fenced off",
      make: () => world.sidecar.fences.add({ match: { model: "plain" }, reason: "r", by: "x" }),
      back: async () => {
        for (const { id } of world.sidecar.fences.list()) await world.sidecar.fences.lift(id, "x");
      },
      status: 403,
    },
    {
      name: "what was issued before now is fenced off",
      make: () =>
        world.sidecar.fences.add({
          match: { tenant: "acme" },
          reason: "r",
          by: "x",
          issued_before: Date.now(),
        }),
      back: async () => {
        for (const { id } of world.sidecar.fences.list()) await world.sidecar.fences.lift(id, "x");
      },
      status: 403,
    },
    {
      name: "the data say otherwise",
      make: () => world.put("PUT", "/v1/data/blocked", ["ann"]),
      back: () => world.put("PUT", "/v1/data/blocked", []),
      status: 403,
    },
    {
      name: "the epoch of the caller is bumped",
      make: () => world.sidecar.epochs.bump({ subject: "ann" }, "r", "x"),
      status: 200,
    },
    {
      name: "the epoch of its tenant is bumped",
      make: () => world.sidecar.epochs.bump({ tenant: "acme" }, "r", "x"),
      status: 200,
    },
    {
      name: "the epoch of the caller in its tenant is bumped",
      make: () => world.sidecar.epochs.bump({ tenant: "acme", subject: "ann" }, "r", "x"),
      status: 200,
    },
    {
      name: "the epoch of everything is bumped",
      make: () => world.sidecar.epochs.bump({ everything: "*" }, "r", "x"),
      status: 200,
    },
    {
      name: "a policy is another",
      make: () => world.put("PUT", "/v1/policies/more.rego", "package more\n\nx := 1\n"),
      status: 200,
    },
  ];
  test.each(ends)("it ends when $name", async ({ make, back, status }) => {
    await world.warm();
    await make();
    await until(async () => (await world.ask()).how !== "reused", 1);
    expect((await world.ask(undefined)).status).toBe(status);
    await back?.();
    await until(async () => (await world.ask()).status === 200);
  });

  test("a bump of somebody else ends nothing", async () => {
    await world.warm();
    await world.sidecar.epochs.bump({ subject: "bob" }, "r", "x");
    await world.sidecar.epochs.bump({ tenant: "globex", subject: "ann" }, "r", "x");
    await sleep(50);
    expect((await world.ask()).how).toBe("reused");
  });

  test("while the link is cut nothing is allowed, and when it is back all is asked about anew", async () => {
    await world.warm();
    world.cut();
    await until(async () => (await world.ask()).status === 503, 1);
    world.mend();
    await until(async () => (await world.ask()).status === 200);
    await world.warm();
  });
});

const never: { name: string; policy?: string; config?: object; reuse?: boolean }[] = [
  { name: "it isn't configured", reuse: false },
  { name: "the policy reads the request's id", policy: policies.readsId },
  { name: "the policy reads the time", policy: policies.readsTime },
  { name: "the policy reads of the task", policy: policies.readsTask },
  { name: "the decision brings labels", policy: policies.labels },
  { name: "the policy says that it may not be reused", policy: policies.ttlNone },
  { name: "it is a denial", policy: policies.denies },
  { name: "each decision must be recorded", config: { audit: { mode: "strict" } } },
  {
    name: "rules count what happens",
    config: {
      fences: { rules: [{ name: "canary", when: { tool: "shell/canary" }, by: ["subject"], seconds: 60 }] },
    },
  },
  {
    name: "a limit counts it",
    config: {
      limits: [{ name: "calls", per: ["user"], unit: "requests", window: "1m", amount: 1_000 }],
    },
  },
];
describe("never reused, where", () => {
  test.each(never)("$name", async ({ policy, config, reuse }) => {
    const world = await startReuseWorld({
      ...(policy === undefined ? {} : { policy }),
      config: (config ?? {}) as never,
      ...(reuse === undefined ? {} : { reuse }),
    });
    try {
      await world.put("PUT", "/v1/data/blocked", []);
      for (let n = 0; n < 6; n++) expect((await world.ask()).how).not.toBe("reused");
    } finally {
      await world.close();
    }
  });
});
