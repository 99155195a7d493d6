/** No tenant can take another's share of the memory, whatever it does. */
import { describe, expect, test } from "@jest/globals";
import type { MemoryCache } from "../../../sidecar/decide/cache/memory.js";
import { createMemoryCache } from "../../../sidecar/decide/cache/memory.js";
import type { Holder } from "../../../sidecar/decide/cache/shares.js";
import { createRanking } from "../../../sidecar/decide/cache/shares.js";

/** Mulberry32: the same numbers each time. */
function numbers(seed: number): () => number {
  let at = seed;
  return () => {
    at = (at + 0x6d2b79f5) | 0;
    let t = Math.imul(at ^ (at >>> 15), 1 | at);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const entry = (size = 0, expiresAt = 1e9) => ({ result: "r".repeat(size), rules: [], expiresAt });

describe("shares", () => {
  test.each([1, 2, 3, 4])("who has less than its share loses nothing to floods (seed %i)", (seed) => {
    const random = numbers(seed);
    const maxBytes = 400_000;
    const cache = createMemoryCache({ maxEntries: 1e6, maxBytes });
    const floods = 1 + Math.floor(random() * 5);
    const quiet = 1 + Math.floor(random() * 20);
    // half of an even share each, entries of one size
    const each = Math.floor((maxBytes / (floods + quiet) / 2 - 1_500) / 500);
    const kept: string[] = [];
    const fill = (tenant: number): void => {
      for (let n = 0; n < each; n++) {
        const key = `quiet ${tenant} ${n}`.padEnd(200, "q");
        cache.set(key, entry(), 0, `quiet ${tenant}`);
        kept.push(key);
      }
    };
    for (let tenant = 0; tenant < quiet; tenant++) fill(tenant);
    for (let n = 0; n < 3_000; n++) {
      const tenant = Math.floor(random() * floods);
      const key = `flood ${tenant} ${random()}`.padEnd(Math.floor(random() * 2_000), "f");
      const own = random() < 0.3 ? `${n}${"o".repeat(Math.floor(random() * 3_000))}` : "";
      const made = cache.set(key, { ...entry(), result: own }, 0, `flood ${tenant}`);
      if (random() < 0.1) cache.get(key, 0);
      if (random() < 0.1) prepared(cache)(made.outcome);
    }
    expect(cache.figures().evicted).toBeGreaterThan(100);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.filter((key) => cache.get(key, 0) === undefined)).toEqual([]);
  });

  test("a single tenant has all of it, and gives it back to the second", () => {
    const cache = createMemoryCache({ maxEntries: 1e6, maxBytes: 200_000 });
    for (let n = 0; n < 2_000; n++) cache.set(`a${n}`, entry(), 0, "a");
    const alone = cache.figures().entries;
    expect(cache.figures().bytes).toBeGreaterThan(190_000);
    for (let n = 0; n < 2_000; n++) cache.set(`b${n}`, entry(), 0, "b");
    const left = count(cache, "a", 2_000);
    expect(left).toBeGreaterThan(0.45 * alone);
    expect(left).toBeLessThan(0.55 * alone);
  });

  test("what is over makes room before what isn't, also of tenants that are gone", () => {
    const cache = createMemoryCache({ maxEntries: 1e6, maxBytes: 200_000 });
    for (let n = 0; n < 400; n++) cache.set(`old${n}`, entry(0, 100), 0, `gone ${n % 40}`);
    for (let n = 0; n < 300; n++) cache.set(`new${n}`, entry(0, 1_000), 200, "here");
    expect(cache.figures()).toMatchObject({ tenants: 1, entries: 300, evicted: 0 });
  });

  test("two keys of one hash: none is taken for the other, and no tenant loses by another's", () => {
    const cache = createMemoryCache({ maxEntries: 100, maxBytes: 100_000, hash: (text) => text.length });
    cache.set("mine", { ...entry(), result: "m" }, 0, "a");
    cache.set("your", { ...entry(), result: "y" }, 0, "b");
    expect([cache.get("mine", 0)?.result, cache.get("your", 0)]).toEqual(["m", undefined]);
    cache.set("more", { ...entry(), result: "o" }, 0, "a");
    expect([cache.get("mine", 0), cache.get("more", 0)?.result]).toEqual([undefined, "o"]);
    expect(cache.figures().entries).toBe(1);
  });

  test("the ranking's largest is within 1.1 % of the largest", () => {
    const random = numbers(9);
    const ranking = createRanking<Holder>();
    const all = Array.from({ length: 300 }, (): Holder => ({
      bytes: 0,
      rank: -1,
      above: undefined,
      below: undefined,
    }));
    let worst = 0;
    for (let n = 0; n < 3_000; n++) {
      const one = all[Math.floor(random() * all.length)];
      if (one === undefined) continue;
      one.bytes = Math.floor(random() ** 3 * 1e6);
      if (random() < 0.05) {
        one.bytes = 0;
        ranking.removed(one);
      } else ranking.moved(one);
      const most = Math.max(...all.map(({ bytes }) => bytes));
      worst = Math.max(worst, most / (ranking.largest()?.bytes ?? 1));
    }
    expect(worst).toBeLessThan(1.011);
  });
});

const made = new WeakMap<MemoryCache, ReturnType<MemoryCache["prepare"]>>();
function prepared(cache: MemoryCache): ReturnType<MemoryCache["prepare"]> {
  const known = made.get(cache) ?? cache.prepare(() => ({ value: "x", bytes: 700 }));
  made.set(cache, known);
  return known;
}

function count(cache: MemoryCache, prefix: string, most: number): number {
  return Array.from({ length: most }, (_, n) => cache.get(`${prefix}${n}`, 0)).filter(
    (one) => one !== undefined,
  ).length;
}
