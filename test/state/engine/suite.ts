/** What holds for every engine. */
import { expect, test } from "@jest/globals";
import type { Commit, Committed, Engine, Snapshot, TaskKeys } from "../../../sidecar/state/engine/engine.js";
import { mostLabels } from "../../../sidecar/state/engine/engine.js";
import { until } from "../../redis.js";
import { callOf, commitOf, keysOf, labelsOf, minute, reserveOf } from "./make.js";

export interface Stage {
  readonly engine: () => Engine;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly advance: (ms: number) => void;
  /** Makes another engine on the same store, where there is one; else gives the same. */
  readonly another: () => Engine;
}

export async function taken(engine: Engine, change: Commit) {
  const done = await engine.commit(change);
  if (done.kind !== "committed") throw new Error(`it was ${done.kind}`);
  return done.results;
}

/** What is there, asked of the store itself. */
export async function seen(engine: Engine, keys: TaskKeys): Promise<Snapshot> {
  const never = { labels: "never", activity: "never" };
  const done: Committed = await engine.commit({ keys, rests: never, calls: [], holder: "test" });
  if (done.kind !== "stale") throw new Error(`it was ${done.kind}`);
  return done.snapshot;
}

/** Takes one of a limit and gives what is left then, after having given it back. */
export async function left(
  engine: Engine,
  reserve: ReturnType<typeof reserveOf>,
  tenant = "acme",
): Promise<number> {
  const soft = { ...reserve, take: 0, soft: true };
  const [result] = await taken(engine, commitOf(keysOf({ tenant }), { quiet: true, reserve: [soft] }));
  return result?.limits[0]?.remaining ?? -1;
}

