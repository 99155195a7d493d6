/** What is read of the data is named so that a result counts for just as long as that stays. */
import { describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { createPolicyData } from "../../sidecar/bundles/data-names.js";
import type { Json } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";

type Patch = { path: string[]; value: string | undefined };

function world(data: Json, size?: number) {
  let root = data;
  const read = (path: readonly string[]): Json | undefined =>
    path.reduce<Json | undefined>(
      (at, key) => (at !== undefined && isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined),
      root,
    );
  const text = stringifyJson(data);
  const named = createPolicyData({ policy: { read }, digest: text, size: size ?? text.length });
  const patch = (...patches: Patch[]): void => {
    for (const { path, value } of patches) root = put(root, path, value);
    named.changed(patches);
  };
  return { named, patch };
}

function put(at: Json, [key, ...rest]: string[], value: string | undefined): Json {
  if (key === undefined) return value === undefined ? {} : parseJson(value);
  const object = Object.assign(Object.create(null) as Record<string, Json>, isObject(at) ? at : {});
  const next = rest.length === 0 && value === undefined ? undefined : put(object[key] ?? {}, rest, value);
  if (next === undefined) delete object[key];
  else object[key] = next;
  return object;
}

const users: Json = { users: { ann: { r: 1 }, bob: { r: 2 } }, other: { x: 1 } };
const facts = { data: [["other"]], lookups: [{ table: ["users"], by: ["subject", "id"] }] };

describe.each([
  ["small data", undefined],
  ["data too large to be read", 2 ** 30],
])("names of %s", (_name, size) => {
  const cases: [string, Patch, { ann: boolean; bob: boolean; whole: boolean }][] = [
    ["a member", { path: ["users", "ann"], value: '{"r":9}' }, { ann: true, bob: false, whole: false }],
    ["in a member", { path: ["users", "ann", "r"], value: "9" }, { ann: true, bob: false, whole: false }],
    ["a member goes", { path: ["users", "bob"], value: undefined }, { ann: false, bob: true, whole: false }],
    ["the table", { path: ["users"], value: "{}" }, { ann: true, bob: true, whole: false }],
    ["what is read whole", { path: ["other", "x"], value: "2" }, { ann: false, bob: false, whole: true }],
    ["all", { path: [], value: '{"other":{"x":3}}' }, { ann: true, bob: true, whole: true }],
    ["elsewhere", { path: ["more"], value: "1" }, { ann: false, bob: false, whole: false }],
  ];
  test.each(cases)("%s", (_what, change, changed) => {
    const { named, patch } = world(users, size);
    const names = named.namesFor(facts);
    const of = () => ({ ann: names.member(0, "ann"), bob: names.member(0, "bob"), whole: names.whole() });
    const before = of();
    expect(of()).toEqual(before);
    patch(change);
    const after = of();
    expect({
      ann: after.ann !== before.ann,
      bob: after.bob !== before.bob,
      whole: after.whole !== before.whole,
    }).toEqual(changed);
  });

  test("other content has another name, whatever was named before it", () => {
    const key = fc.constantFrom("a", "b", "c");
    const value = fc.constantFrom(undefined, "1", "2", "{}", '{"a":1}', '{"a":{"b":1}}');
    const step = fc.record({
      path: fc.array(key, { minLength: 1, maxLength: 3 }),
      value,
      looks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let root: Json = { a: { b: 1 }, b: {} };
        const { named, patch } = world(root, size);
        const names = named.namesFor({ data: [["a"]], lookups: [{ table: ["b"], by: [] }] });
        const seen = new Map<string, string>();
        const look = (): void => {
          const told = isObject(root) ? root : {};
          const table = told["b"];
          const member = table !== undefined && isObject(table) ? table["c"] : undefined;
          const pairs = [
            ["w", names.whole(), told["a"]],
            ["m", names.member(0, "c"), member],
          ] as const;
          for (const [kind, name, content] of pairs) {
            const text = content === undefined ? "-" : stringifyJson(content);
            expect(seen.get(kind + name) ?? text).toBe(text);
            seen.set(kind + name, text);
          }
        };
        for (const { looks, ...change } of steps) {
          if (looks) look();
          root = put(root, change.path, change.value);
          patch(change);
        }
        look();
      }),
    );
  });
});

test("a key that is no text is one of the whole table, and to find nothing isn't to look for nothing", () => {
  const { named, patch } = world(users);
  const names = named.namesFor(facts);
  const keys: Json[] = [1, null, ["ann"], { ann: 1 }, true];
  const before = keys.map((key) => names.member(0, key));
  const absent = [names.member(0, undefined), names.member(0, "nobody")];
  expect(absent).toEqual(["u", "n"]);
  expect(new Set([...before, ...absent]).size).toBe(keys.length + 2);
  patch({ path: ["users", "bob", "r"], value: "7" });
  for (const [i, key] of keys.entries()) expect(names.member(0, key)).not.toBe(before[i]);
});

test("a number is one of a list's item, as long as the list stays as it is", () => {
  const { named, patch } = world(parseJson('{"users":["a","b","a"],"other":{}}'));
  const names = named.namesFor(facts);
  const of = (...keys: Json[]): string[] => keys.map((key) => names.member(0, key));
  const [first, second, third] = of(0, 1, 2);
  expect([first === third, first === second]).toEqual([true, false]);
  // written otherwise, beyond the list, or as text: none is taken for an item
  const others = of(...["1.0", "-0", "3", "-1", "0.5", '"0"'].map((text) => parseJson(text)), -0);
  expect(others.filter((name) => name === first || name === second)).toEqual([]);
  patch({ path: ["users"], value: '["b"]' });
  expect([of(0)[0] === second, of(1)[0] === second]).toEqual([true, false]);
  // a key of an object is a text
  patch({ path: ["users"], value: '{"0":"b"}' });
  expect(of(0)[0]).not.toBe(of("0")[0]);
  expect(of(0)[0]).not.toBe(second);
});

test("a key that no policy can be asked with isn't one that leads to nothing", () => {
  const { named } = world(users);
  const names = named.namesFor(facts);
  const all = ["nobody", "\ud800", "ann\udfff", "\ud801"].map((key) => names.member(0, key));
  expect(new Set(all).size).toBe(all.length);
  expect(names.member(0, "\u{1f600}")).toBe("n");
});

test.each(["__proto__", "constructor", "", "a/b", "a~1b", "~0", "é", "e\u0301", "0"])(
  "the key %j is one like others",
  (key) => {
    const { named, patch } = world(parseJson('{"users":{"a":{"r":1}}}'));
    const names = named.namesFor(facts);
    const before = names.member(0, key);
    expect(before).toBe("n");
    patch({ path: ["users", key], value: '{"r":1}' });
    const there = names.member(0, key);
    expect([there === before, there === names.member(0, "a")]).toEqual([false, true]);
    patch({ path: ["users", key, "r"], value: "2" });
    expect([before, there]).not.toContain(names.member(0, key));
    patch({ path: ["users", key], value: undefined });
    expect(names.member(0, key)).toBe(before);
  },
);
