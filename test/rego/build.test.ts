import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildCommand } from "../../cli/build.js";
import { checkCommand } from "../../cli/check.js";
import { depsCommand } from "../../cli/deps.js";
import { testCommand } from "../../cli/test.js";
import { parseJson } from "../../sidecar/contract.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { CompileOptions } from "../../sidecar/rego/build.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import type { BuiltBundle } from "../../sidecar/rego/bundle.js";
import { readBundle } from "../../sidecar/rego/read.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { writeBundle } from "../../sidecar/rego/write.js";
import { tarGz } from "./tar.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "countersign-rego-"));
});
afterEach(() => rm(place, { recursive: true }));

const policy = `package p

# METADATA
# title: The decision
# entrypoint: true
r := {"allow": allowed, "limit": data.cfg.limit}

default allowed := false

# METADATA
# title: Named
# custom:
#   id: P-1
allowed if input.user.name == data.cfg.name
`;
const sources = {
  "p.rego": policy,
  "p_test.rego":
    'package p_test\n\nimport data.p\n\ntest_named if p.allowed with input as {"user": {"name": "x"}}\n\ntest_wrong if {\n\tprint("here")\n\tp.allowed with input as {}\n}\n',
  "cfg/data.json": '{"name":"x","limit":12345678901234567890}',
};

async function lay(files: Record<string, string>, root = join(place, "policies")): Promise<string> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  }
  return root;
}

async function built(
  options: Omit<CompileOptions, "toolchain"> & Partial<CompileOptions>,
): Promise<BuiltBundle> {
  const outcome = await compileBundle({ toolchain, ...options });
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  return outcome.bundle;
}

function decisions({ wasm, data }: BuiltBundle): unknown[] {
  const loaded = loadPolicy({ wasm, data, budget: 1e6, maxPages: 256 });
  return ['{"user":{"name":"x"}}', '{"user":{"name":"y"}}', "{}", "null"].map((text) =>
    loaded.evaluate("p/r", parseJson(text)),
  );
}

