import { describe, expect, test } from "@jest/globals";
import { alike } from "../../gateway/reload/alike.js";
import { parseJson } from "../../sidecar/contract.js";

const a = (): object => ({
  url: new URL("https://a.example/x"),
  n: parseJson('{"cost":2.75}'),
  l: [1, { s: new Set("a") }],
});
const pairs: readonly (readonly [string, unknown, unknown, boolean])[] = [
  ["the same parts", a(), a(), true],
  ["another order of fields", { x: 1, y: 2 }, { y: 2, x: 1 }, true],
  ["maps", new Map([["a", a()]]), new Map([["a", a()]]), true],
  ["another URL", { url: new URL("https://a.example/x") }, { url: new URL("https://a.example/y") }, false],
  ["another number of arbitrary size", parseJson("[2.75]"), parseJson("[2.750001]"), false],
  ["one field more", { x: 1 }, { x: 1, y: undefined }, false],
  ["one item more", [1], [1, 2], false],
  [
    "one entry more",
    new Map([["a", 1]]),
    new Map([
      ["a", 1],
      ["b", 2],
    ]),
    false,
  ],
  ["an object and a list", {}, [], false],
  ["nothing and something", undefined, {}, false],
  ["null and an object", null, {}, false],
  ["functions of the same text", () => 1, () => 1, false],
  ["objects of a class that it doesn't know", new Date(0), new Date(0), false],
];
describe("two configurations", () => {
  test.each(pairs)("with %s", (_name, one, other, expected) => {
    expect(alike(one, other)).toBe(expected);
    expect(alike(other, one)).toBe(expected);
  });
});
