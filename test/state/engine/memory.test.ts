import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { MemoryEngine } from "../../../sidecar/state/engine/memory.js";
import { createMemoryEngine } from "../../../sidecar/state/engine/memory.js";
import { callOf, commitOf, keysOf, labelsOf, reserveOf } from "./make.js";
import { engineSuite, left, seen, taken } from "./suite.js";

let at = 1_790_000_000_000;
let engine: MemoryEngine;
const events: string[] = [];
const make = (changes = {}): MemoryEngine =>
  createMemoryEngine({ now: () => at, graceMs: 20, onEvent: (event) => events.push(event), ...changes });

beforeEach(() => {
  events.length = 0;
  engine = make();
});
afterEach(() => engine.close());

describe("in memory", () => {
  engineSuite({
    engine: () => engine,
    now: () => at,
    advance: (ms) => (at += ms),
    another: () => engine,
  });
});

test("its answers are there at once", () => {
  expect(engine.commit(commitOf(keysOf())).kind).toBe("committed");
});

test("full of what protects, it refuses new tasks and keeps the old", async () => {
  const small = make({ maxEntries: 10 });
  const old = Array.from({ length: 10 }, () => keysOf());
  for (const keys of old) {
    small.commit(commitOf(keys, { labels: labelsOf("a") }));
    small.commit(commitOf(keys));
  }
  expect(small.commit(commitOf(keysOf())).kind).toBe("unavailable");
  expect(events).toContain("full");
  for (const keys of old) expect(Object.keys((await seen(small, keys)).labels)).toEqual(["a"]);
  at += 3_700_000;
  expect(small.commit(commitOf(keysOf())).kind).toBe("committed");
});

test("tasks of one request make room; their labels stay with who held them", async () => {
  const small = make({ maxEntries: 10 });
  const first = keysOf({ holders: ["h"] });
  small.commit(commitOf(first, { labels: labelsOf("a") }));
  for (let n = 0; n < 50; n++) {
    const call = callOf();
    expect(small.commit(commitOf(keysOf(), [call])).kind).toBe("committed");
    small.settle(call.decisionId, { units: {}, known: true });
  }
  expect(Object.keys((await seen(small, first)).labels)).toEqual(["a"]);
  expect(Object.keys((await seen(small, keysOf({ holders: ["h"] }))).labels)).toEqual(["a"]);
});

test("tasks that nobody may come back to, and what counts by them alone, make room; their labels stay with who held them", async () => {
  const small = make({ maxEntries: 10 });
  const kept = keysOf({ holders: ["h"] });
  small.commit(commitOf(kept, { labels: labelsOf("kept") }));
  for (let n = 0; n < 100; n++) {
    const keys = { ...keysOf({ holders: ["h"] }), fleeting: true };
    const reserve = { ...reserveOf({ amount: 10, take: 1 }), key: `of ${n}`, fleeting: true };
    const call = callOf({ labels: labelsOf("a"), reserve: [reserve] });
    expect(small.commit(commitOf(keys, [call])).kind).toBe("committed");
    small.settle(call.decisionId, { units: { requests: 1 }, known: true });
  }
  expect(Object.keys((await seen(small, kept)).labels).sort()).toEqual(["a", "kept"]);
  expect(Object.keys((await seen(small, keysOf({ holders: ["h"] }))).labels).sort()).toEqual(["a", "kept"]);
});

test("calls whose outcome nobody tells count as having used what they held", async () => {
  const reserve = reserveOf({ amount: 10, take: 4 });
  const calls = reserveOf({ unit: "concurrent", window: { kind: "concurrent" }, amount: 1 });
  const { holder: _, ...alone } = commitOf(keysOf(), { reserve: [reserve, calls] });
  await taken(engine, alone);
  at += 61_000;
  expect(await left(engine, reserve)).toBe(6);
  expect(await left(engine, calls)).toBe(1);
});
