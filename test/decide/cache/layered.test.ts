import { describe, expect, test } from "@jest/globals";
import type { CachedResult, CacheLevelStore } from "../../../sidecar/decide/cache/cache.js";
import { createDecisionCache } from "../../../sidecar/decide/cache/layered.js";
import { createMemoryCache } from "../../../sidecar/decide/cache/memory.js";

const value: CachedResult = { result: true, rules: [], expiresAt: 10_000 };

function build(l2Mode: "auto" | "always" | "never") {
  const asked: string[] = [];
  const shared = new Map<string, CachedResult>();
  const l2: CacheLevelStore = {
    async get(key) {
      asked.push(key);
      await Promise.resolve();
      return shared.get(key);
    },
    set(key, stored) {
      shared.set(key, stored);
    },
    available: () => time.available,
    close: () => Promise.resolve(),
  };
  let clock = 0;
  const time = { now: 0, step: 100, available: true };
  const cache = createDecisionCache({
    l1: createMemoryCache({ maxEntries: 10, maxBytes: 10_000 }),
    l2,
    l2Mode,
    now: () => time.now,
    micros: () => (clock += time.step),
    random: () => 0,
  });
  return { cache, asked, shared, time };
}

describe("the layers", () => {
  test("a hit in memory is answered without a promise", () => {
    const { cache, asked } = build("always");
    cache.store("key", value, "e");
    expect(cache.lookup("key", "e")).toMatchObject({ level: "l1", value });
    expect(asked).toEqual([]);
  });

  test("a hit in Redis is kept in memory", async () => {
    const { cache, shared } = build("always");
    shared.set("key", value);
    expect(await cache.lookup("key", "e")).toMatchObject({ level: "l2", value });
    expect(cache.lookup("key", "e")).toMatchObject({ level: "l1", value });
  });

  test("a hundred lookups of one key ask Redis once", async () => {
    const { cache, asked } = build("always");
    await Promise.all(Array.from({ length: 100 }, () => cache.lookup("key", "e")));
    expect(asked).toEqual(["key"]);
    await cache.lookup("key", "e");
    expect(asked).toHaveLength(2);
  });

  test("where Redis has nothing, a hundred lookups of one key share one evaluation", async () => {
    const { cache } = build("always");
    let evaluations = 0;
    const levels = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const pending = cache.lookup("key", "e");
        expect(pending).toBeInstanceOf(Promise);
        const found = await pending;
        if (found !== undefined) return found.level;
        evaluations++;
        cache.store("key", value, "e");
        return "none";
      }),
    );
    expect(evaluations).toBe(1);
    expect(levels.filter((level) => level === "l1")).toHaveLength(99);
  });

  test("a Redis that can't answer costs no promise", () => {
    const { cache, asked, time } = build("always");
    time.available = false;
    expect(cache.lookup("key", "e")).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test("auto finds out when a Redis that was slow is quick again", async () => {
    const { cache, asked, time } = build("auto");
    for (let n = 0; n < 3; n++) cache.noteEvaluation("e", 1_000);
    time.step = 5_000;
    for (let n = 0; n < 50; n++) await cache.lookup(`slow${n}`, "e");
    const before = asked.length;
    expect(before).toBeLessThan(10);
    time.step = 50;
    await cache.lookup("key", "e");
    expect(asked).toHaveLength(before);
    // one sample each ten seconds, however many lookups there are
    for (let n = 0; n < 10; n++) {
      time.now += 10_000;
      await Promise.all([cache.lookup(`a${n}`, "e"), cache.lookup(`b${n}`, "e")]);
    }
    await cache.lookup("key", "e");
    expect(asked.slice(before, before + 2)).toEqual(["a0", "a1"]);
    expect(asked.at(-1)).toBe("key");
  });

  test("auto asks Redis only where evaluating costs more than asking", async () => {
    const { cache, asked } = build("auto");
    for (let n = 0; n < 3; n++) {
      cache.noteEvaluation("cheap", 30);
      cache.noteEvaluation("costly", 2_000);
    }
    expect(cache.lookup("key", "cheap")).toBeUndefined();
    expect(cache.lookup("key", "unknown")).toBeUndefined();
    await cache.lookup("key", "costly");
    expect(asked).toEqual(["key"]);
  });

  test("never means never", () => {
    const { cache, asked, shared } = build("never");
    cache.noteEvaluation("e", 1e9);
    expect(cache.lookup("key", "e")).toBeUndefined();
    cache.store("key", value, "e");
    expect([asked, [...shared]]).toEqual([[], []]);
  });
});
