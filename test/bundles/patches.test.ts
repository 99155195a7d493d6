/** Base documents that are changed in place are what a fresh load of them would be; a list of changes is all or nothing. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import type { Operation } from "../../sidecar/bundles/change-json.js";
import type { Documents } from "../../sidecar/bundles/documents.js";
import { createDocuments } from "../../sidecar/bundles/documents.js";
import type { Json } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const module = `package check

# METADATA
# entrypoint: true
out := {"all": {k: v | some k, v in data.docs}, "sum": count(data.docs), "own": data.own, "a": object.get(data.docs, "a", null)}
`;

let toolchain: Toolchain;
let wasm: Uint8Array;
beforeAll(async () => {
  toolchain = createToolchain({});
  const outcome = await compileBundle({ files: { "check.rego": module }, toolchain });
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  ({ wasm } = outcome.bundle);
});
afterAll(() => toolchain.close());

const load = (data: string): Policy => loadPolicy({ wasm, data, budget: 1e9, maxPages: 2_048 });
const own = '"own":{"kept":[1,2,3]}';

/** Keys that have given trouble elsewhere, few enough that operations meet. */
const keys = [
  "a",
  "b",
  "c",
  "",
  "0",
  "1",
  "-",
  "é",
  "日本",
  "😀",
  "__proto__",
  "constructor",
  'q"\\',
  "\u0000",
  "a/b",
  "~",
];
const key = fc.constantFrom(...keys);
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<Json>(null, true, 0, -1.5, 1e21, "", "text", "\ud83d\ude00", "x".repeat(3_000)),
    fc.constantFrom("9007199254740993", "1.10", "1e400").map((text) => parseJson(text)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map((entries) => {
      const object = Object.create(null) as Record<string, Json>;
      for (const [name, member] of entries) object[name] = member;
      return object;
    }),
  ),
}));
// most lead to what is there: the others are only refused
const path = fc
  .oneof(
    { weight: 6, arbitrary: fc.tuple(key) },
    { weight: 3, arbitrary: fc.tuple(key, key) },
    { weight: 1, arbitrary: fc.tuple(key, key, key) },
  )
  .map((rest) => ["docs", ...rest]);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant("add"), path, value }) as fc.Arbitrary<Operation> },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("replace"), path, value }) as fc.Arbitrary<Operation> },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("remove"), path }) as fc.Arbitrary<Operation> },
);

/** The same by copying: slow, and plain. */
function carryOut(document: Json, operations: readonly Operation[]): Json | undefined {
  const clone = (one: Json): Json => parseJson(stringifyJson(one), { depth: 1_000 });
  // a single one is refused before it changes anything
  const copy = operations.length === 1 ? document : clone(document);
  for (const one of operations) {
    let at: Json | undefined = copy;
    for (const name of one.path.slice(0, -1)) {
      if (Array.isArray(at)) at = /^(0|[1-9]\d*)$/.test(name) ? at[Number(name)] : undefined;
      else at = isObject(at) ? at[name] : undefined;
    }
    const name = one.path.at(-1) ?? "";
    if (Array.isArray(at)) {
      const index = name === "-" ? at.length : /^(0|[1-9]\d*)$/.test(name) ? Number(name) : -1;
      if (index < 0 || index > at.length || (index === at.length && one.op !== "add")) return undefined;
      if (one.op === "remove") at.splice(index, 1);
      else at.splice(index, one.op === "add" ? 0 : 1, clone(one.value));
    } else if (isObject(at)) {
      if (one.op !== "add" && at[name] === undefined) return undefined;
      if (one.op === "remove") delete at[name];
      else at[name] = clone(one.value);
    } else return undefined;
  }
  return copy;
}

/** Objects in the order of their keys: order isn't kept. */
function sorted(value: Json | undefined): string {
  const sort = (one: Json): Json =>
    Array.isArray(one)
      ? one.map(sort)
      : isObject(one)
        ? Object.keys(one)
            .sort()
            .reduce<Record<string, Json>>(
              (out, name) => {
                out[name] = sort(one[name] as Json);
                return out;
              },
              Object.create(null) as Record<string, Json>,
            )
        : one;
  return value === undefined ? "undefined" : stringifyJson(sort(value));
}

const parsed = (documents: Documents, at: readonly string[] = []): Json =>
  parseJson(documents.text(at) ?? "null", { depth: 1_000 });

