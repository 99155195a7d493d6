/** The forms that a bundle comes in: modules of OPA's own making, several of them, with Rego, with YAML; versions of Rego; manifests. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { activate } from "../../sidecar/bundles/activate.js";
import { checkRoots } from "../../sidecar/bundles/admit/roots.js";
import type { Json } from "../../sidecar/contract.js";
import { stringifyJson } from "../../sidecar/contract.js";
import { createKeyer } from "../../sidecar/decide/cache/key.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { Entries } from "../../sidecar/rego/archive.js";
import { readArchive } from "../../sidecar/rego/archive.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import type { BuiltBundle } from "../../sidecar/rego/bundle.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { writeBundle } from "../../sidecar/rego/write.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());
type Compiler = Pick<typeof toolchain, "build" | "data" | "version">;
const absent: Compiler = {
  build: () => Promise.reject(new Error("compiled")),
  data: () => Promise.reject(new Error("asked for data")),
  version: () => Promise.resolve(""),
};

const encoder = new TextEncoder();
const entriesOf = (files: Readonly<Record<string, string | Uint8Array>>): Entries =>
  new Map(
    Object.entries(files).map(([place, body]) => [
      place,
      typeof body === "string" ? encoder.encode(body) : body,
    ]),
  );
async function fixture(name: string): Promise<Record<string, Uint8Array>> {
  const at = new URL(`../../../test/rego/opa-bundles/${name}.tar.gz`, import.meta.url);
  const read = await readArchive(readFileSync(at));
  if (read.kind === "rejected") throw new Error(JSON.stringify(read.errors));
  return Object.fromEntries(read.entries);
}
const outcomeOf = (files: Readonly<Record<string, string | Uint8Array>>, by: Compiler = toolchain) =>
  compileBundle({ entries: entriesOf(files), toolchain: by });
async function built(
  files: Readonly<Record<string, string | Uint8Array>>,
  by: Compiler = toolchain,
): Promise<BuiltBundle> {
  const outcome = await outcomeOf(files, by);
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  return outcome.bundle;
}
const parts = {
  loadPolicy: ({ wasm, data }: Pick<BuiltBundle, "wasm" | "data">) =>
    loadPolicy({ wasm, data, budget: 1e6, maxPages: 256 }),
  createKeyer,
  now: () => 1,
};
function ask(bundle: BuiltBundle, entrypoint: string, input: Json): unknown {
  const answer = activate("b", bundle, parts).policy.evaluate(entrypoint, input);
  return answer.kind === "value" ? JSON.parse(stringifyJson(answer.value)) : answer.kind;
}
const pathsOf = ({ entrypoints }: BuiltBundle): string[] => entrypoints.map(({ path }) => path).sort();
const manifest = (wasm: Readonly<Record<string, string>>, more: object = {}): string =>
  JSON.stringify({
    roots: [""],
    wasm: Object.entries(wasm).map(([entrypoint, module]) => ({ entrypoint, module })),
    ...more,
  });

describe("a bundle of our own making", () => {
  test("has no entrypoint above its roots, and is taken with what the toolchain derives of filters", async () => {
    const bundle = await built({
      ".manifest": JSON.stringify({ roots: ["app", "system/log"] }),
      "mask.rego": 'package system.log\n\nmask contains "/input/password"\n',
      "docs.rego": `package app.docs

# METADATA
# custom: {filter: {unknown: input.resource.document}}
include if input.resource.document.owner == input.user
`,
    });
    const own = ["app", "app/docs", "app/docs/include", "system/log", "system/log/mask"];
    expect(pathsOf(bundle)).toEqual([...own, "countersign_filter/app/docs/include"].sort());
    const read = await readArchive(writeBundle(bundle));
    if (read.kind === "rejected") throw new Error(JSON.stringify(read.errors));
    expect(await built(Object.fromEntries(read.entries), absent)).toEqual(bundle);
    expect(checkRoots(bundle)).toBeUndefined();
  });
});

describe("a bundle that opa build made", () => {
  test("answers its entrypoints by its module, and by its Rego what doesn't rest on them", async () => {
    const bundle = await built(await fixture("two-entrypoints"));
    // authz/report reads authz/allow, which Rego alone doesn't know; authz would lack it
    expect(pathsOf(bundle)).toEqual(["authz/allow", "authz/is_admin", "lib/roles/reader"]);
    expect(ask(bundle, "authz/allow", { user: "ann" })).toBe(true);
    expect(ask(bundle, "authz/allow", { user: "eve" })).toBe(false);
    expect(ask(bundle, "lib/roles/reader", {})).toEqual(["ann"]);
    expect(ask(bundle, "authz/is_admin", { role: "admin" })).toBe(true);
    expect(ask(bundle, "authz", {})).toBe("undefined");
  });

  test("is written with all its modules, facts and data, and read again without a compiler", async () => {
    const bundle = await built(await fixture("two-entrypoints"));
    const archive = writeBundle(bundle);
    const read = await readArchive(archive);
    if (read.kind === "rejected") throw new Error(JSON.stringify(read.errors));
    const again = await built(Object.fromEntries(read.entries), absent);
    expect(again).toEqual(bundle);
    expect(bundle.more?.map(({ place }) => place)).toEqual(["countersign/policy.wasm"]);
    const swapped = Object.fromEntries(read.entries);
    const [first, second] = [swapped["policy.wasm"], swapped["countersign/policy.wasm"]] as [
      Uint8Array,
      Uint8Array,
    ];
    expect(
      await outcomeOf({ ...swapped, "policy.wasm": second, "countersign/policy.wasm": first }, absent),
    ).toMatchObject({ errors: [{ code: "bundle_manifest" }] });
  });

  test("of Rego's version 0 answers, and its Rego is read as that", async () => {
    const bundle = await built(await fixture("v0"));
    expect(pathsOf(bundle)).toEqual(["v0/allow", "v0/deny_reasons"]);
    expect([ask(bundle, "v0/allow", { x: 1 }), ask(bundle, "v0/deny_reasons", { y: 1 })]).toEqual([
      true,
      ["y"],
    ]);
  });

  test("several of them in one: each module answers its own; a change of data reaches all, or none answers", async () => {
    const [one, two] = [await fixture("two-entrypoints"), await fixture("report")];
    const bundle = await built(
      {
        "a/policy.wasm": one["policy.wasm"] as Uint8Array,
        "b/policy.wasm": two["policy.wasm"] as Uint8Array,
        "data.json": '{"lib":{"users":["ann"]},"report":{"users":["ann","bob"]}}',
        ".manifest": manifest({
          ...{ "authz/allow": "/a/policy.wasm", "lib/roles/reader": "a/policy.wasm" },
          "report/level": "/b/policy.wasm",
        }),
      },
      absent,
    );
    const asked = (): unknown[] =>
      [
        ["authz/allow", "bob"],
        ["report/level", "bob"],
      ].map(([path = "", user = ""]) => {
        const answer = policy.evaluate(path, { user });
        return answer.kind === "value" ? answer.value : answer.kind;
      });
    let fail = false;
    let loaded = 0;
    const { policy } = activate("b", bundle, {
      ...parts,
      loadPolicy(module) {
        const own = parts.loadPolicy(module);
        const isSecond = loaded++ === 1;
        return {
          ...own,
          patch(patches) {
            if (fail && isSecond) throw new Error("no memory");
            own.patch(patches);
          },
        };
      },
    });
    expect(asked()).toEqual([false, 2]);
    policy.patch([
      { path: ["lib", "users"], value: '["bob"]' },
      { path: ["report", "users"], value: "[]" },
    ]);
    expect(asked()).toEqual([true, 0]);
    fail = true;
    expect(() => policy.patch([{ path: ["lib", "users"], value: "[]" }])).toThrow("no memory");
    expect(asked()).toEqual(["failed", "failed"]);
  });

  test.each<[string, string, Record<string, string>, object]>([
    ["names a module that isn't there", "bundle_wasm", { "authz/allow": "/x/policy.wasm" }, {}],
    ["names no entrypoint", "bundle_manifest", {}, {}],
    [
      "has an entrypoint outside of the roots",
      "roots_violated",
      { "authz/allow": "/policy.wasm" },
      { roots: ["lib"] },
    ],
    ["permits nothing", "roots_violated", { "authz/allow": "/policy.wasm" }, { roots: [] }],
    [
      "has data outside of the roots",
      "roots_violated",
      { "authz/allow": "/policy.wasm" },
      { roots: ["authz/"] },
    ],
    ["overlaps with itself", "bundle_manifest", { "authz/allow": "/policy.wasm" }, { roots: ["a", "/a/b/"] }],
    [
      "has an unknown version of Rego",
      "bundle_manifest",
      { "authz/allow": "/policy.wasm" },
      { rego_version: 2 },
    ],
    [
      "has one for a file",
      "bundle_manifest",
      { "authz/allow": "/policy.wasm" },
      { file_rego_versions: { "*": 7 } },
    ],
    ["writes Roots for roots", "bundle_manifest", { "authz/allow": "/policy.wasm" }, { Roots: ["lib"] }],
  ])("whose manifest %s is refused", async (_, code, wasm, more) => {
    const files = { ...(await fixture("two-entrypoints")), ".manifest": manifest(wasm, more) };
    expect(await outcomeOf(files)).toMatchObject({ kind: "rejected", errors: [{ code }] });
  });

  test("with a second manifest, one in protobuf, or a module that nobody names is refused", async () => {
    const files = await fixture("two-entrypoints");
    for (const [place, code] of [
      ["a/.manifest", "bundle_manifest"],
      [".manifest.pb", "bundle_manifest"],
      ["a/policy.wasm", "bundle_wasm"],
    ] as const) {
      const more = {
        ...files,
        [place]: place.endsWith("wasm") ? (files["policy.wasm"] as Uint8Array) : "{}",
      };
      expect(await outcomeOf(more)).toMatchObject({ kind: "rejected", errors: [{ code, file: place }] });
    }
  });

  test("whose Rego defines what its module answers is refused; Rego that looks at it isn't asked", async () => {
    const files = await fixture("report");
    const twice = { ...files, "more.rego": "package report\n\nlevel := 7\n" };
    expect(await outcomeOf(twice)).toMatchObject({ errors: [{ code: "bundle_wasm" }] });
    const looks = `package other

direct if data.report.level > 0
through_a_function if high(1)
high(x) if data.report.level > x
by_name if data.report[input.name]
fine := data.report.users
`;
    const bundle = await built({ ...files, "more.rego": looks });
    expect(pathsOf(bundle)).toEqual(["other/fine", "report/level"]);
  });
});

describe("data in YAML", () => {
  const wasm = async () => ({
    "policy.wasm": (await fixture("report"))["policy.wasm"] as Uint8Array,
    ".manifest": manifest({ "report/level": "/policy.wasm" }, { roots: ["report"] }),
  });
  test("beside a module are read as OPA reads them, and keep the digits of JSON", async () => {
    const bundle = await built({
      ...(await wasm()),
      "report/data.yaml":
        "users: [a, b, c]\nn: 1e3\no: 017\nd: 2001-01-01\ny: yes\nbig: 12345678901234567890\n1: x\n",
      "report/more/data.json": '{"n":1.10}',
      "report/last/data.yml": "a: &x {b: 1}\nc: *x\n",
    });
    expect(ask(bundle, "report/level", {})).toBe(3);
    expect(bundle.data).toBe(
      `{"report":{"1":"x","big":12345678901234567890,"d":"2001-01-01","last":{"a":{"b":1},"c":{"b":1}},"more":{"n":1.10},"n":1000,"o":15,"users":["a","b","c"],"y":"yes"}}`,
    );
  });
  let bomb = "a0: &a0 [x]\n";
  for (let i = 1; i < 12; i++)
    bomb += `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join()}]\n`;
  test.each<[string, string, Record<string, string>]>([
    ["no YAML", "bundle_data", { "report/data.yaml": "a: [" }],
    ["a bomb", "bundle_data", { "report/data.yaml": bomb }],
    ["infinity", "bundle_data", { "report/data.yaml": "a: .inf" }],
    ["no object at the root", "bundle_data", { "data.yaml": "- 1" }],
    [
      "what JSON says otherwise",
      "bundle_data",
      { "report/data.json": '{"a":1}', "report/data.yaml": "a: 2" },
    ],
    ["data outside of the roots", "roots_violated", { "data.yaml": "other: 1" }],
  ])("with %s are refused", async (_, code, files) => {
    expect(await outcomeOf({ ...(await wasm()), ...files })).toMatchObject({ errors: [{ code }] });
    const rego = { "p.rego": "package report\n\np := 1\n", ".manifest": '{"roots":["report"]}' };
    expect(await outcomeOf({ ...rego, ...files })).toMatchObject({ errors: [{ code }] });
  });
});

describe("versions of Rego", () => {
  const v0 = "package a\n\nallow { input.x == 1 }\n";
  const v1 = "package b\n\nallow if input.x == 1\n";
  test.each<[object, boolean]>([
    [{ rego_version: 0, file_rego_versions: { "/b/*.rego": 1 } }, true],
    [{ rego_version: 1, file_rego_versions: { "/a/p.rego": 0 } }, true],
    [{ file_rego_versions: { "**/a/*": 0 } }, true],
    [{ file_rego_versions: { "a/*": 0 } }, false],
    [{ rego_version: 0 }, false],
    [{}, false],
  ])("%j", async (versions, fits) => {
    const outcome = await outcomeOf({
      "a/p.rego": v0,
      "b/q.rego": v1,
      ".manifest": JSON.stringify(versions),
    });
    if (outcome.kind === "rejected") {
      const { message } = outcome.errors[0] ?? {};
      expect([fits, message]).toEqual([false, expect.stringMatching(/`if` keyword|var cannot be used/)]);
      return;
    }
    expect(fits).toBe(true);
    expect([ask(outcome.bundle, "a/allow", { x: 1 }), ask(outcome.bundle, "b/allow", { x: 1 })]).toEqual([
      true,
      true,
    ]);
  });
  test("an error in one file is told, and none of the other's version", async () => {
    const manifest = '{"file_rego_versions":{"/a/*":0}}';
    const outcome = await outcomeOf({
      "a/p.rego": v0,
      "b/q.rego": "package b\n\nallow if\n",
      ".manifest": manifest,
    });
    expect(outcome).toMatchObject({ errors: [{ code: "rego_parse_error", file: "b/q.rego" }] });
    expect(outcome.kind === "rejected" && outcome.errors.length).toBe(1);
  });
  test("a package outside of the roots is refused with its file", async () => {
    expect(await outcomeOf({ "b/q.rego": v1, ".manifest": '{"roots":["a"]}' })).toMatchObject({
      errors: [{ code: "roots_violated", file: "b/q.rego" }],
    });
  });
});
