import { describe, expect, test } from "@jest/globals";
import { fc } from "../../properties.js";
import type { Json } from "../../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import { createKeyer } from "../../../sidecar/decide/cache/key.js";

const data = { whole: () => "", member: () => "" };
const t = { tenant: "t", epoch: 0 };
const keyer = (...input: string[][]) =>
  createKeyer({ policyDigest: "d", facts: { path: "a/b", input }, data });
const json = (text: string): Json => parseJson(text);

describe("createKeyer", () => {
  const differ: [string, string[][], string, string][] = [
    ["a value that is read", [["a"]], '{"a":1}', '{"a":2}'],
    ["a type", [["a"]], '{"a":1}', '{"a":"1"}'],
    ["null and absent", [["a"]], '{"a":null}', "{}"],
    ["false and absent", [["a"]], '{"a":false}', "{}"],
    ["an absent leaf under an absent and a present parent", [["user", "suspended"]], "{}", '{"user":{}}'],
    ["an absent leaf under parents of other types", [["user", "x"]], '{"user":1}', '{"user":"a"}'],
    ["an absent leaf at other depths", [["a", "b", "c"]], '{"a":{}}', '{"a":{"b":{}}}'],
    ["an array where an object is read", [["a", "b"]], '{"a":[1]}', '{"a":[2]}'],
    ["order in an array", [["a"]], '{"a":[1,2]}', '{"a":[2,1]}'],
    ["an array under a path and what it holds", [["a", "0"]], '{"a":["x"]}', '{"a":{"0":"x"}}'],
    ["a scalar and null under a path", [["a", "b"]], '{"a":null}', '{"a":1.0}'],
    ["an inherited name and an own one", [["constructor"]], "{}", '{"constructor":{}}'],
    ["numbers that json.marshal tells apart", [["a"]], '{"a":1}', '{"a":1.0}'],
    ["zero and minus zero", [["a"]], '{"a":0}', '{"a":-0}'],
    ["numbers side by side", [["a"], ["b"]], '{"a":1,"b":23}', '{"a":12,"b":3}'],
    ["an empty text and none", [["a"]], '{"a":""}', "{}"],
    ["a nested object and a flat one", [["a"]], '{"a":{"b":{},"c":1}}', '{"a":{"b":{"c":1}}}'],
    ["a text that looks like a token", [["a"], ["b"]], '{"a":"x\\"1:y"}', '{"a":"x","b":"y"}'],
    ["texts that meet at a quote", [["a"], ["b"]], '{"a":"x\\"y","b":""}', '{"a":"x","b":"y\\""}'],
    ["a nested array and a flat one", [["a"]], '{"a":[[1],2]}', '{"a":[[1,2]]}'],
    ["big integers", [["a"]], '{"a":9007199254740993}', '{"a":9007199254740992}'],
    ["the whole input", [[]], '{"a":1}', '{"a":1,"b":null}'],
    ["a value that looks like two", [["a"], ["b"]], '{"a":"x\\n1","b":2}', '{"a":"x","b":"1\\n2"}'],
    ["values that swap places", [["a"], ["b"]], '{"a":1,"b":2}', '{"a":2,"b":1}'],
  ];
  test.each(differ)("tells apart %s", (_name, paths, one, other) => {
    const key = keyer(...paths);
    expect(key(json(one), t)).not.toBe(key(json(other), t));
  });

  test("tells apart zero and minus zero that aren't from a text", () => {
    expect(keyer(["a"])({ a: 0 }, t)).not.toBe(keyer(["a"])({ a: -0 }, t));
  });

  test("policy, entrypoint, tenant and epoch are part of the key", () => {
    const input = json("{}");
    const facts = { path: "a/b", input: [] };
    const keys = [
      createKeyer({ policyDigest: "d", facts, data })(input, t),
      createKeyer({ policyDigest: "d", facts, data })(input, { ...t, tenant: "u" }),
      createKeyer({ policyDigest: "d", facts, data })(input, { ...t, epoch: 1 }),
      createKeyer({ policyDigest: "e", facts, data })(input, t),
      createKeyer({ policyDigest: "d", facts: { ...facts, path: "a/c" }, data })(input, t),
      createKeyer({ policyDigest: 'd","a/b', facts: { ...facts, path: "" }, data })(input, t),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("what is never read doesn't matter", () => {
    const key = keyer(["subject", "id"]);
    expect(key(json('{"subject":{"id":1,"x":2},"context":{"request":{"id":"r1"}}}'), t)).toBe(
      key(json('{"context":{"request":{"id":"r2"}},"subject":{"id":1}}'), t),
    );
  });

  test("the order of keys never matters", () => {
    const shuffled = (value: Json): Json =>
      isObject(value)
        ? Object.fromEntries(
            Object.keys(value)
              .reverse()
              .map((key) => [key, shuffled(value[key] ?? null)]),
          )
        : value;
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const input = json(JSON.stringify({ a: value }));
        expect(keyer(["a"])(shuffled(input), t)).toBe(keyer(["a"])(input, t));
      }),
    );
  });

  test("equal keys mean equal values at every path", () => {
    const leaf = fc.oneof(
      fc.constant(undefined),
      fc.boolean(),
      fc.integer({ min: 0, max: 2 }),
      fc.constantFrom("", "a"),
    );
    const input = fc.record(
      { a: fc.oneof(leaf, fc.record({ b: leaf, c: leaf })), d: leaf, e: leaf },
      { requiredKeys: [] },
    );
    const paths = [["a", "b"], ["a", "c"], ["d"]];
    const project = (value: Json): string =>
      JSON.stringify(
        paths.map(
          (path) =>
            path.reduce<unknown>(
              (at, part) =>
                typeof at === "object" && at !== null ? (at as Record<string, unknown>)[part] : undefined,
              value,
            ) ?? "none",
        ),
      );
    fc.assert(
      fc.property(input, input, (one, other) => {
        const [x, y] = [json(JSON.stringify(one)), json(JSON.stringify(other))];
        const key = keyer(...paths);
        if (key(x, t) === key(y, t)) expect(project(x)).toBe(project(y));
      }),
      { numRuns: 2_000 },
    );
  });

  const names = ["a", "b", "c", "constructor", "0"];
  const deep = fc.letrec<{ json: Json }>((tie) => ({
    json: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<Json>(null, true, false, 0, 1, "", "a", '"1:a', "\ud800"),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie("json"), { maxKeys: 3, noNullPrototype: false }),
    ),
  })).json;
  const path = fc.array(fc.constantFrom(...names), { maxLength: 3 });
  const pathSet = fc.array(path, { minLength: 1, maxLength: 4 });

  test("the whole input's key is a name of its own for each value", () => {
    const sorted = (value: Json): Json =>
      Array.isArray(value)
        ? value.map(sorted)
        : isObject(value)
          ? Object.fromEntries(
              Object.keys(value)
                .sort()
                .map((name) => [name, sorted(value[name] ?? null)]),
            )
          : value;
    fc.assert(
      fc.property(deep, deep, (one, other) => {
        const key = keyer([]);
        const same = stringifyJson(sorted(one)) === stringifyJson(sorted(other));
        expect(key(one, t) === key(other, t)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  test("changing a value at a path that is read changes the key", () => {
    fc.assert(
      fc.property(deep, pathSet, fc.nat(), deep, (input, paths, which, value) => {
        const target = paths[which % paths.length] ?? [];
        const changed = replaced(input, target, value);
        const key = keyer(...paths);
        const same = keyer([])(changed, t) === keyer([])(input, t);
        expect(key(changed, t) === key(input, t)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  test("changing a member that no path reads doesn't", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), deep), pathSet, deep, (input, paths, value) => {
        fc.pre(paths.every(({ length }) => length > 0));
        const key = keyer(...paths);
        expect(key({ ...input, unread: value }, t)).toBe(key(input, t));
      }),
    );
  });

  test("the order of paths, and one said twice, don't matter", () => {
    fc.assert(
      fc.property(deep, pathSet, (input, paths) => {
        expect(keyer(...[...paths, ...paths].reverse())(input, t)).toBe(keyer(...paths)(input, t));
      }),
    );
  });

  test("what is frozen is remembered, and has the key that it had: for the same paths, and for others", () => {
    fc.assert(
      fc.property(deep, pathSet, pathSet, (input, paths, others) => {
        const expected = [paths, others].map((some) => keyer(...some)(input, t));
        const frozen = freeze(structuredClone(input));
        const keyers = [paths, others].map((some) => keyer(...some));
        for (let time = 0; time < 2; time++) expect(keyers.map((key) => key(frozen, t))).toEqual(expected);
      }),
    );
  });

  test("what isn't frozen is read each time", () => {
    const inner: Record<string, Json> = { b: 1 };
    const key = keyer(["a", "b"], ["c"]);
    const first = key({ a: inner, c: 1 }, t);
    inner["b"] = 2;
    expect(key({ a: inner, c: 1 }, t)).not.toBe(first);
  });

  test("a path under one that is read whole adds nothing", () => {
    const input = json('{"a":{"b":1}}');
    expect(keyer(["a"], ["a", "b"])(input, t)).toBe(keyer(["a"])(input, t));
    expect(stringifyJson(input)).toBe('{"a":{"b":1}}');
  });
});

function freeze<T extends Json>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const one of Object.values(value)) freeze(one as Json);
    Object.freeze(value);
  }
  return value;
}

/** Puts a value at a path, making objects on the way as needed. */
function replaced(input: Json, [name, ...rest]: readonly string[], value: Json): Json {
  if (name === undefined) return value;
  const object = isObject(input) ? input : {};
  const inner = Object.hasOwn(object, name) ? (object[name] ?? null) : {};
  return { ...object, [name]: replaced(inner, rest, value) };
}
