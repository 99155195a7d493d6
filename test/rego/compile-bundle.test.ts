import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import type { BuildOutcome, BuiltBundle } from "../../sidecar/rego/bundle.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { digestOfModule } from "../../sidecar/rego/read-facts.js";
import { writeBundle } from "../../sidecar/rego/write.js";

const toolchain = createToolchain({});
const root = mkdtempSync(join(tmpdir(), "countersign-bundle-"));
afterAll(async () => {
  rmSync(root, { recursive: true });
  await toolchain.close();
});

const policy = `package p

# METADATA
# entrypoint: true
r if {
	input.x == data.a.one
	marked
}

# METADATA
# title: marked
# custom:
#   id: M-1
#   owner: team
#   severity: low
#   frameworks: [F-1]
marked if input.y
`;
const data = '{"one": 1, "big": 9007199254740993, "huge": 1e400, "point": 1.0}';
const files = { "p.rego": policy, "p_test.rego": "package p_test\ntest_it if true\n", "a/data.json": data };

let made = 0;
function folder(content: Record<string, string | Uint8Array>): string {
  const at = join(root, String(made++));
  for (const [name, text] of Object.entries(content)) {
    mkdirSync(join(at, name, ".."), { recursive: true });
    writeFileSync(join(at, name), text);
  }
  return at;
}
function built(outcome: BuildOutcome): BuiltBundle {
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  return outcome.bundle;
}
/** A compiler that must not be asked. */
const absent: Pick<Toolchain, "build" | "data" | "version"> = {
  build: () => Promise.reject(new Error("compiled")),
  data: () => Promise.reject(new Error("asked for data")),
  version: () => toolchain.version(),
};
const compiled = compileBundle({ files, toolchain }).then(built);

describe("a bundle from Rego", () => {
  test("answers, knows what it reads and which rules held; numbers keep their digits", async () => {
    const bundle = await compiled;
    expect(bundle.entrypoints.filter(({ annotated }) => annotated)).toEqual([
      {
        path: "p/r",
        input: [["x"], ["y"]],
        data: [["a", "one"]],
        deterministic: true,
        nondeterministic: [],
        annotated: true,
      },
    ]);
    expect(bundle.builtins).toEqual([{ name: "eq", file: "p.rego", row: 6, col: 2 }]);
    expect(bundle.rules).toEqual([
      {
        index: 0,
        id: "M-1",
        title: "marked",
        owner: "team",
        severity: "low",
        frameworks: ["F-1"],
        file: "p.rego",
        row: 17,
      },
    ]);
    expect(bundle.data).toContain('"big": 9007199254740993');
    expect(bundle.data).toContain('"huge": 1e400');
    expect(bundle.data).toContain('"point": 1.0');
    const loaded = loadPolicy({ wasm: bundle.wasm, data: bundle.data, budget: 1e6, maxPages: 256 });
    expect(loaded.evaluate("p/r", { x: 1, y: true })).toEqual({ kind: "value", value: true, rules: [0] });
    expect(loaded.evaluate("p/r", { x: 2, y: true })).toMatchObject({ kind: "undefined" });
  });

  test("the same from a directory and from an archive of it; tests don't count", async () => {
    const at = folder({ ...files, "p_test.rego": "package p_test\ntest_other if true\n" });
    const file = join(root, "sources.tar.gz");
    execFileSync("tar", ["-C", at, "-czf", file, "."]);
    const { digest } = await compiled;
    expect(built(await compileBundle({ path: at, toolchain })).digest).toBe(digest);
    expect(built(await compileBundle({ path: file, toolchain })).digest).toBe(digest);
  });

  test.each([
    ["a rule", { ...files, "p.rego": policy.replace("== data.a.one", "!= data.a.one") }],
    ["a number's digits", { ...files, "a/data.json": data.replace("993", "992") }],
    ["a rule's id", { ...files, "p.rego": policy.replace("M-1", "M-2") }],
    ["the revision", { ...files, ".manifest": '{"revision":"2"}' }],
  ])("%s changes the digest", async (_, changed) => {
    expect(built(await compileBundle({ files: changed, toolchain })).digest).not.toBe(
      (await compiled).digest,
    );
  });

  test.each([
    ["nothing", {}, { code: "bundle_empty" }],
    ["tests only", { "p_test.rego": files["p_test.rego"] }, { code: "bundle_empty" }],
    ["no rule", { "p.rego": "package p\n" }, { code: "no_entrypoint" }],
    [
      "data where a rule stands",
      { "p.rego": policy, "p/data.json": '{"marked": true}' },
      { code: "rego_compile_error", file: "p.rego", row: 17 },
    ],
    [
      "a package outside the roots",
      { "p.rego": policy, ".manifest": '{"roots":["q"]}' },
      { message: expect.stringContaining("package p") },
    ],
  ])("%s is rejected", async (_, content, error) => {
    expect(await compileBundle({ files: content, toolchain })).toMatchObject({
      kind: "rejected",
      errors: [error],
    });
  });
});

