/** Deltas: what is changed in place is what a fresh load of the changed bundle would be; what doesn't fit changes nothing. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { activate } from "../../sidecar/bundles/activate.js";
import type { ActiveBundle } from "../../sidecar/bundles/active.js";
import { activateDelta } from "../../sidecar/bundles/delta/activate.js";
import type { Applied } from "../../sidecar/bundles/delta/apply.js";
import { applyDelta, createTextView } from "../../sidecar/bundles/delta/apply.js";
import { patchText } from "../../sidecar/bundles/delta/patch-text.js";
import type { Json } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import { createKeyer } from "../../sidecar/decide/cache/key.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import type { BuiltBundle, Rejected } from "../../sidecar/rego/bundle.js";
import type { Delta, DeltaOperation } from "../../sidecar/rego/read-delta.js";
import { isDelta, readDelta } from "../../sidecar/rego/read-delta.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const rego = `package check

# METADATA
# entrypoint: true
out := {"all": {k: v | some k, v in data.docs}, "count": count(data.docs)}

reader if data.docs.users[input.user].role == "reader"
`;
const manifest = {
  revision: "1",
  roots: ["check", "docs"],
  metadata: { version: 1, expires: 4_000_000_000 },
};
const toolchain = createToolchain({});
let built: BuiltBundle;
beforeAll(async () => {
  const files = { "p.rego": rego, ".manifest": JSON.stringify(manifest), "docs/data.json": "{}" };
  const outcome = await compileBundle({ files, toolchain });
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  built = outcome.bundle;
});
afterAll(() => toolchain.close());

const load = ({ wasm, data }: Pick<BuiltBundle, "wasm" | "data">): Policy =>
  loadPolicy({ wasm, data, budget: 1e9, maxPages: 2_048 });
const parts = { loadPolicy: load, createKeyer, now: () => 5 };

function archive(list: unknown, changes: object = {}, others: Record<string, string> = {}) {
  const encoder = new TextEncoder();
  const files = {
    "patch.json": typeof list === "string" ? list : JSON.stringify({ data: list }),
    ".manifest": JSON.stringify({ revision: "2", metadata: { base: "1", version: 2 }, ...changes }),
    ...others,
  };
  return new Map(Object.entries(files).map(([place, text]) => [place, encoder.encode(text)]));
}
function read(list: unknown, changes: object = {}): Delta {
  const delta = readDelta(archive(list, changes));
  if (delta.kind === "rejected") throw new Error(JSON.stringify(delta.errors));
  return delta;
}
function applied(outcome: Applied | Rejected): Applied {
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  return outcome;
}
const withData = (data: string): BuiltBundle => ({ ...built, data });

const keys = [
  "a",
  "b",
  "",
  "0",
  "1",
  "-",
  "é",
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
    fc.constantFrom<Json>(null, true, 0, -1.5, 1e21, "", 't"{[\\', "x".repeat(300)),
    fc.constantFrom("9007199254740993", "1.10", "1e400").map((text) => parseJson(text)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map((entries) => {
      const object = Object.create(null) as Record<string, Json>;
      for (const [name, member] of entries) object[name] = member;
      return object;
    }),
  ),
}));
const path = fc
  .oneof(
    { weight: 5, arbitrary: fc.tuple(key) },
    { weight: 4, arbitrary: fc.tuple(key, key) },
    { weight: 2, arbitrary: fc.tuple(key, key, key) },
    { weight: 2, arbitrary: fc.tuple(key, fc.constantFrom("0", "1"), key, key) },
  )
  .map((rest) => ["docs", ...rest]);
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constantFrom("upsert", "add", "replace"), path, value }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("remove"), path }) },
) as fc.Arbitrary<DeltaOperation>;
const lists = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(operation) },
  { weight: 1, arbitrary: fc.array(operation, { maxLength: 5 }) },
);

const clone = (one: Json): Json => parseJson(stringifyJson(one), { depth: 1_000 });

/** OPA's own way, by copying: plain and slow. Undefined where it refuses. */
function carryOut(document: Json, operations: readonly DeltaOperation[]): Json | undefined {
  const copy = clone(document);
  for (const one of operations) {
    let at: Json | undefined = copy;
    for (const name of one.path.slice(0, -1)) {
      if (Array.isArray(at)) at = /^(0|[1-9]\d*)$/.test(name) ? at[Number(name)] : undefined;
      else if (isObject(at)) {
        if (one.op === "upsert" && at[name] === undefined)
          at[name] = Object.create(null) as Record<string, Json>;
        at = at[name];
      } else at = undefined;
    }
    const name = one.path.at(-1) ?? "";
    const sets = one.op === "add" || one.op === "upsert";
    if (Array.isArray(at)) {
      const index = name === "-" ? at.length : /^(0|[1-9]\d*)$/.test(name) ? Number(name) : -1;
      if (index < 0 || index > at.length || (index === at.length && !sets)) return undefined;
      if (one.op === "remove") at.splice(index, 1);
      else at.splice(index, sets ? 0 : 1, clone(one.value));
    } else if (isObject(at)) {
      if (!sets && at[name] === undefined) return undefined;
      if (one.op === "remove") delete at[name];
      else at[name] = clone(one.value);
    } else return undefined;
  }
  return copy;
}

