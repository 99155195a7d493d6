/** Bundles that their author signed, and that must not come into force all the same. */
import type { BundleCode } from "../../../sidecar/bundles/codes.js";
import { flip, inside, tricked } from "./archives.js";
import type { Files, Good, Name } from "./goods.js";
import { manifestOf, pack, sign } from "./goods.js";
import type { Mutation } from "./mutation.js";
import { all, rego, signature, without } from "./mutation.js";
import type { Random } from "./random.js";

const manifestWith = (good: Good, more: object): Files => ({
  ...good.files,
  ".manifest": JSON.stringify({ ...(JSON.parse(String(good.files[".manifest"])) as object), ...more }),
});
/** Its author made it, and signed it. */
const signed = (
  kind: string,
  to: readonly Name[],
  code: BundleCode | readonly BundleCode[],
  files: (good: Good, random: Random) => Files,
): Mutation => ({
  ...{ kind, to, codes: typeof code === "string" ? [code] : code },
  make: (good, random) => sign(files(good, random)),
});
const text = (good: Good, place: string, change: (before: string) => string): Files => ({
  ...good.files,
  [place]: change(String(good.files[place])),
});
const code = (good: Good, change: (before: string) => string): Files =>
  text(good, `${good.name}/answer.rego`, change);
const extra = (good: Good, place: string, body: string | Uint8Array): Files => ({
  ...good.files,
  [place]: body,
});
const wasmOf = (good: Good): Buffer => Buffer.from(good.files["one/policy.wasm"] ?? "");
const resolvers = (good: Good, one: string, two: string): Files =>
  manifestWith(good, {
    wasm: [
      { entrypoint: one, module: "/one/policy.wasm" },
      { entrypoint: "made/allow", module: two },
    ],
  });
const bad = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]);
const made: readonly Name[] = ["made"];