describe("a rule's mark", () => {
  const undefinedHeads = `package p

# METADATA
# entrypoint: true
r := {"v": object.get(values, "v", "none"), "deny": deny}

values["v"] := only

# METADATA
# custom: {id: VALUE}
only := input.value if input.x

# METADATA
# custom: {id: MEMBER}
deny contains {"m": input.member} if input.x

# METADATA
# custom: {id: ELSE}
other := input.a if {
	input.x
} else := input.b if {
	input.x
}

deny contains "other" if other
`;
  test.each([
    ["nothing is defined", { x: true }, []],
    ["the value is", { x: true, value: 1 }, ["VALUE"]],
    ["the member is", { x: true, member: 1 }, ["MEMBER"]],
    ["the else's value is", { x: true, b: 1 }, ["ELSE"]],
  ])("comes only once the head is defined: %s", async (_, input, ids) => {
    const {
      wasm,
      data: base,
      rules,
    } = built(await compileBundle({ files: { "p.rego": undefinedHeads }, toolchain }));
    const answer = loadPolicy({ wasm, data: base, budget: 1e6, maxPages: 256 }).evaluate("p/r", input);
    if (answer.kind !== "value") throw new Error(answer.kind);
    expect(answer.rules.map((index) => rules[index]?.id)).toEqual(ids);
  });
});

describe("a rule of several bodies", () => {
  const several = `package p

# METADATA
# custom: {id: SEVERAL}
r { input.a } { input.b }

r { input.c }
`;
  test.each([
    [{ a: true }, ["SEVERAL"]],
    [{ b: true }, ["SEVERAL"]],
    [{ c: true }, []],
  ])("%j holds %j", async (input, ids) => {
    const outcome = await compileBundle({
      files: { "p.rego": several },
      toolchain,
      entrypoints: ["p/r"],
      regoVersion: 0,
    });
    const { wasm, data: base, rules } = built(outcome);
    const answer = loadPolicy({ wasm, data: base, budget: 1e6, maxPages: 256 }).evaluate("p/r", input);
    if (answer.kind !== "value") throw new Error(answer.kind);
    expect(answer.rules.map((index) => rules[index]?.id)).toEqual(ids);
  });
});

describe("a written bundle", () => {
  test("is read back as it was, without a compiler", async () => {
    const bundle = await compiled;
    const path = join(root, "built.tar.gz");
    writeFileSync(path, writeBundle(bundle));
    const again = built(await compileBundle({ path, toolchain: absent }));
    expect({ ...again, wasm: Buffer.from(again.wasm).toString("base64") }).toEqual({
      ...bundle,
      wasm: Buffer.from(bundle.wasm).toString("base64"),
    });
  });

  test("has the same bytes each time, in OPA's layout, for any tar", async () => {
    const bundle = await compiled;
    const path = join(root, "layout.tar.gz");
    writeFileSync(path, writeBundle(bundle));
    expect(Buffer.compare(writeBundle(bundle), readFileSync(path))).toBe(0);
    const listed = execFileSync("tar", ["-tPzf", path], { encoding: "utf8" });
    expect(listed).toBe("/data.json\n/policy.wasm\n/.manifest\n");
    const manifest = execFileSync("tar", ["-xPzOf", path, "/.manifest"], { encoding: "utf8" });
    expect(JSON.parse(manifest)).toMatchObject({
      roots: [""],
      wasm: expect.arrayContaining([
        { entrypoint: "p/r", module: "/policy.wasm", annotations: expect.anything() },
      ]) as unknown,
      metadata: { countersign: { entrypoints: bundle.entrypoints, rules: bundle.rules } },
    });
  });
});