/** Objects in the order of their keys: order isn't kept. */
function sorted(value: Json | undefined): string {
  const sort = (one: Json): Json => {
    if (Array.isArray(one)) return one.map(sort);
    if (!isObject(one)) return one;
    const out = Object.create(null) as Record<string, Json>;
    for (const name of Object.keys(one).sort()) out[name] = sort(one[name] as Json);
    return out;
  };
  return value === undefined ? "undefined" : stringifyJson(sort(value));
}

const delta = (operations: readonly DeltaOperation[], base: string): Delta => ({
  ...{ kind: "delta", manifest: { revision: base === "1" ? "2" : "1" }, base, operations },
  digest: stringifyJson(operations as unknown as Json),
});

const runs = process.env["RANDOM_CASES"] === undefined ? 1_500 : 6_000;

test("random deltas in place are what a fresh load of the changed bundle is: data, decisions, digests", () => {
  let active: ActiveBundle = activate("b", built, parts);
  const policy = active.policy;
  let bundle = built;
  let expected: Json = parseJson('{"docs":{}}');
  const taken: Delta[] = [];
  let refused = 0;
  const compare = (): void => {
    const fresh = activate("b", { ...bundle, data: bundle.data }, parts);
    expect(sorted(policy.read([]))).toBe(sorted(expected));
    expect(sorted(fresh.policy.read([]))).toBe(sorted(expected));
    const [here, there] = [active, fresh].map((one) => {
      const answer = one.policy.evaluate("check/out", {});
      return answer.kind === "value" ? sorted(answer.value) : answer.kind;
    });
    expect(here).toBe(there);
    expect([active.digest, active.revision]).toEqual([fresh.digest, fresh.revision]);
  };
  const large = "x".repeat(70_000);
  const some: DeltaOperation[][] = [large, `${large}y`, "z"].map((text) => [
    { op: "upsert", path: ["docs", "large", "l"], value: text },
  ]);
  for (const [i, operations] of [...some, ...fc.sample(lists, { numRuns: runs })].entries()) {
    const next = carryOut(expected, operations);
    const one = delta(operations, bundle.manifest.revision ?? "");
    const outcome = applyDelta(bundle, one, { view: policy });
    if ((outcome.kind === "applied") !== (next !== undefined))
      throw new Error(`${JSON.stringify(outcome)}: ${JSON.stringify(operations)}`);
    if (outcome.kind === "rejected" || next === undefined) {
      refused++;
      continue;
    }
    const activation = activateDelta(active, outcome, () => i);
    if (activation.kind !== "activated") throw new Error(JSON.stringify(activation));
    active = activation.bundle;
    ({ bundle } = outcome);
    expected = next;
    taken.push(one);
    if (taken.length % 300 === 0) compare();
  }
  compare();
  // as at a restart
  const view = createTextView(built.data);
  let restarted = built;
  for (const one of taken) {
    const applied = applyDelta(restarted, one, { view });
    if (applied.kind === "rejected") throw new Error(JSON.stringify(applied.errors));
    view.patch(applied.patches);
    restarted = applied.bundle;
  }
  expect(restarted.digest).toBe(bundle.digest);
  expect(sorted(parseJson(restarted.data))).toBe(sorted(expected));
  expect([taken.length > runs / 4, refused > runs / 8]).toEqual([true, true]);
}, 60_000);

