import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../../properties.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import { writeValue } from "../../../sidecar/decide/builtins/text.js";
import { addOrder, orderExport } from "../../../sidecar/decide/engine/order.js";
import { toJson } from "../../../sidecar/decide/engine/read-value.js";
import type { RegoObject, RegoSet, RegoValue } from "../../../sidecar/decide/engine/value.js";
import { objectOf, setOf } from "../../../sidecar/decide/engine/value.js";
import { InputTerm, loadPolicy } from "../../../sidecar/decide/policy.js";
import { createToolchain } from "../../../sidecar/rego/toolchain.js";
import { endlessLoop, moduleOf } from "../modules.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

const rego = `package p

items := [x | some x in input.set]

keys := [k | some k, _ in input.object]

pairs := [[x, y] | some x in input.set; some y in input.set]

mixed := [[x, k] | some x in input.set; some k, _ in input.object; count(input.object) < 20]

base := [k | some k, _ in data.users]

deep := [[k, x] | some k, user in data.users; some x, _ in user]

walked := [path | walk(input.object, [path, _])]

r := {"items": items, "keys": keys, "pairs": pairs, "mixed": mixed, "base": base, "deep": deep}
`;
let wasm: Uint8Array;
beforeAll(async () => {
  const built = await toolchain.build({ files: { "p.rego": rego }, entrypoints: ["p/r", "p/walked"] });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
});

const key: fc.Arbitrary<RegoValue> = fc.oneof(
  fc.integer({ min: -50, max: 500 }),
  fc.string({ maxLength: 6 }),
  fc.constantFrom<RegoValue>(null, true, false, 1.5, "ä", "😀", "\uffee"),
  fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
);
const someSet = fc.array(key, { maxLength: 60 }).map(setOf);
const someObject = fc.array(fc.tuple(key, fc.boolean()), { maxLength: 60 }).map(objectOf);
const users = fc.dictionary(
  fc.string({ maxLength: 8 }),
  fc.dictionary(fc.string({ maxLength: 4 }), fc.integer(), { maxKeys: 12, noNullPrototype: true }),
  { maxKeys: 40, noNullPrototype: true },
);

describe("collections are gone through in OPA's order", () => {
  test("sets, objects and base documents, alone and nested", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(someSet, someObject), { minLength: 1, maxLength: 4 }),
        users,
        (inputs, all) => {
          const data = objectOf(
            Object.entries(all).map(([name, user]) => [name, objectOf(Object.entries(user))] as const),
          );
          const policy = loadPolicy({
            wasm,
            data: JSON.stringify({ users: all }),
            budget: 50_000_000,
            maxPages: 1_024,
          });
          for (const [set, object] of inputs) {
            const answer = policy.evaluate(
              "p/r",
              new InputTerm(
                writeValue(
                  objectOf([
                    ["set", set],
                    ["object", object],
                  ]),
                ),
              ),
            );
            if (answer.kind !== "value") throw new Error(JSON.stringify(answer));
            expect(JSON.parse(stringifyJson(answer.value))).toEqual(expected(set, object, data));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a collection of 20,000, from the input and from the data, more than once", () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `u${(i * 7919) % 20_000}`);
    const users = Object.fromEntries(names.map((name) => [name, {}]));
    const policy = loadPolicy({ wasm, data: JSON.stringify({ users }), budget: 50_000_000, maxPages: 2_048 });
    const object = Object.fromEntries(names.map((name) => [name, true]));
    for (let turn = 0; turn < 3; turn++) {
      const answer = policy.evaluate("p/r", { set: [], object });
      if (answer.kind !== "value") throw new Error(JSON.stringify(answer));
      const { keys, base } = JSON.parse(stringifyJson(answer.value)) as Record<string, string[]>;
      expect(keys).toEqual([...names].sort());
      expect(base).toEqual([...names].sort());
    }
  });

  test("after a patch of the data, too", () => {
    const policy = loadPolicy({
      wasm,
      data: '{"users": {"b": {}, "a": {}}}',
      budget: 1_000_000,
      maxPages: 512,
    });
    const base = (): unknown => {
      const answer = policy.evaluate("p/r", { set: [], object: {} });
      return answer.kind === "value"
        ? (JSON.parse(stringifyJson(answer.value)) as { base: unknown }).base
        : answer;
    };
    expect(base()).toEqual(["a", "b"]);
    policy.patch([{ path: ["users", "aa"], value: "{}" }]);
    expect(base()).toEqual(["a", "aa", "b"]);
    policy.patch([{ path: ["users", "a"], value: undefined }]);
    policy.patch([{ path: ["users", "0"], value: "{}" }]);
    expect(base()).toEqual(["0", "aa", "b"]);
  });

  test("walk goes through objects in order", () => {
    const policy = loadPolicy({ wasm, data: "{}", budget: 1_000_000, maxPages: 512 });
    expect(policy.evaluate("p/walked", { object: { z: 1, a: { y: 1, b: 2 } } })).toMatchObject({
      value: [[], ["a"], ["a", "b"], ["a", "y"], ["z"]],
    });
  });
});

test("a module whose functions have no names stays as it is", () => {
  const module = moduleOf(endlessLoop);
  expect(addOrder(module)).toBe(module);
  expect(new WebAssembly.Module(addOrder(wasm))).toBeDefined();
  expect(
    WebAssembly.Module.exports(new WebAssembly.Module(addOrder(wasm))).map(({ name }) => name),
  ).toContain(orderExport);
});

function expected(set: RegoSet, object: RegoObject, data: RegoObject) {
  const json = (value: RegoValue): unknown => JSON.parse(stringifyJson(toJson(value)));
  const items = set.items.map(json);
  const keys = object.entries.map(([name]) => json(name));
  return {
    items,
    keys,
    pairs: items.flatMap((x) => items.map((y) => [x, y])),
    mixed: keys.length < 20 ? items.flatMap((x) => keys.map((name) => [x, name])) : [],
    base: data.entries.map(([name]) => name),
    deep: data.entries.flatMap(([name, user]) =>
      (user as RegoObject).entries.map(([inner]) => [name, inner]),
    ),
  };
}