describe("10,000 random changes", () => {
  test("leave in the policy what a fresh load of the document holds, and the evaluation with it", () => {
    const documents = createDocuments();
    documents.change([{ op: "add", path: ["docs"], value: {} }], () => false);
    const policy = load(`{${own},"docs":{}}`);
    let expected: Json = parseJson('{"docs":{}}');
    let [changes, refused] = [0, 0];
    const some = fc.array(operation, { minLength: 1, maxLength: 3 });
    const lists = fc.oneof({ weight: 3, arbitrary: fc.tuple(operation) }, { weight: 1, arbitrary: some });
    for (const operations of fc.sample(lists, { numRuns: 18_000, seed: 7 })) {
      const outcome = documents.change(operations, () => false);
      const next = carryOut(expected, operations);
      if ((outcome.kind === "changed") !== (next !== undefined))
        throw new Error(`${outcome.kind}: ${JSON.stringify(operations)}`);
      if (outcome.kind === "refused" || next === undefined) {
        refused++;
        continue;
      }
      changes += operations.length;
      policy.patch(outcome.patches);
      expected = next;
      if (changes % 200 === 0)
        expect(sorted(policy.read(["docs"]))).toBe(sorted(parsed(documents, ["docs"])));
    }
    expect(changes).toBeGreaterThan(10_000);
    expect(refused).toBeGreaterThan(1_000);
    expect(sorted(parsed(documents))).toBe(sorted(expected));
    const fresh = load(`{${own},${(documents.text([]) ?? "").slice(1)}`);
    expect(sorted(policy.read([]))).toBe(sorted(fresh.read([])));
    const [patched, loaded] = [policy, fresh].map((one) => one.evaluate("check/out", {}));
    expect(patched).toEqual(loaded);
    expect(patched?.kind).toBe("value");
  });

  test("what is laid over a new policy is the same document", () => {
    const documents = createDocuments();
    const policy = load(`{${own}}`);
    for (const operations of fc.sample(fc.array(operation, { minLength: 1, maxLength: 3 }), {
      numRuns: 500,
      seed: 11,
    })) {
      const first: Operation = { op: "add", path: ["docs"], value: {} };
      documents.change(
        documents.kind(["docs"]) === undefined ? [first, ...operations] : operations,
        () => false,
      );
    }
    policy.patch(documents.patchesFor(["own"]));
    expect(sorted(policy.read(["docs"]))).toBe(sorted(parsed(documents, ["docs"])));
    expect(sorted(policy.read(["own"]))).toBe('{"kept":[1,2,3]}');
  });
});

describe("a change", () => {
  test("that is undone leaves everything as it was, size included", () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 6 }),
        fc.array(operation, { maxLength: 6 }),
        (before, after) => {
          const documents = createDocuments();
          for (const one of [{ op: "add", path: ["docs"], value: {} } as Operation, ...before]) {
            documents.change([one], () => false);
          }
          const state = [sorted(parsed(documents)), documents.bytes()];
          const outcome = documents.change(after, () => false);
          if (outcome.kind === "changed") outcome.undo();
          expect([sorted(parsed(documents)), documents.bytes()]).toEqual(state);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("is told by disjoint patches, one for each part", () => {
    const documents = createDocuments();
    const change = (operations: readonly Operation[]): unknown => {
      const outcome = documents.change(operations, () => false);
      return outcome.kind === "changed" ? outcome.patches : outcome;
    };
    change([{ op: "add", path: ["x"], value: { list: [1, { deep: 1 }], left: 1 } }]);
    expect(
      change([
        { op: "add", path: ["x", "list", "-"], value: 2 },
        { op: "replace", path: ["x", "list", "1", "deep"], value: 3 },
        { op: "add", path: ["y"], value: {} },
        { op: "add", path: ["y", "z"], value: 1 },
        { op: "add", path: ["gone"], value: 1 },
        { op: "remove", path: ["gone"] },
        { op: "remove", path: ["x", "left"] },
      ]),
    ).toEqual([
      { path: ["x", "list"], value: '[1,{"deep":3},2]' },
      { path: ["y"], value: '{"z":1}' },
      { path: ["x", "left"], value: undefined },
    ]);
  });

  test("keeps thousands of changes of one list apart from its length", () => {
    const documents = createDocuments();
    documents.change([{ op: "add", path: ["l"], value: new Array<Json>(20_000).fill("item") }], () => false);
    const operations = new Array<Operation>(5_000).fill({ op: "add", path: ["l", "-"], value: 1 });
    const outcome = documents.change(operations, () => false);
    expect(outcome).toMatchObject({
      kind: "changed",
      // a large value comes after the one before was removed
      patches: [
        { path: ["l"], value: undefined },
        { path: ["l"], value: expect.any(String) },
      ],
    });
    expect((parsed(documents, ["l"]) as Json[]).length).toBe(25_000);
  });
});
