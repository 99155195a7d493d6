import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fc } from "../../properties.js";
import { JsonNumber } from "../../../sidecar/contract.js";
import { termText } from "../../../sidecar/decide/builtins/text.js";
import { compareValues, objectOf, setOf } from "../../../sidecar/decide/engine/value.js";
import type { Tagged } from "../builtins/tagged.js";
import { fromTagged, toTagged } from "../builtins/tagged.js";

/** A list, the set that OPA makes of it, and its text. */
const cases = readFileSync(join("test", "decide", "engine", "cases", "order.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as readonly [readonly Tagged[], Tagged, string]);

describe("setOf", () => {
  test("orders and merges as OPA does", () => {
    for (const [list, set, text] of cases) {
      const made = setOf(list.map(fromTagged));
      expect(toTagged(made)).toEqual(set);
      expect(termText(made)).toBe(text);
    }
  });

  test("doesn't mind the order", () => {
    const items = (cases[0]?.[0] ?? []).map(fromTagged);
    fc.assert(
      fc.property(fc.shuffledSubarray(items), fc.shuffledSubarray(items), (some, others) => {
        const all = setOf([...some, ...others]).items;
        // of equal numbers, the one that came first stays
        const again = setOf([...all].reverse()).items;
        expect(again.length).toBe(all.length);
        all.forEach((item, i) => expect(compareValues(item, again[i] ?? null)).toBe(0));
      }),
      { numRuns: 200 },
    );
  });
});

describe("objectOf", () => {
  test("keeps the last of equal keys, in order", () => {
    const made = objectOf([
      ["b", 1],
      [new JsonNumber("1.0"), "first"],
      ["a", 2],
      [1, "last"],
      ["b", 3],
    ]);
    expect(termText(made)).toBe('{1: "last", "a": 2, "b": 3}');
    expect(made.get("b")).toBe(3);
    expect(made.get("c")).toBeUndefined();
  });
});

describe("compareValues", () => {
  test("costs nothing for a huge exponent", () => {
    expect(compareValues(new JsonNumber("1e400000"), new JsonNumber("1e399999"))).toBeGreaterThan(0);
    expect(compareValues(new JsonNumber("-1e999999999"), 0)).toBeLessThan(0);
    expect(compareValues(new JsonNumber("1e-999999999"), 0)).toBeGreaterThan(0);
  });
});
