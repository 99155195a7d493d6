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
    close: () => Promise.resolve(),
  };
  let clock = 0;
  const cache = createDecisionCache({
    l1: createMemoryCache({ maxEntries: 10, maxBytes: 10_000 }),
    l2,
    l2Mode,
    now: () => 0,
    micros: () => (clock += 100),
  });
  return { cache, asked, shared };
}

describe("the layers", () => {
  test("a hit in memory is answered without a promise", () => {
    const { cache, asked } = build("always");
    cache.store("key", value, "e");
    expect(cache.lookup("key", "e")).toEqual({ level: "l1", value });
    expect(asked).toEqual([]);
  });

  test("a hit in Redis is kept in memory", async () => {
    const { cache, shared } = build("always");
    shared.set("key", value);
    expect(await cache.lookup("key", "e")).toEqual({ level: "l2", value });
    expect(cache.lookup("key", "e")).toEqual({ level: "l1", value });
  });

  test("a hundred lookups of one key ask Redis once", async () => {
    const { cache, asked } = build("always");
    await Promise.all(Array.from({ length: 100 }, () => cache.lookup("key", "e")));
    expect(asked).toEqual(["key"]);
    await cache.lookup("key", "e");
    expect(asked).toHaveLength(2);
  });

  test("auto asks Redis only where evaluating costs more than asking", async () => {
    const { cache, asked } = build("auto");
    cache.noteEvaluation("cheap", 30);
    cache.noteEvaluation("costly", 5_000);
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