describe("a compiled bundle of another's making", () => {
  const manifest = { roots: [""], wasm: [{ entrypoint: "p/r", module: "/policy.wasm" }] };
  const compiledFiles = async (changes: object, others: Record<string, string> = {}) => {
    const { wasm } = await compiled;
    return folder({
      "policy.wasm": wasm,
      ".manifest": JSON.stringify({ ...manifest, ...changes }).replace("THIS", digestOfModule(wasm)),
      "data.json": "{}",
      ...others,
    });
  };

  test("counts as reading everything and is never cached", async () => {
    const { entrypoints, rules } = built(
      await compileBundle({ path: await compiledFiles({}), toolchain: absent }),
    );
    expect(entrypoints).toEqual([
      {
        path: "p/r",
        input: [[]],
        data: [[]],
        deterministic: false,
        nondeterministic: [],
        annotated: true,
      },
    ]);
    expect(rules).toEqual([]);
  });

  test("its data files are put in their places, digits kept", async () => {
    const path = await compiledFiles(
      {},
      { "data.json": '{"a":{"n":1.0}}', "a/b/data.json": '{"m":9007199254740993}' },
    );
    expect(built(await compileBundle({ path, toolchain: absent })).data).toBe(
      '{"a":{"b":{"m":9007199254740993},"n":1.0}}',
    );
  });

  const facts = { path: "p/r", input: [["x"]], data: [], deterministic: true, nondeterministic: [] };
  const rule = {
    index: 0,
    id: "i",
    title: "",
    owner: "",
    severity: "",
    frameworks: [],
    file: "p.rego",
    row: 1,
  };
  const own = (entrypoints: unknown, rules: unknown = [], more: object = {}) => ({
    metadata: { countersign: { module: "THIS", entrypoints, rules, ...more } },
  });
  const asked = { path: ["t"], equals: "x" };
  const branched = (branch: object, input = [["a"], ["t"]]) =>
    own([{ ...facts, input, branches: [{ when: [asked], input: [["a"]], ...branch }] }]);
  const lookedUp = (lookup: object) =>
    own([{ ...facts, lookups: [{ table: ["users"], by: ["x"], ...lookup }] }]);
  const alone = (input: string[][]) =>
    own([{ ...facts, input, lookups: [{ table: ["users"], by: ["x"], alone: true }] }]);
  interface BadCase {
    readonly name: string;
    readonly code: string;
    readonly manifest?: object;
    readonly files?: Record<string, string>;
  }
  const bad: readonly BadCase[] = [
    { name: "no entrypoint", code: "bundle_manifest", manifest: { wasm: [] } },
    {
      name: "a module that isn't there",
      code: "bundle_wasm",
      manifest: { wasm: [{ entrypoint: "p/r", module: "/other.wasm" }] },
    },
    { name: "a second module", code: "bundle_wasm", files: { "a/policy.wasm": "\0asm" } },
    { name: "a module that is none", code: "bundle_wasm", files: { "policy.wasm": "\0asm" } },
    { name: "roots of the wrong type", code: "bundle_manifest", manifest: { roots: "" } },
    { name: "data twice", code: "bundle_data", files: { "data.json": '{"a":1}', "a/data.json": "{}" } },
    ...[
      { name: "facts about another entrypoint", manifest: own([{ ...facts, path: "p/q" }]) },
      { name: "facts missing", manifest: own([]) },
      { name: "facts twice", manifest: own([facts, facts]) },
      { name: "input paths of the wrong type", manifest: own([{ ...facts, input: ["x"] }]) },
      {
        name: "deterministic, though it names a built-in",
        manifest: own([{ ...facts, nondeterministic: ["time.now_ns"] }]),
      },
      { name: "deterministic of the wrong type", manifest: own([{ ...facts, deterministic: 1 }]) },
      { name: "a rule out of place", manifest: own([facts], [{ ...rule, index: 1 }]) },
      { name: "a rule without id", manifest: own([facts], [{ ...rule, id: 1 }]) },
      { name: "facts about another module", manifest: own([facts], [], { module: "0".repeat(64) }) },
      { name: "facts that name no module", manifest: own([facts], [], { module: undefined }) },
      { name: "facts that nobody knows", manifest: own([facts], [], { fewer: 1 }) },
      { name: "a fact that nobody knows", manifest: own([{ ...facts, reads: "less" }]) },
      { name: "a clock that nobody knows", manifest: own([{ ...facts, clock: "stopped" }]) },
      { name: "a lookup in all data", manifest: lookedUp({ table: [] }) },
      { name: "a lookup by what isn't in the key", manifest: lookedUp({ by: ["y"] }) },
      { name: "a lookup whose key isn't alone", manifest: alone([["x"], ["x", "y"]]) },
      { name: "a lookup whose key lies in what is read", manifest: alone([[]]) },
      { name: "a lookup whose key isn't listed", manifest: alone([["y"]]) },
      { name: "a lookup by nothing", manifest: lookedUp({ by: [] }) },
      {
        name: "too many lookups",
        manifest: own([{ ...facts, lookups: Array(17).fill({ table: ["u"], by: ["x"] }) }]),
      },
      { name: "a branch that is never met", manifest: branched({ when: [{ path: ["t"], equals: {} }] }) },
      {
        name: "a branch that compares what no number is",
        manifest: branched({ when: [{ path: ["t"], equals: 1.5 }] }),
      },
      { name: "a branch without a condition", manifest: branched({ when: [] }) },
      { name: "a branch with three", manifest: branched({ when: [asked, asked, asked] }) },
      { name: "a branch of the whole input", manifest: branched({ input: [[]] }, [[], ["t"]]) },
      { name: "a branch that asks what isn't in the key", manifest: branched({}, [["a"]]) },
      { name: "a branch that asks what another one holds", manifest: branched({ input: [["a"], ["t"]] }) },
      { name: "a branch of what isn't read", manifest: branched({ input: [["a"], ["b"]] }) },
      { name: "a branch with more", manifest: branched({ unless: [] }) },
      { name: "a life before now", manifest: own([{ ...facts, cache: { ttl: -1 } }]) },
      { name: "a life as text", manifest: own([{ ...facts, cache: { ttl: "1" } }]) },
      { name: "a scope that nobody knows", manifest: own([{ ...facts, cache: { scope: "world" } }]) },
    ].map((one) => ({ ...one, code: "bundle_manifest" })),
  ];
  test.each(bad)("$name is rejected", async ({ manifest: changes = {}, files: others, code }) => {
    const path = await compiledFiles(changes, others);
    expect(await compileBundle({ path, toolchain: absent })).toMatchObject({
      kind: "rejected",
      errors: [{ code }],
    });
  });

  test("facts of the right shape are taken", async () => {
    const full = {
      ...facts,
      input: [["a"], ["t"], ["x"]],
      lookups: [
        { table: ["users"], by: ["x"], alone: true },
        { table: ["tools"], by: ["t"] },
      ],
      branches: [{ when: [asked], input: [["a"]] }],
      clock: "bounded",
      cache: { ttl: 0.5, scope: "task" },
    };
    const path = await compiledFiles(own([full], [rule]));
    expect(built(await compileBundle({ path, toolchain: absent }))).toMatchObject({
      entrypoints: [full],
      rules: [rule],
    });
  });
});