export function engineSuite(stage: Stage): void {
  const engine = (): Engine => stage.engine();

  test("what a task did adds up, for it and for all above it", async () => {
    const root = keysOf();
    const child = keysOf({ lineage: [...root.lineage, "child"] });
    await taken(engine(), commitOf(root, { server: "web", tool: "web/fetch" }));
    await taken(engine(), commitOf(child, { allow: false, action: "model.call" }));
    const call = callOf({ tool: "web/fetch" });
    await taken(engine(), commitOf(child, [call, callOf({ quiet: true })]));
    engine().settle(call.decisionId, {
      units: { input_tokens: 7, output_tokens: 5, cost: 9 },
      currency: "EUR",
      known: true,
    });
    await until(async () => (await seen(engine(), root)).activity.tokens.input === 7);
    const { activity } = await seen(engine(), root);
    expect(activity).toMatchObject({
      startedAt: 1_700_000_000_000,
      requests: 3,
      denials: 1,
      actions: { "tool.call": 2, "model.call": 1 },
      servers: { web: 1 },
      tools: { "web/fetch": 2 },
      tokens: { input: 7, output: 5 },
      spend: { EUR: 9 },
    });
    expect(activity.recent.map(({ allow }) => allow)).toEqual([true, false, true]);
    expect((await seen(engine(), child)).activity.requests).toBe(2);
  });

  test("names that could be anything are counted as they are", async () => {
    const keys = keysOf();
    await taken(engine(), commitOf(keys, { action: "__proto__", tool: "constructor" }));
    const { activity } = await seen(engine(), keys);
    expect(Object.entries(activity.actions)).toEqual([["__proto__", 1]]);
    expect(Object.entries(activity.tools)).toEqual([["constructor", 1]]);
  });

  test("tools beyond the most are counted together; the last steps are kept", async () => {
    const keys = keysOf();
    const calls = Array.from({ length: 300 }, (_, n) => callOf({ tool: `s/t${n}`, decisionId: `many-${n}` }));
    await taken(engine(), commitOf(keys, calls));
    const { activity } = await seen(engine(), keys);
    expect(Object.keys(activity.tools).length).toBeLessThanOrEqual(257);
    expect(activity.tools["*"]).toBe(44);
    expect(activity.recent.length).toBe(16);
    expect(activity.recent.at(-1)?.decision_id).toBe("many-299");
  });

  test("labels lie with the first task and its holders; an explicit decision takes them off", async () => {
    const keys = keysOf({ holders: ["h1", "h2"], marks: ["m1"] });
    await taken(engine(), commitOf(keys, { labels: labelsOf("secrets", "web") }));
    const under = keysOf({ lineage: [...keys.lineage, "child"] });
    expect(Object.keys((await seen(engine(), under)).labels).sort()).toEqual(["secrets", "web"]);
    for (const holder of ["h1", "h2", "m1"]) {
      const fresh = await seen(engine(), keysOf({ holders: [holder] }));
      expect(Object.keys(fresh.labels).sort()).toEqual(["secrets", "web"]);
      expect(fresh.labels["web"]).toMatchObject({ decision_id: "d-0", rules: ["r1"], task: "t" });
    }
    await taken(engine(), commitOf(keys, { unlabel: ["secrets"] }));
    expect(Object.keys((await seen(engine(), keys)).labels)).toEqual(["web"]);
    expect(Object.keys((await seen(engine(), keysOf({ holders: ["h2"] }))).labels)).toEqual(["web"]);
    // and it can come again
    await taken(engine(), commitOf(keys, { labels: labelsOf("secrets") }));
    expect(Object.keys((await seen(engine(), keys)).labels).sort()).toEqual(["secrets", "web"]);
  });

  test("a label sticks to a holder for its time, and to the task as long as it is", async () => {
    const keys = keysOf({ holders: [`holder-${stage.now()}`], stickMs: 60_000 });
    await taken(engine(), commitOf(keys, { labels: labelsOf("web") }));
    stage.advance(59_000);
    const other = keysOf({ holders: keys.holders, stickMs: 60_000 });
    expect(Object.keys((await seen(engine(), other)).labels)).toEqual(["web"]);
    stage.advance(2_000);
    expect((await seen(engine(), other)).labels).toEqual({});
    expect(Object.keys((await seen(engine(), keys)).labels)).toEqual(["web"]);
  });

  test("one label too many does nothing at all", async () => {
    const keys = keysOf();
    const names = Array.from({ length: mostLabels }, (_, n) => `l${n}`);
    await taken(engine(), commitOf(keys, { labels: labelsOf(...names) }));
    const done = await engine().commit(commitOf(keys, { labels: labelsOf("one-more") }));
    expect(done.kind).toBe("full");
    const { labels, activity } = await seen(engine(), keys);
    expect(Object.keys(labels).length).toBe(mostLabels);
    expect(activity.requests).toBe(1);
  });

  test.each(["labels", "activity"] as const)("what rests on other %s does nothing", async (part) => {
    const keys = keysOf({ holders: [`hs-${part}-${stage.now()}`] });
    const before = await engine().read(keys);
    if (before === "unavailable") throw new Error(before);
    const first = commitOf(keys, { labels: labelsOf("a") }, { rests: before.seen });
    expect((await engine().commit(first)).kind).toBe("committed");
    const reserve = reserveOf();
    const late = commitOf(keys, { reserve: [reserve] }, { rests: { [part]: before.seen[part] } });
    const done = await engine().commit(late);
    expect(done.kind).toBe("stale");
    if (done.kind !== "stale") return;
    expect(Object.keys(done.snapshot.labels)).toEqual(["a"]);
    expect(done.snapshot.activity.requests).toBe(1);
    expect(await left(engine(), reserve)).toBe(10);
    const again = await engine().commit({ ...late, rests: done.snapshot.seen });
    expect(again.kind).toBe("committed");
  });

  test("what nothing rests on isn't stale", async () => {
    const keys = keysOf();
    for (let n = 0; n < 3; n++) await taken(engine(), commitOf(keys));
    expect((await seen(engine(), keys)).activity.requests).toBe(3);
  });

  test("a task that ended has ended for all under it, and not for those above it", async () => {
    const root = keysOf();
    const child = keysOf({ lineage: [...root.lineage, `c-${root.lineage[0]}`] });
    const grandchild = keysOf({ lineage: [...child.lineage, `g-${root.lineage[0]}`] });
    await taken(engine(), commitOf(grandchild));
    expect(await engine().end(child)).toBe("ended");
    expect((await engine().commit(commitOf(child))).kind).toBe("ended");
    expect((await engine().commit(commitOf(grandchild))).kind).toBe("ended");
    expect((await engine().commit(commitOf(root))).kind).toBe("committed");
    // also one that was never seen
    const unseen = keysOf();
    expect(await engine().end(unseen)).toBe("ended");
    expect((await engine().commit(commitOf(unseen))).kind).toBe("ended");
  });

  test("500 at once at the last units: none over, and all of them given", async () => {
    const reserve = reserveOf({ unit: "requests", amount: 50 });
    const engines = [engine(), stage.another()];
    const results = await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        const one = engines[n % 2] ?? engine();
        const [result] = await taken(one, commitOf(keysOf(), { reserve: [reserve] }));
        return result?.over === undefined;
      }),
    );
    expect(results.filter(Boolean).length).toBe(50);
    expect(await left(engine(), reserve)).toBe(0);
  });

  test("all or none of a call's reservations are taken, of two scopes, too", async () => {
    const [one, fleet] = [reserveOf({ amount: 2 }), reserveOf({ amount: 5, scope: "fleet" })];
    const third = reserveOf({ amount: 0, scope: "tenant" });
    const keys = keysOf();
    const [refused] = await taken(engine(), commitOf(keys, { reserve: [one, fleet, third] }));
    expect(refused?.over?.key).toBe(third.key);
    expect(refused?.limits.length).toBe(3);
    const shut = reserveOf({ amount: 0, scope: "fleet" });
    const [again] = await taken(engine(), commitOf(keys, { reserve: [one, fleet, shut] }));
    expect(again?.over?.key).toBe(shut.key);
    expect(await left(engine(), one)).toBe(2);
    expect(await left(engine(), fleet)).toBe(5);
    // the call counts as denied
    expect((await seen(engine(), keys)).activity).toMatchObject({ requests: 2, denials: 2 });
  });

  test("a call over its limit leaves no label, and takes none off", async () => {
    const keys = keysOf();
    await taken(engine(), commitOf(keys, { labels: labelsOf("a") }));
    const shut = reserveOf({ amount: 0 });
    await taken(engine(), commitOf(keys, { labels: labelsOf("b"), unlabel: ["a"], reserve: [shut] }));
    expect(Object.keys((await seen(engine(), keys)).labels)).toEqual(["a"]);
  });

  test("limits of another tenant are others; those of the fleet are shared", async () => {
    const reserve = reserveOf({ amount: 1 });
    const fleet = reserveOf({ amount: 1, scope: "fleet" });
    for (const [tenant, over] of [
      ["a", undefined],
      ["b", fleet.key],
    ] as const) {
      const keys = keysOf({ tenant });
      const [result] = await taken(engine(), commitOf(keys, { reserve: [reserve, fleet] }));
      expect(result?.over?.key).toBe(over);
    }
  });

  test("what wasn't used comes back; what was used beyond is taken", async () => {
    const reserve = reserveOf({ amount: 100, take: 40 });
    const [first, second] = [callOf({ reserve: [reserve] }), callOf({ reserve: [reserve] })];
    await taken(engine(), commitOf(keysOf(), [first, second]));
    expect(await left(engine(), reserve)).toBe(20);
    engine().settle(first.decisionId, { units: { tokens: 5 }, known: true });
    await until(async () => (await left(engine(), reserve)) === 55);
    engine().settle(second.decisionId, { units: { input_tokens: 60, output_tokens: 70 }, known: false });
    await until(async () => (await left(engine(), reserve)) === 0);
    const [over] = await taken(engine(), commitOf(keysOf(), { reserve: [{ ...reserve, amount: 136 }] }));
    expect(over?.over).toBeDefined();
  });

  test.each([
    ["nothing is known", { units: {}, known: false }, 6],
    ["nothing was used", { units: {}, known: true }, 10],
    ["it is told by its parts", { units: { input_tokens: 1, output_tokens: 1 }, known: true }, 8],
    ["no number is told", { units: { tokens: Number.NaN }, known: false }, 6],
    ["less than nothing is told", { units: { tokens: -50 }, known: false }, 6],
    ["more than can be is told", { units: { tokens: Infinity }, known: false }, 6],
  ])("%s: it counts as held, or as told", async (_name, actual, remaining) => {
    const reserve = reserveOf({ amount: 10, take: 4 });
    const call = callOf({ reserve: [reserve] });
    await taken(engine(), commitOf(keysOf(), [call]));
    engine().settle(call.decisionId, actual);
    await until(async () => (await left(engine(), reserve)) === remaining);
  });

  test("a call is settled once, whoever tells it", async () => {
    const reserve = reserveOf({ amount: 100, take: 50 });
    const call = callOf({ reserve: [reserve] });
    const other = callOf({ reserve: [reserve] });
    const keys = keysOf();
    await taken(engine(), commitOf(keys, [call, other]));
    const actual = { units: { tokens: 10, input_tokens: 10, output_tokens: 0 }, known: true };
    for (const one of [engine(), stage.another(), engine()]) one.settle(call.decisionId, actual);
    await until(async () => (await left(engine(), reserve)) === 40);
    stage.another().settle(call.decisionId, actual);
    await taken(engine(), commitOf(keys));
    expect(await left(engine(), reserve)).toBe(40);
    expect((await seen(engine(), keys)).activity.tokens.input).toBe(10);
  });

  test("calls under way are counted while they are", async () => {
    const reserve = reserveOf({ unit: "concurrent", window: { kind: "concurrent" }, amount: 2 });
    const calls = [1, 2, 3].map(() => callOf({ reserve: [reserve] }));
    const results = await taken(engine(), commitOf(keysOf(), calls));
    expect(results.map(({ over }) => over === undefined)).toEqual([true, true, false]);
    expect(results[2]?.limits[0]).toEqual({ name: "budget", unit: "concurrent", limit: 2, remaining: 0 });
    engine().settle(calls[0]?.decisionId ?? "", { units: { concurrent: 1 }, known: false });
    await until(async () => (await left(engine(), reserve)) === 1);
  });

  test("different tools are counted once each", async () => {
    const reserve = reserveOf({ unit: "distinct_tools", amount: 2 });
    const keys = keysOf();
    const kept = { units: { distinct_tools: 1 }, known: true };
    const use = async (member: string) => {
      const call = callOf({ reserve: [{ ...reserve, member }] });
      const [result] = await taken(engine(), commitOf(keys, [call]));
      engine().settle(call.decisionId, kept);
      return result?.over === undefined ? result?.limits[0]?.remaining : "over";
    };
    const uses = [];
    for (const member of ["a", "a", "b", "c", "a", "b"]) uses.push(await use(member));
    expect(uses).toEqual([1, 1, 0, "over", 0, 0]);
  });

  test("a soft limit is counted and never refuses", async () => {
    const reserve = reserveOf({ amount: 2, take: 2, soft: true });
    const states = [];
    for (let n = 0; n < 2; n++) {
      const [result] = await taken(engine(), commitOf(keysOf(), { reserve: [reserve] }));
      states.push([result?.over, result?.limits[0]?.remaining, result?.limits[0]?.exceeded]);
    }
    expect(states).toEqual([
      [undefined, 0, undefined],
      [undefined, 0, true],
    ]);
  });

  test("a fixed window begins anew, and tells when; a clock that is set back opens none", async () => {
    stage.advance(60_000 - (stage.now() % 60_000) + 15_000);
    const reserve = reserveOf({ window: minute, amount: 2, take: 2 });
    const use = async () => (await taken(engine(), commitOf(keysOf(), { reserve: [reserve] })))[0];
    expect((await use())?.limits[0]).toMatchObject({ remaining: 0, reset: 45 });
    expect((await use())?.over).toBeDefined();
    stage.advance(45_000);
    expect((await use())?.over).toBeUndefined();
    stage.advance(-50_000);
    expect((await use())?.over).toBeDefined();
    stage.advance(-600_000);
    expect((await use())?.over).toBeDefined();
    stage.advance(650_000);
  });

  test("no window of a sliding limit holds more than its amount, wherever it begins", async () => {
    const ms = 64_000;
    const reserve = reserveOf({ window: { kind: "sliding", ms }, amount: 5 });
    const times: number[] = [];
    for (let n = 0; n < 60; n++) {
      const [result] = await taken(engine(), commitOf(keysOf(), { reserve: [reserve] }));
      if (result?.over === undefined) times.push(stage.now());
      else expect(result.limits[0]?.reset).toBeGreaterThan(0);
      stage.advance(((n * 7_919) % 9_000) + 1);
    }
    for (const from of times) {
      expect(times.filter((at) => at >= from && at < from + ms).length).toBeLessThanOrEqual(5);
    }
    // and it isn't much stricter than it says
    const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
    expect(times.length).toBeGreaterThan((span / (ms * 1.1)) * 5 - 5);
  });

  test("it tells when a refused call would fit into a sliding limit", async () => {
    const reserve = reserveOf({ window: { kind: "sliding", ms: 32_000 }, amount: 10, take: 4 });
    await taken(engine(), commitOf(keysOf(), { reserve: [reserve] }));
    stage.advance(10_000);
    await taken(engine(), commitOf(keysOf(), { reserve: [reserve] }));
    const big = { ...reserve, take: 10 };
    const [refused] = await taken(engine(), commitOf(keysOf(), { reserve: [big] }));
    stage.advance((refused?.limits[0]?.reset ?? 0) * 1_000);
    expect(refused?.limits[0]?.reset).toBeGreaterThanOrEqual(32);
    const [fits] = await taken(engine(), commitOf(keysOf(), { reserve: [big] }));
    expect(fits?.over).toBeUndefined();
  });

  test("a call asks for more: all of it, or nothing", async () => {
    const [tokens, cost] = [
      reserveOf({ amount: 10, take: 4 }),
      reserveOf({ unit: "cost", amount: 10, take: 4 }),
    ];
    const call = callOf({ reserve: [tokens, cost] });
    await taken(engine(), commitOf(keysOf(), [call]));
    const more = await stage.another().extend(call.decisionId, { tokens: 4, cost: 6 });
    expect(more.kind).toBe("extended");
    expect(more.limits.map(({ remaining }) => remaining)).toEqual([2, 0]);
    expect((await engine().extend(call.decisionId, { tokens: 1, cost: 1 })).kind).toBe("over");
    expect(await left(engine(), tokens)).toBe(2);
    engine().settle(call.decisionId, { units: { tokens: 5, cost: 10 }, known: true });
    await until(async () => (await left(engine(), tokens)) === 5);
    expect((await engine().extend(call.decisionId, { tokens: 1 })).kind).toBe("unknown");
  });

  test("what a holder that is gone held comes back, but for what it said it used", async () => {
    const reserve = reserveOf({ amount: 100, take: 20 });
    const [call, kept] = [callOf({ reserve: [reserve] }), callOf({ reserve: [reserve] })];
    await taken(engine(), commitOf(keysOf(), [call], { holder: "leaves" }));
    await taken(engine(), commitOf(keysOf(), [kept], { holder: "stays" }));
    await engine().extend(call.decisionId, { tokens: 30 });
    expect(await left(engine(), reserve)).toBe(30);
    engine().gone("leaves");
    await until(async () => (await left(engine(), reserve)) === 60);
    // late, what it used counts still
    engine().settle(call.decisionId, { units: { tokens: 50 }, known: true });
    await until(async () => (await left(engine(), reserve)) === 30);
  });

  test("an outcome that is told while its holder comes back counts", async () => {
    const reserve = reserveOf({ amount: 100, take: 20 });
    const call = callOf({ reserve: [reserve] });
    await taken(engine(), commitOf(keysOf(), [call], { holder: "blinks" }));
    engine().gone("blinks");
    engine().settle(call.decisionId, { units: { tokens: 7 }, known: true });
    await until(async () => (await left(engine(), reserve)) === 93);
  });

  test("a label that an outcome tells marks the task and its holders", async () => {
    const keys = keysOf({ holders: [`outcome-${stage.now()}`] });
    await taken(engine(), commitOf(keys));
    engine().label(keys, labelsOf("pii"));
    await until(async () => Object.keys((await seen(engine(), keys)).labels).length === 1);
    expect(Object.keys((await seen(engine(), keysOf({ holders: keys.holders }))).labels)).toEqual(["pii"]);
  });

  test("what isn't waited for is done", async () => {
    const keys = keysOf();
    engine().note(commitOf(keys, { labels: labelsOf("a") }));
    await until(async () => (await seen(engine(), keys)).activity.requests === 1);
    expect(Object.keys((await seen(engine(), keys)).labels)).toEqual(["a"]);
  });
}