export const contents: readonly Mutation[] = [
  signed("Rego that can't be parsed", rego, "build_failed", (good, random) =>
    code(good, (before) => before.slice(0, before.lastIndexOf("answer :=") + 10 + random.below(9))),
  ),
  signed("a name that isn't there", rego, "build_failed", (good) =>
    code(good, (before) => `${before}\nother := nothing.at.all\n`),
  ),
  signed("types that don't fit", rego, "build_failed", (good) =>
    code(good, (before) => `${before}\nother if count(1) == 2\n`),
  ),
  signed("a function that isn't there", rego, "build_failed", (good) =>
    code(good, (before) => `${before}\nother := no.such(1)\n`),
  ),
  signed("rules that call one another", rego, "build_failed", (good) =>
    code(good, (before) => `${before}\na := b\n\nb := a\n`),
  ),
  signed("Rego of another version", rego, "build_failed", (good) =>
    code(good, (before) => `${before}\nother[x] { x := 1 }\n`),
  ),
  signed("Rego that is no text", rego, "build_failed", (good) => extra(good, `${good.name}/x.rego`, bad)),
  signed("a built-in that isn't here", rego, "builtin_unavailable", (good) =>
    withVersion(
      code(
        good,
        (before) => `${before}\nanswer := 1 if http.send({"method": "get", "url": "http://a.test"})\n`,
      ),
    ),
  ),
  signed("no Rego", rego, "bundle_empty", (good) =>
    Object.fromEntries(Object.entries(good.files).filter(([place]) => !place.endsWith(".rego"))),
  ),
  signed("data that are a list", all, "bundle_data", (good) =>
    extra(good, `${good.name}/x/data.json`, "[1]"),
  ),
  signed("data twice", all, "bundle_data", (good) =>
    extra(good, `${good.name}/data.json`, '{"facts":{"revision":"bad"}}'),
  ),
  signed("roots that leave it out", all, "roots_violated", (good) =>
    manifestWith(good, { roots: ["elsewhere"] }),
  ),
  signed("roots that leave a part out", all, "roots_violated", (good) =>
    manifestWith(good, { roots: [`${good.name}/allow`] }),
  ),
  signed("data outside of its roots", all, "roots_violated", (good) =>
    extra(good, "users/data.json", '{"a":1}'),
  ),
  signed("another bundle's roots", all, "roots_overlap", (good) =>
    withVersion(
      manifestWith(good, { roots: [good.name, `${good.name}_test`, good.name === "raw" ? "made" : "raw"] }),
    ),
  ),
  signed("all roots", ["raw", "made", "web"], "roots_overlap", (good) =>
    withVersion(manifestWith(good, { roots: [""] })),
  ),
  signed("roots in one another", all, "bundle_manifest", (good) =>
    manifestWith(good, { roots: [good.name, `${good.name}/facts`] }),
  ),
  ...(
    [
      ["roots that are text", { roots: "raw" }],
      ["a revision that is a number", { revision: 1 }],
      ["a version of Rego that isn't", { rego_version: 7 }],
      ["versions of files that aren't", { file_rego_versions: { "/a.rego": "1" } }],
      ["metadata that are a list", { metadata: [] }],
      ["entrypoints that are text", { wasm: "app/allow" }],
      ["another spelling", { Roots: [""] }],
    ] as const
  ).map(([kind, more]) => signed(kind, all, "bundle_manifest", (good) => manifestWith(good, more))),
  signed("a manifest that is a list", all, "bundle_manifest", (good) => extra(good, ".manifest", "[]")),
  signed("a manifest in a folder", all, "bundle_manifest", (good) =>
    extra(good, `${good.name}/.manifest`, manifestOf(good.name)),
  ),
  signed("a version below", ["raw"], "version_rollback", (good) =>
    manifestWith(good, { metadata: { version: 4 } }),
  ),
  signed("other content of its version", ["raw"], "version_rollback", (good) =>
    code(good, (before) => `${before}\nother := 1\n`),
  ),
  signed("no version", ["raw"], "version_missing", (good) => manifestWith(good, { metadata: {} })),
  signed("a version that is text", ["raw"], "version_missing", (good) =>
    manifestWith(good, { metadata: { version: "9" } }),
  ),
  signed("a version that is a fraction", ["raw"], "version_missing", (good) =>
    manifestWith(good, { metadata: { version: 6.5 } }),
  ),
  signed("no end of its time", ["tested"], "bundle_expired", (good) => manifestWith(good, { metadata: {} })),
  signed("a time that is over", all, "bundle_expired", (good) =>
    withVersion(good.files, { expires: "2020-01-01T00:00:00Z" }),
  ),
  signed("a time that is none", all, "bundle_expired", (good) =>
    withVersion(good.files, { expires: "soon" }),
  ),
  signed("no tests", ["tested"], "tests_missing", ({ files }) => without(files, "tested/answer_test.rego")),
  signed("a test that fails", ["tested"], "tests_failed", (good) =>
    text(good, "tested/answer_test.rego", (before) => before.replaceAll("if not", "if")),
  ),
  signed("a test that can't be run", ["tested"], "tests_failed", (good) =>
    text(good, "tested/answer_test.rego", (before) => `${before}\ntest_more if no.such(1)\n`),
  ),
  signed("a policy that its tests don't know", ["tested"], "tests_failed", (good) =>
    code(good, (before) => before.replace("default allow := false", "default allow := true")),
  ),
  signed("what the canary knows otherwise", ["tested"], "canary_failed", (good) =>
    text(good, "tested/facts/data.json", (before) => before.replace(',"eve"', "")),
  ),
  signed("a module that is damaged", made, ["bundle_wasm", "activation_failed"], (good, random) =>
    extra(good, "one/policy.wasm", wasmOf(good).subarray(0, random.below(wasmOf(good).byteLength - 1))),
  ),
  signed("a module without its head", made, "bundle_wasm", (good) =>
    extra(good, "one/policy.wasm", wasmOf(good).subarray(8)),
  ),
  signed("a module that is no policy", made, "activation_failed", (good) =>
    extra(good, "one/policy.wasm", Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])),
  ),
  signed("a module that isn't there", made, "bundle_wasm", (good) =>
    resolvers(good, "made/answer", "/three/policy.wasm"),
  ),
  signed("a module of no entrypoint", made, "bundle_wasm", (good) =>
    extra(good, "three/policy.wasm", wasmOf(good)),
  ),
  signed("an entrypoint that isn't in it", made, "entrypoint_missing", (good) =>
    resolvers(good, "made/nothing", "/two/policy.wasm"),
  ),
  signed("modules that changed places", made, "entrypoint_missing", (good) => ({
    ...good.files,
    "one/policy.wasm": good.files["two/policy.wasm"] ?? "",
    "two/policy.wasm": good.files["one/policy.wasm"] ?? "",
  })),
  signed("an entrypoint twice", made, "bundle_manifest", (good) =>
    resolvers(good, "made/allow", "/two/policy.wasm"),
  ),
  signed("no entrypoint", made, "bundle_manifest", (good) => manifestWith(good, { wasm: [] })),
  signed("no manifest", made, "bundle_manifest", ({ files }) => without(files, ".manifest")),
  signed("facts of another module", made, "bundle_manifest", (good) =>
    manifestWith(good, {
      metadata: { countersign: { module: "0".repeat(64), entrypoints: [], rules: [] } },
    }),
  ),
];