describe("compiled bundles on disk", () => {
  test("the next start needs no compiler; a change of files, revision or compiler does", async () => {
    const cacheDir = join(root, "cache");
    const first = built(await compileBundle({ files, toolchain, cacheDir }));
    const again = built(await compileBundle({ files, toolchain: absent, cacheDir }));
    expect(again.digest).toBe(first.digest);
    expect(Buffer.compare(again.wasm, first.wasm)).toBe(0);
    const changed = { ...files, "p.rego": `${policy}\nmore := 1\n` };
    await expect(compileBundle({ files: changed, toolchain: absent, cacheDir })).rejects.toThrow("compiled");
    await expect(compileBundle({ files, revision: "2", toolchain: absent, cacheDir })).rejects.toThrow(
      "compiled",
    );
    const newer = { ...absent, version: () => Promise.resolve("newer") };
    await expect(compileBundle({ files, toolchain: newer, cacheDir })).rejects.toThrow("compiled");
  });

  test("one that is cut off, or that others may write, is compiled anew", async () => {
    const cacheDir = join(root, "cache-2");
    await compileBundle({ files, toolchain, cacheDir });
    chmodSync(cacheDir, 0o770);
    await expect(compileBundle({ files, toolchain: absent, cacheDir })).rejects.toThrow("compiled");
    chmodSync(cacheDir, 0o700);
    const [name = ""] = readdirSync(cacheDir);
    writeFileSync(join(cacheDir, name), readFileSync(join(cacheDir, name)).subarray(0, 1000));
    await expect(compileBundle({ files, toolchain: absent, cacheDir })).rejects.toThrow("compiled");
  });

  test("a folder that can't be written costs nothing but time", async () => {
    const cacheDir = join(folder({ file: "" }), "file");
    expect(await compileBundle({ files, toolchain, cacheDir })).toMatchObject({ kind: "built" });
  });
});
