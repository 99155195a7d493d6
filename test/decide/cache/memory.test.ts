/** The cache in memory: bounded, frozen, and equal outcomes kept once. */
import { describe, expect, test } from "@jest/globals";
import { createMemoryCache } from "../../../sidecar/decide/cache/memory.js";
import { parseJson } from "../../../sidecar/contract.js";

const entry = (result: string, expiresAt = 10, rules: string[] = ["r"]) => ({
  result: parseJson(result),
  rules,
  expiresAt,
});

describe("the cache in memory", () => {
  test("keeps equal outcomes once, each with its own end", () => {
    const cache = createMemoryCache({ maxEntries: 10, maxBytes: 100_000 });
    cache.set("a", entry('{"allow":true,"n":1.0}', 10), 0);
    cache.set("b", entry('{"allow":true,"n":1.0}', 20), 0);
    expect(cache.get("a", 0)?.result).toBe(cache.get("b", 0)?.result);
    expect(cache.get("a", 15)).toBeUndefined();
    expect(cache.get("b", 15)).toMatchObject({ expiresAt: 20, rules: ["r"] });
  });

  test("takes nothing for equal that differs in a rule, a number's text or a member's order", () => {
    const cache = createMemoryCache({ maxEntries: 10, maxBytes: 100_000 });
    const all = [
      entry('{"allow":true,"n":1.0}'),
      entry('{"allow":true,"n":1}'),
      entry('{"n":1.0,"allow":true}'),
      entry('{"allow":true,"n":1.0}', 10, ["s"]),
      entry('{"allow":true,"n":1.0}', 10, []),
    ];
    for (const [i, one] of all.entries()) cache.set(String(i), one, 0);
    const found = all.map((_, i) => cache.get(String(i), 0));
    expect(found.map((one) => ({ ...one?.outcome, expiresAt: one?.expiresAt }))).toMatchObject(all);
    expect(new Set(found.map((one) => one?.result)).size).toBe(all.length);
  });

  test("is frozen all through", () => {
    const cache = createMemoryCache({ maxEntries: 10, maxBytes: 100_000 });
    cache.set("a", entry('{"reasons":[{"code":"x"}]}'), 0);
    const found = cache.get("a", 0);
    const { reasons } = found?.result as unknown as { reasons: object[] };
    for (const one of [found?.result, found?.rules, reasons, reasons[0]])
      expect(Object.isFrozen(one)).toBe(true);
    expect(() => Object.assign(found ?? {}, { result: true })).toThrow(TypeError);
  });

  test("is bounded by bytes, by keys and by outcomes", () => {
    const keys = createMemoryCache({ maxEntries: 1_000, maxBytes: 40_000 });
    for (let i = 0; i < 100; i++) keys.set(`${i}${"k".repeat(1_000)}`, entry("true"), 0);
    const kept = Array.from({ length: 100 }, (_, i) => keys.get(`${i}${"k".repeat(1_000)}`, 0) !== undefined);
    expect(kept.filter(Boolean).length).toBeLessThan(35);
    expect(kept.at(-1)).toBe(true);

    const outcomes = createMemoryCache({ maxEntries: 1_000, maxBytes: 40_000 });
    for (let i = 0; i < 100; i++) outcomes.set(String(i), entry(`"${i}${"r".repeat(3_000)}"`), 0);
    const left = Array.from({ length: 100 }, (_, i) => outcomes.get(String(i), 0) !== undefined);
    expect(left.filter(Boolean).length).toBeLessThan(10);
  });

  test("finds any key again, whatever it is made of", () => {
    const cache = createMemoryCache({ maxEntries: 100, maxBytes: 100_000 });
    const odd = ["", "\ud800", "\0", '"', "\\ud800", "__proto__", "é", "😀"];
    for (const [i, key] of odd.entries()) cache.set(key, entry(String(i)), 0);
    expect(odd.map((key) => cache.get(key, 0)?.result)).toEqual(odd.map((_, i) => i));
    // UTF-8 writes a lone surrogate as U+FFFD: one hash, so one of the two is kept, and neither is taken for the other
    cache.set("\ufffd", entry("true"), 0);
    expect([cache.get("\ud800", 0), cache.get("\ufffd", 0)?.result]).toEqual([undefined, true]);
  });
});