test("a text is patched where it lies: order, digits and spaces of all else stay", () => {
  const text = ' { "a" : { "n" : 1.10 , "x\\u0079" : [ "]}" , "\\\\" ] } ,\n"b":{},"c" : 1e400 }';
  const patches = [
    { path: ["a", "xy"], value: undefined },
    { path: ["b", "new", "deep"], value: "9007199254740993" },
    { path: ["d"], value: '{"e":1}' },
    { path: ["d", "e"], value: "2" },
  ];
  expect(patchText(text, patches)).toBe(
    '{"a":{"n" : 1.10},"b":{"new":{"deep":9007199254740993}},"c" : 1e400,"d":{"e":2}}',
  );
  expect(() => patchText('{"a":[', [{ path: ["a"], value: "1" }])).toThrow("too soon");
});

describe("a delta bundle", () => {
  test("moves revision, version and digest on; expiry and roots stay; an empty list changes nothing else", () => {
    const base = withData('{"docs":{"a":1}}');
    const { bundle, patches } = applied(applyDelta(base, read([])));
    expect(patches).toEqual([]);
    expect(bundle.data).toBe(base.data);
    expect(bundle.digest).not.toBe(base.digest);
    expect(bundle.manifest).toMatchObject({
      ...{ revision: "2", roots: manifest.roots },
      metadata: { version: 2, expires: manifest.metadata.expires },
    });
    expect(bundle.manifest.metadata).not.toHaveProperty("base");
    const silent = applied(applyDelta(base, read([], { metadata: { base: "1" } }))).bundle;
    expect(silent.manifest.metadata).toEqual({ expires: manifest.metadata.expires });
  });

  test("is about one bundle, by its revision, digest or archive", () => {
    const about = (base: string) =>
      applyDelta(built, read([], { metadata: { base } }), { archiveDigest: "f00" });
    for (const base of ["1", built.digest, "f00"]) expect(about(base).kind).toBe("applied");
    for (const base of ["2", "0", built.digest.slice(0, 12), "undefined"])
      expect(about(base)).toMatchObject({ kind: "rejected", errors: [{ code: "delta_base" }] });
  });

  test("that came too late changes nothing", () => {
    const active = activate("b", built, parts);
    const both = ["x", "y"].map((name) =>
      applied(
        applyDelta(built, read([{ op: "upsert", path: `/docs/${name}`, value: 1 }]), { view: active.policy }),
      ),
    );
    const [first, second] = both as [Applied, Applied];
    const activation = activateDelta(active, first, () => 7);
    expect(activation).toMatchObject({ kind: "activated", bundle: { revision: "2", activatedAt: 7 } });
    if (activation.kind !== "activated") return;
    expect(activateDelta(activation.bundle, second, () => 8)).toMatchObject({
      errors: [{ code: "delta_base" }],
    });
    expect(active.policy.read(["docs"])).toEqual(parseJson('{"x":1}'));
  });

  test("names results anew that it changes, and no others", () => {
    const active = activate("b", withData('{"docs":{"users":{"ann":{"role":"reader"},"bob":{}}}}'), parts);
    const asker = { tenant: "t", epoch: 0 };
    const keyOf = () => active.entrypoints.get("check/reader")?.key;
    const name = (user: string) => keyOf()?.({ user }, asker);
    const before = [name("ann"), name("bob")];
    const change = read([{ op: "replace", path: "/docs/users/ann/role", value: "none" }]);
    const outcome = applied(applyDelta(built, change, { view: active.policy }));
    activateDelta({ ...active, digest: outcome.base }, outcome, () => 1);
    const after = [name("ann"), name("bob")];
    expect(before.every((one) => one !== undefined)).toBe(true);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
  });

  const data = '{"docs":{"o":{"k":1},"l":[1,[2]],"n":null}}';
  test.each<[string, string, object[]]>([
    ["below nothing", "delta_unfit", [{ op: "add", path: "/docs/none/x", value: 1 }]],
    ["in place of nothing", "delta_unfit", [{ op: "replace", path: "/docs/none", value: 1 }]],
    ["that removes nothing", "delta_unfit", [{ op: "remove", path: "/docs/none" }]],
    ["into a scalar", "delta_unfit", [{ op: "upsert", path: "/docs/o/k/x", value: 1 }]],
    ["into null", "delta_unfit", [{ op: "upsert", path: "/docs/n/x/y", value: 1 }]],
    ["beyond a list's end", "delta_unfit", [{ op: "upsert", path: "/docs/l/9", value: 1 }]],
    ["below an item that isn't there", "delta_unfit", [{ op: "upsert", path: "/docs/l/9/x", value: 1 }]],
    ["of a list by a name", "delta_unfit", [{ op: "upsert", path: "/docs/l/01", value: 1 }]],
    ["where a rule stands", "delta_unfit", [{ op: "upsert", path: "/check/out", value: 1 }]],
    ["below a rule", "delta_unfit", [{ op: "upsert", path: "/check/out/x", value: 1 }]],
    ["around a rule", "delta_unfit", [{ op: "upsert", path: "/check", value: { out: { x: 1 } } }]],
    ["in the way to a rule", "delta_unfit", [{ op: "upsert", path: "/check", value: [1] }]],
    ["outside of the roots", "roots_violated", [{ op: "upsert", path: "/other", value: 1 }]],
    ["whose key only looks like a root", "roots_violated", [{ op: "upsert", path: "/docs%2Fx", value: 1 }]],
    ["above the roots", "bundle_data", [{ op: "upsert", path: "/", value: {} }]],
    [
      "of which only the last doesn't fit",
      "delta_unfit",
      [
        { op: "upsert", path: "/docs/o/k", value: 2 },
        { op: "add", path: "/docs/l/0", value: 0 },
        { op: "remove", path: "/docs/none" },
      ],
    ],
  ])("a change %s is refused, and none is made", (_, code, list) => {
    const active = activate("b", withData(data), parts);
    const one = readDelta(archive(list));
    const outcome = one.kind === "rejected" ? one : applyDelta(withData(data), one, { view: active.policy });
    expect(outcome).toMatchObject({ kind: "rejected", errors: [{ code }] });
    const slow = one.kind === "rejected" ? one : applyDelta(withData(data), one);
    expect(slow).toEqual(outcome);
    expect(sorted(active.policy.read([]))).toBe(sorted(parseJson(data)));
  });

  test("other roots, modules or versions of Rego than the bundle's are refused", () => {
    for (const changes of [
      { roots: ["docs"] },
      { roots: [""] },
      { wasm: [{ entrypoint: "check/out", module: "/x/policy.wasm" }] },
      { rego_version: 1 },
    ]) {
      const other = { ...changes, metadata: { base: "1" } };
      expect(applyDelta(built, read([], other))).toMatchObject({ errors: [{ code: "delta_unfit" }] });
    }
    expect(applyDelta(built, read([], { roots: ["docs/", "check"], metadata: { base: "1" } })).kind).toBe(
      "applied",
    );
  });

  const op = { op: "upsert", path: "/docs/a", value: 1 };
  test.each<[string, string, Map<string, Uint8Array>]>([
    ["Rego beside it", "bundle_data", archive([op], {}, { "p.rego": rego })],
    ["data beside it", "bundle_data", archive([op], {}, { "data.json": "{}" })],
    ["a patch in a folder", "bundle_data", archive([op], {}, { "a/patch.json": "{}" })],
    ["no base", "delta_base", archive([op], { metadata: {} })],
    ["a base that is none", "delta_base", archive([op], { metadata: { base: 1 } })],
    ["no list", "bundle_data", archive({})],
    ["an operation that is none", "bundle_data", archive([1])],
    ["an unknown operation", "bundle_data", archive([{ ...op, op: "move" }])],
    ["an unknown member", "bundle_data", archive([{ ...op, from: "/docs/b" }])],
    ["no value", "bundle_data", archive([{ op: "add", path: "/docs/a" }])],
    ["a value too many", "bundle_data", archive([{ ...op, op: "remove" }])],
    ["a path that is none", "bundle_data", archive([{ ...op, path: ["docs"] }])],
    ["a bad escape", "bundle_data", archive([{ ...op, path: "/docs/%zz" }])],
    ["half a character", "bundle_data", archive([{ ...op, path: "/docs/%ED%A0%80" }])],
    ["a path too deep", "bundle_data", archive([{ ...op, path: "/docs".repeat(200) }])],
    ["too many operations", "bundle_data", archive(Array(10_001).fill(op))],
    ["more than data", "bundle_data", archive('{"data":[],"policies":[]}')],
    ["no JSON", "invalid_json", archive("{")],
    ["a key twice", "duplicate_key", archive('{"data":[],"data":[]}')],
    [
      "roots that don't permit it",
      "roots_violated",
      archive([op], { roots: ["check"], metadata: { base: "1" } }),
    ],
  ])("with %s is refused", (_, code, entries) => {
    expect(isDelta(entries)).toBe(true);
    expect(readDelta(entries)).toMatchObject({ kind: "rejected", errors: [{ code }] });
  });
});