/** Above the mark, so that something else is what is wrong. */
function withVersion(files: Files, metadata: object = {}): Files {
  const manifest = JSON.parse(String(files[".manifest"])) as { metadata?: object };
  return {
    ...files,
    ".manifest": JSON.stringify({ ...manifest, metadata: { ...manifest.metadata, version: 6, ...metadata } }),
  };
}

const patchOf = (operations: unknown, manifest: object = {}, more: Files = {}): Files => ({
  "patch.json": JSON.stringify({ data: operations }),
  ".manifest": JSON.stringify({ revision: "bad", metadata: { base: "good", version: 6 }, ...manifest }),
  ...more,
});
const set = (path: string, op = "replace"): object[] => [{ op, path, value: "bad" }];
const delta = (kind: string, what: BundleCode | readonly BundleCode[], files: () => Files): Mutation =>
  signed(kind, ["raw"], what, files);

export const deltas: readonly Mutation[] = [
  delta("changes of another bundle", "delta_base", () =>
    patchOf(set("/raw/facts/revision"), { metadata: { base: "other", version: 6 } }),
  ),
  delta("changes of nothing", "delta_base", () =>
    patchOf(set("/raw/facts/revision"), { metadata: { version: 6 } }),
  ),
  delta("changes of what isn't there", "delta_unfit", () => patchOf(set("/raw/nothing/here"))),
  delta("changes with other roots", ["delta_unfit", "roots_violated"], () =>
    patchOf(set("/raw/facts/revision"), { roots: ["raw/facts"] }),
  ),
  delta("changes outside of the roots", "roots_violated", () =>
    patchOf(set("/made/facts/revision", "upsert")),
  ),
  delta("changes of rules", ["delta_unfit", "bundle_data"], () => patchOf(set("/raw/allow", "upsert"))),
  delta("changes of all", "bundle_data", () => patchOf(set("/", "upsert"))),
  delta("changes of an unknown kind", "bundle_data", () => patchOf(set("/raw/facts/revision", "move"))),
  delta("changes that are no list", "bundle_data", () => patchOf({})),
  delta("changes of policies", "bundle_data", () =>
    patchOf([], {}, { "patch.json": '{"data":[],"policies":[]}' }),
  ),
  delta("changes with Rego", "bundle_data", () => patchOf([], {}, { "raw.rego": "package raw\n" })),
  delta("changes of a version below", "version_rollback", () =>
    patchOf(set("/raw/facts/revision"), { metadata: { base: "good", version: 5 } }),
  ),
  delta("changes of no version", "version_missing", () =>
    patchOf(set("/raw/facts/revision"), { metadata: { base: "good" } }),
  ),
  delta("changes whose time is over", "bundle_expired", () =>
    patchOf(set("/raw/facts/revision"), { metadata: { base: "good", version: 6, expires: 1 } }),
  ),
  {
    ...{ kind: "changes that nobody signed", to: ["raw"], codes: ["signature_missing"] },
    make: () => pack(patchOf(set("/raw/facts/revision"))),
  },
  {
    ...{ kind: "changes with bits", to: ["raw"], codes: [...tricked, ...signature, "version_rollback"] },
    make: async (_good, random) =>
      inside(
        await sign(patchOf(set("/raw/facts/revision"), { metadata: { base: "good", version: 4 } })),
        (tar) => flip(tar, random),
      ),
  },
];