/** Runs a command; gives its exit code and what it wrote. */
async function run(command: typeof buildCommand, ...args: string[]) {
  let out = "";
  let err = "";
  const code = await command.run(args, {
    toolchain,
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { code, out, err };
}

/** A compiler that must not be needed. */
const idle: CompileOptions["toolchain"] = {
  build: () => Promise.reject(new Error("the compiler was asked")),
  data: () => Promise.reject(new Error("the compiler was asked")),
  version: () => toolchain.version(),
};

describe("compiled bundles on disk", () => {
  test("the second build needs no compiler and gives the same bundle", async () => {
    const path = await lay(sources);
    const cacheDir = join(place, "cache");
    const first = await built({ path, cacheDir });
    expect(await built({ path, cacheDir, toolchain: idle })).toEqual(first);
    // a test is no part of it
    await writeFile(join(path, "p_test.rego"), "package p_test");
    expect(await built({ path, cacheDir, toolchain: idle })).toEqual(first);
  });

  test.each<[string, Partial<CompileOptions>, Record<string, string>]>([
    ["another policy", {}, { "p.rego": policy.replace("==", "!=") }],
    ["data that could stand where rules do", {}, { "cfg/data.json": '{"name":"y","allowed":1}' }],
    ["another revision", { revision: "2" }, {}],
    ["more entrypoints", { entrypoints: ["p/allowed"] }, {}],
    ["another compiler", { toolchain: { ...idle, version: () => Promise.resolve("newer") } }, {}],
  ])("%s is compiled anew", async (_, options, changes) => {
    const path = await lay(sources);
    const cacheDir = join(place, "cache");
    await built({ path, cacheDir });
    await lay(changes, path);
    await expect(compileBundle({ path, cacheDir, toolchain: idle, ...options })).rejects.toThrow("was asked");
  });

  test.each<[string, (file: string, cacheDir: string) => Promise<void>]>([
    ["cut", async (file) => writeFile(file, (await readFile(file)).subarray(0, -50))],
    [
      "a changed byte",
      async (file) => {
        const bytes = await readFile(file);
        bytes[200] = (bytes[200] ?? 0) ^ 1;
        await writeFile(file, bytes);
      },
    ],
    ["no archive", (file) => writeFile(file, "junk")],
    ["an archive without a policy", (file) => writeFile(file, tarGz([{ name: "p.rego", body: policy }]))],
    ["a folder that others may write", (_, cacheDir) => chmod(cacheDir, 0o777)],
  ])("not used: %s", async (_, spoil) => {
    const path = await lay(sources);
    const cacheDir = join(place, "cache");
    await built({ path, cacheDir });
    const [name = ""] = await readdir(cacheDir);
    await spoil(join(cacheDir, name), cacheDir);
    await expect(compileBundle({ path, cacheDir, toolchain: idle })).rejects.toThrow("was asked");
    expect(decisions(await built({ path, cacheDir }))).toHaveLength(4);
  });
});

describe("bundles that are written and read", () => {
  test("nothing is lost on the way, and the same bundle gives the same bytes", async () => {
    const bundle = await built({ files: sources, revision: "r-7" });
    const file = join(place, "bundle.tar.gz");
    await writeFile(file, writeBundle(bundle));
    const read = await built({ path: file, toolchain: idle });
    expect(read).toEqual(bundle);
    expect(Buffer.from(writeBundle(read)).equals(writeBundle(bundle))).toBe(true);
    expect(read.data).toContain("12345678901234567890");
  });

  test("facts about an entrypoint that isn't there are refused", async () => {
    const bundle = await built({ files: sources });
    const [facts] = bundle.entrypoints;
    if (facts === undefined) throw new Error("no facts");
    const file = join(place, "bundle.tar.gz");
    for (const entrypoints of [[], [{ ...facts, path: "q" }], [facts, facts]]) {
      await writeFile(file, writeBundle({ ...bundle, entrypoints }));
      expect(await readBundle(file)).toMatchObject({
        kind: "rejected",
        errors: [{ code: "bundle_manifest" }],
      });
    }
  });

  test("a bundle of opa build, without our facts, is never cached", async () => {
    const { wasm } = await built({ files: sources });
    const manifest = { wasm: [{ entrypoint: "p/r", module: "/policy.wasm" }] };
    const file = join(place, "bundle.tar.gz");
    await writeFile(
      file,
      tarGz([
        { name: "/policy.wasm", body: wasm },
        { name: "/.manifest", body: JSON.stringify(manifest) },
      ]),
    );
    const { entrypoints } = await built({ path: file, toolchain: idle });
    expect(entrypoints).toEqual([
      { path: "p/r", input: [[]], data: [[]], deterministic: false, nondeterministic: [], annotated: true },
    ]);
  });

  test.each<[string, Record<string, string>, object]>([
    [
      "a duplicate key in data",
      { "data.json": '{"a":1,\n"a":2}' },
      { code: "duplicate_key", row: 2, col: 1 },
    ],
    ["data that isn't an object", { "data.json": "[]" }, { code: "invalid_json", file: "data.json" }],
    ["a delta bundle", { "patch.json": "{}" }, { code: "delta_base" }],
    ["no Rego", { "data.json": "{}" }, { code: "bundle_empty" }],
  ])("refused: %s", async (_, files, error) => {
    const outcome = await compileBundle({ path: await lay(files), toolchain: idle });
    expect(outcome).toMatchObject({ kind: "rejected", errors: [error] });
  });

  test("a link out of the directory is refused, one that stays inside is followed", async () => {
    const path = await lay({ "p.rego": policy, "real/data.json": "{}" });
    await symlink("real", join(path, "linked"));
    expect((await readBundle(path)).kind).toBe("source");
    await writeFile(join(place, "secret.rego"), "package secret");
    await symlink("../secret.rego", join(path, "out.rego"));
    expect(await readBundle(path)).toMatchObject({ kind: "rejected", errors: [{ code: "bundle_link" }] });
  });

  test("a path that isn't there", async () => {
    expect(await readBundle(join(place, "nothing"))).toMatchObject({
      errors: [{ code: "bundle_unreadable" }],
    });
  });
});

describe("the commands", () => {
  test("build writes a bundle that decides as its sources do, the same bytes each time", async () => {
    const path = await lay(sources);
    const [one, other] = [join(place, "one.tar.gz"), join(place, "other.tar.gz")];
    expect((await run(buildCommand, "-o", one, "-r", "r-1", "-e", "data.p.allowed", path)).code).toBe(0);
    expect((await run(buildCommand, "-o", other, "-r", "r-1", "-e", "p/allowed", path)).code).toBe(0);
    expect((await readFile(one)).equals(await readFile(other))).toBe(true);
    const bundle = await built({ path: one, toolchain: idle });
    expect(bundle.manifest.revision).toBe("r-1");
    expect(bundle.entrypoints.map((entrypoint) => entrypoint.path).sort()).toEqual(["p", "p/allowed", "p/r"]);
    expect(decisions(bundle)).toEqual(decisions(await built({ path })));
    expect((await readdir(place)).sort()).toEqual(["one.tar.gz", "other.tar.gz", "policies"]);
  });

  test("errors name file, row and column from where the author stands", async () => {
    const path = await lay({ "d/p.rego": "package p\n\nr if x" });
    const expected = `${join(path, "d/p.rego")}:3:6: rego_unsafe_var_error: var x is unsafe\n`;
    const marked = `${expected}  |\n3 | r if x\n  |      ^\n`;
    expect(await run(checkCommand, path)).toEqual({ code: 1, out: "", err: marked });
    expect(await run(checkCommand, join(path, "d/p.rego"))).toEqual({ code: 1, out: "", err: marked });
    expect((await run(buildCommand, "-e", "p/r", "-o", join(place, "x"), path)).err).toBe(marked);
    expect(await run(testCommand, path)).toMatchObject({ code: 1, err: marked });
    expect(await run(depsCommand, "-e", "p/r", path)).toMatchObject({ code: 1, err: expected });
    const json = await run(checkCommand, "-f", "json", path);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.err)).toEqual({
      errors: [
        {
          message: "var x is unsafe",
          code: "rego_unsafe_var_error",
          location: { file: join(path, "d/p.rego"), row: 3, col: 6 },
        },
      ],
    });
    expect(await readdir(place)).toEqual(["policies"]);
  });

  test("the process ends with the command's exit code once the compiler has ended", async () => {
    const program = fileURLToPath(new URL("../../../bin/countersign.js", import.meta.url));
    const exitCode = (path: string): Promise<number | null> =>
      new Promise((resolve) => {
        spawn(process.execPath, [program, "check", path], { stdio: "ignore" }).once("exit", resolve);
      });
    const path = await lay(sources);
    expect(await exitCode(path)).toBe(0);
    expect(await exitCode(join(path, "nothing"))).toBe(1);
  });

  test("check is quiet where all is well", async () => {
    expect(await run(checkCommand, "--strict", await lay(sources))).toEqual({ code: 0, out: "", err: "" });
  });

  test("test shows what failed, where, and what it printed", async () => {
    const path = await lay(sources);
    const { code, out } = await run(testCommand, path);
    expect(code).toBe(2);
    expect(out).toContain(`${join(path, "p_test.rego")}:7:\ndata.p_test.test_wrong: FAIL (`);
    expect(out).toContain("\n  here\n");
    expect(out).not.toContain("test_named");
    expect(out).toContain("PASS: 1/2\nFAIL: 1/2\n");
    const passed = await run(testCommand, "-v", "-r", "test_named", path);
    expect(passed).toMatchObject({ code: 0, out: expect.stringContaining("test_named: PASS") });
    expect(await run(testCommand, "-r", "no_such_test", path)).toEqual({
      code: 1,
      out: "",
      err: "no tests were run\n",
    });
    expect((await run(testCommand, "-r", "no_such_test", "--fail-on-empty=false", path)).code).toBe(0);
  });

  test("coverage below the threshold fails", async () => {
    const path = await lay(sources);
    const named = ["-r", "test_named", path];
    const low = await run(testCommand, "--threshold", "100", ...named);
    expect(low.code).toBe(2);
    expect(low.out).toMatch(/p\.rego: [\d.]+%, not covered: [\d, -]+/);
    expect((await run(testCommand, "--threshold", "1", ...named)).code).toBe(0);
    const json = await run(testCommand, "-c", "-f", "json", ...named);
    expect(JSON.parse(json.out)).toMatchObject({
      files: { [join(path, "p.rego")]: { covered_lines: 1, not_covered_lines: 2 } },
    });
    await expect(run(testCommand, "--threshold", "x", path)).rejects.toThrow("from 0 to 100");
  });

  test("deps tells what is read", async () => {
    const { code, out } = await run(depsCommand, await lay(sources));
    expect(code).toBe(0);
    expect(out).toContain("p/r\n  deterministic");
    expect(out).toContain("    input.user.name\n");
    expect(out).toContain("    data.cfg.name\n");
  });
});
