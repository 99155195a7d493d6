/** `check`, `test`, `fmt` and `build` print what OPA 1.22 printed for the same files, and exit as it did. */
import { spawn } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { buildCommand } from "../../cli/build.js";
import { checkCommand } from "../../cli/check.js";
import { drawErrors } from "../../cli/draw-errors.js";
import { readDuration, readFlags } from "../../cli/flags.js";
import { fmtCommand } from "../../cli/fmt.js";
import type { Command } from "../../cli/main.js";
import { testCommand } from "../../cli/test.js";
import { readArchive } from "../../sidecar/rego/archive.js";
import { createToolchain, nativeCompiler } from "../../sidecar/rego/toolchain.js";
import { root } from "../world.js";

// by the program of this machine with `make test-all`, too: it prints the same
const nativePath = process.env["NATIVE"] === undefined ? undefined : (nativeCompiler() ?? "not built");
const toolchain = createToolchain(nativePath === undefined ? {} : { nativePath });
afterAll(() => toolchain.close());

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "countersign-author-"));
});
afterEach(() => rm(place, { recursive: true }));

const files = {
  "p/p.rego":
    "package p\n\n# METADATA\n# entrypoint: true\nallow if input.user == data.owner\n\ndeny if {\n\tx := input.y\n\tx > 3\n}\n",
  "p/p_test.rego":
    'package p_test\n\nimport data.p\n\ntest_ok if p.allow with input as {"user": "amy"}\n\ntest_bad if {\n\tprint("here")\n\tuser := "bob"\n\tp.allow with input as {"user": user}\n}\n\ntodo_test_later if false\n\ntest_cases[name] if {\n\tsome name, tc in {"one": 1, "two": 2}\n\ttc == 1\n}\n',
  "p/data.json": '{"owner":"amy"}\n',
  "p/other.json": '{"extra":1}\n',
  "parse.rego": "package q\n\nr if x\n\ns if {\n",
  "unsafe.rego": "package q\n\nr if x\n\ns := y\n",
  "ugly.rego": "package   q\n\nallow   if {\n input.x==1\n}\n",
};

async function lay(more: Readonly<Record<string, string>> = files): Promise<void> {
  for (const [file, text] of Object.entries(more)) {
    await mkdir(dirname(join(place, file)), { recursive: true });
    await writeFile(join(place, file), text);
  }
}

/** Runs a command from the folder of the files; what differs from run to run is left out. */
async function run(command: Command, ...args: string[]) {
  let out = "";
  let err = "";
  const io = {
    toolchain,
    out: (text: string) => (out += text),
    err: (text: string) => (err += text),
  };
  const placed = args.map((arg) => (arg in files || arg === "p" ? join(place, arg) : arg));
  const code = await command.run(placed, io);
  const steady = (text: string): string =>
    text
      .replaceAll(`${place}/`, "")
      .replace(/\([\d.]+(ms|µs|s)\)/g, "(T)")
      .replace(/"duration": \d+/g, '"duration": 0');
  return { code, out: steady(out), err: steady(err) };
}

const failed = `p/p_test.rego:7:
data.p_test.test_bad: FAIL (T)

  here

p/p_test.rego:13:
data.p_test.todo_test_later: SKIPPED
p/p_test.rego:15:
data.p_test.test_cases: FAIL (T)
  two: FAIL
`;
const rule = `${"-".repeat(80)}\n`;
const counts = "PASS: 2/5\nFAIL: 2/5\nSKIPPED: 1/5\n";

describe("test", () => {
  test("prints results, values, and what led to a failure", async () => {
    await lay();
    expect(await run(testCommand, "p")).toEqual({ code: 2, out: `${failed}${rule}${counts}`, err: "" });
    const values = await run(testCommand, "--var-values", "-r", "test_bad", "p");
    expect(values.out).toContain(
      '  p/p_test.rego:10:\n    \tp.allow with input as {"user": user}\n    \t|                              |\n    \t|                              "bob"\n    \tundefined\n',
    );
    const verbose = await run(testCommand, "-v", "-r", "test_bad", "p");
    expect(verbose.out).toContain("  p/p.rego:5             | | | Fail input.user = data.owner  \n");
    expect((await run(testCommand, "-z", "-r", "later", "p")).code).toBe(0);
    expect((await run(testCommand, "-r", "later", "p")).code).toBe(2);
  });

  test("gives results and coverage as JSON", async () => {
    await lay();
    const results = await run(testCommand, "-f", "json", "p");
    const at = (row: number) => ({ file: "p/p_test.rego", row, col: 1 });
    const one = { package: "data.p_test", duration: 0 };
    expect(results.code).toBe(2);
    expect(JSON.parse(results.out)).toEqual([
      { ...one, location: at(5), name: "test_ok" },
      { ...one, location: at(7), name: "test_bad", fail: true, output: "aGVyZQo=" },
      { ...one, location: at(13), name: "todo_test_later", skip: true },
      {
        ...one,
        location: at(15),
        name: "test_cases",
        fail: true,
        sub_results: { one: { name: "one" }, two: { name: "two", fail: true } },
      },
    ]);
    const covered = await run(testCommand, "-c", "-f", "json", "-r", "ok", "p");
    expect(JSON.parse(covered.out)).toMatchObject({
      files: { "p/p.rego": { covered_lines: 1, not_covered_lines: 3, coverage: 25 } },
      coverage: expect.closeTo(16.67, 2),
    });
    const low = { code: 2, err: "Code coverage threshold not met: got 16.67 instead of 90.00\n" };
    const threshold = ["--threshold", "90", "-r", "ok", "p"];
    expect(await run(testCommand, "-f", "json", ...threshold)).toEqual({ ...low, out: "" });
    const drawn = await run(testCommand, ...threshold);
    expect(drawn).toMatchObject(low);
    expect(drawn.out).toContain("p/p.rego: 25%, not covered: 7-9\n");
  });

  test("reads all JSON as OPA does, and with --bundle a bundle's only; leaves out what is ignored", async () => {
    await lay({
      ...files,
      "p/sub/more.yaml": "kind: y\n",
      "p/d_test.rego":
        'package d_test\n\ntest_extra if data.extra == 1\n\ntest_sub if data.sub.kind == "y"\n',
    });
    const only = ["-r", "data.d_test", "p"];
    expect((await run(testCommand, ...only)).out).toBe("PASS: 2/2\n");
    expect((await run(testCommand, "-b", ...only)).out).toContain("FAIL: 2/2\n");
    expect((await run(testCommand, "--ignore", "oth*,sub", ...only)).out).toContain("FAIL: 2/2\n");
    expect((await run(testCommand, "--ignore", "d_*", ...only)).err).toBe("no tests were run\n");
    expect((await run(testCommand, "p/p.rego", "p/p_test.rego", "-r", "cases")).code).toBe(2);
  });

  test("a test that computes without end is ended by --timeout", async () => {
    const loop =
      "count([1 | some a in numbers.range(1, 9999); some b in numbers.range(1, 9999); a + b == -1])";
    await lay({ ...files, "p/loop_test.rego": `package loop\n\ntest_loop if ${loop} == 0\n` });
    const { code, out } = await run(testCommand, "--timeout", "50ms", "-r", "test_loop", "p");
    expect(code).toBe(2);
    expect(out).toContain("ERROR: 1/1\n");
  });

  test.each<[string[], RegExp]>([
    [["--bench", "p"], /--bench is not supported: .*WASM/],
    [["-f", "gobench", "p"], /gobench is not supported/],
    [["--target", "wasm", "p"], /--target wasm is not supported/],
    [["-p", "4", "p"], /--parallel is not supported/],
    [["--timeout", "soon", "p"], /--timeout: a duration/],
    [["--explain", "all", "p"], /--explain: one of fails/],
    [["--ignore", "[", "p"], /--ignore: \[ is no pattern/],
    [[], /give a PATH/],
  ])("refuses %j", async (args, said) => {
    await lay();
    await expect(run(testCommand, ...args)).rejects.toThrow(said);
  });
});

describe("check", () => {
  test("marks what is wrong in its line", async () => {
    await lay();
    expect((await run(checkCommand, "unsafe.rego")).err).toBe(
      "unsafe.rego:5:6: rego_unsafe_var_error: var y is unsafe\n  |\n5 | s := y\n  |      ^\n",
    );
    expect((await run(checkCommand, "parse.rego")).err).toBe(
      "parse.rego:6: rego_parse_error: unexpected eof token\n  |\n6 | s if {\n  |      ^\n",
    );
    expect(await run(checkCommand, "p")).toEqual({ code: 0, out: "", err: "" });
    expect(await run(checkCommand, "-f", "json", "-b", "p")).toEqual({ code: 0, out: "", err: "" });
  });

  test("gives errors as JSON", async () => {
    await lay();
    const { code, err } = await run(checkCommand, "-f", "json", "parse.rego");
    expect(code).toBe(1);
    expect(JSON.parse(err)).toEqual({
      errors: [
        {
          message: "unexpected eof token",
          code: "rego_parse_error",
          location: { file: "parse.rego", row: 6, col: 0 },
          details: { line: "s if {", idx: 5 },
        },
      ],
    });
    const missing = await run(checkCommand, "-f", "json", "nothing");
    expect(JSON.parse(missing.err)).toEqual({
      errors: [{ message: "stat nothing: no such file or directory" }],
    });
  });

  test("checks by schemas and capabilities, and as far as it is asked to", async () => {
    await lay({
      "s.rego": 'package s\n\nr if input.nam == "x"\n\nt if time.now_ns() > 1\n',
      "schema.json": '{"type":"object","properties":{"name":{"type":"string"}},"additionalProperties":false}',
      "caps.json": '{"builtins":[],"features":["rego_v1"]}',
      "many.rego": "package m\n\na if x1\n\nb if x2\n\nc if x3\n",
    });
    const at = (file: string): string => join(place, file);
    const typed = await run(checkCommand, "-s", at("schema.json"), at("s.rego"));
    expect(typed).toMatchObject({ code: 1, err: expect.stringContaining("undefined ref: input.nam") });
    const poor = await run(checkCommand, "--capabilities", at("caps.json"), at("s.rego"));
    expect(poor.err).toContain("undefined function time.now_ns");
    expect((await run(checkCommand, "--capabilities", "v1.0.0", at("s.rego"))).code).toBe(0);
    expect((await run(checkCommand, "--capabilities", "v99", at("s.rego"))).err).toContain("v99");
    expect((await run(checkCommand, "-m", "1", at("many.rego"))).err).toContain("error limit reached");
    expect((await run(checkCommand, "--v0-compatible", at("many.rego"))).code).toBe(1);
    await expect(run(checkCommand, "--schema", at("nothing"), at("s.rego"))).rejects.toThrow("--schema");
  });

  test("refuses what no build would take", async () => {
    await lay({ "own.rego": "package o\n\nr if countersign.rule_held(1)\n" });
    expect((await run(checkCommand, join(place, "own.rego"))).code).toBe(1);
  });

  test("a link in a circle ends", async () => {
    await lay();
    await symlink(place, join(place, "p", "again"));
    expect((await run(checkCommand, "p")).err).toContain("bundle_link");
  });
});

describe("fmt", () => {
  test("prints, lists, compares, and writes whole files with their mode", async () => {
    await lay();
    const formatted = "package q\n\nallow if {\n\tinput.x == 1\n}\n";
    expect(await run(fmtCommand, "ugly.rego")).toEqual({ code: 0, out: formatted, err: "" });
    expect(await run(fmtCommand, "-l", "p", "ugly.rego")).toEqual({ code: 0, out: "ugly.rego\n", err: "" });
    expect((await run(fmtCommand, "-l", "--fail", "p", "ugly.rego")).code).toBe(2);
    expect((await run(fmtCommand, "--fail", "ugly.rego")).code).toBe(2);
    expect((await run(fmtCommand, "--fail", "p")).code).toBe(0);
    const { out } = await run(fmtCommand, "-d", "ugly.rego");
    expect(out).toMatch(
      /^--- ugly\.rego\t?\n\+\+\+ ugly\.rego\t?\n@@ -1,5 \+1,5 @@\n-package {3}q\n\+package q\n/,
    );

    const file = join(place, "ugly.rego");
    await chmod(file, 0o640);
    await symlink("ugly.rego", join(place, "link.rego"));
    expect((await run(fmtCommand, "-w", join(place, "link.rego"))).code).toBe(0);
    expect(await readFile(file, "utf8")).toBe(formatted);
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect((await lstat(join(place, "link.rego"))).isSymbolicLink()).toBe(true);
    expect((await readdir(place)).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("leaves what can't be formatted as it is, and formats the others", async () => {
    await lay();
    const { code, err } = await run(fmtCommand, "-w", "parse.rego", "ugly.rego");
    expect(code).toBe(2);
    expect(err).toContain("parse.rego:6: rego_parse_error");
    expect(await readFile(join(place, "parse.rego"), "utf8")).toBe(files["parse.rego"]);
    expect(await readFile(join(place, "ugly.rego"), "utf8")).not.toBe(files["ugly.rego"]);
  });

  test("knows both versions of Rego", async () => {
    await lay({
      "old.rego": "package o\n\nr { input.x }\n",
      "new.rego": "package n\n\nimport rego.v1\n\nr if input.x\n",
    });
    const old = join(place, "old.rego");
    expect((await run(fmtCommand, old)).code).toBe(2);
    expect((await run(fmtCommand, "--v0-compatible", old)).out).toBe("package o\n\nr {\n\tinput.x\n}\n");
    expect((await run(fmtCommand, "--rego-v1", old)).out).toBe(
      "package o\n\nimport rego.v1\n\nr if input.x\n",
    );
    expect((await run(fmtCommand, "--drop-v0-imports", join(place, "new.rego"))).out).not.toContain("import");
  });
});

describe("build", () => {
  const names = async (file: string): Promise<string[]> => {
    const read = await readArchive(await readFile(file));
    if (read.kind === "rejected") throw new Error(JSON.stringify(read.errors));
    return [...read.entries.keys()].sort();
  };

  test("--target rego is OPA's bundle of sources", async () => {
    await lay();
    const file = join(place, "b.tar.gz");
    expect((await run(buildCommand, "-t", "rego", "-r", "7", "-o", file, "p")).code).toBe(0);
    const read = await readArchive(await readFile(file));
    if (read.kind === "rejected") throw new Error("unreadable");
    const text = (name: string): string => new TextDecoder().decode(read.entries.get(name));
    expect(JSON.parse(text("data.json"))).toEqual({ owner: "amy", extra: 1 });
    expect(JSON.parse(text(".manifest"))).toEqual({ revision: "7", roots: [""], rego_version: 1 });
    expect((await run(buildCommand, "-t", "rego", "-b", "-o", file, "p")).code).toBe(0);
    expect((await names(file)).filter((name) => name.endsWith("p.rego"))).toHaveLength(1);
    const optimized = await run(buildCommand, "-t", "rego", "-O", "1", "-e", "p/allow", "-o", file, "p");
    expect(optimized.code).toBe(0);
    expect(await names(file)).toContain("optimized/p.rego");
  });

  test("several PATHs are one bundle; what OPA would take for data is told", async () => {
    await lay({ ...files, "q/q.rego": "package q\n\nr := 1\n" });
    const file = join(place, "b.tar.gz");
    const made = await run(buildCommand, "-o", file, "p", join(place, "q"));
    expect(made.err).toMatch(/^left out: p\/other\.json; a bundle's data are data\.json and data\.yaml\n/);
    expect(await names(file)).toEqual([".manifest", "data.json", "policy.wasm"]);
    const twice = await run(buildCommand, "-o", file, "p", "p");
    expect(twice).toMatchObject({ code: 1, err: expect.stringContaining("bundle_duplicate") });
  });

  test.each<[string[], RegExp]>([
    [["-t", "plan", "p"], /--target plan is not supported: nothing here evaluates a plan/],
    [["--plan-addons", "x", "p"], /--plan-addons is not supported/],
    [["-O", "1", "p"], /--optimize is for --target rego/],
    [["--signing-plugin", "x", "p"], /--signing-plugin is not supported/],
    [["--follow-symlinks", "p"], /--follow-symlinks is not supported/],
    [["--wasm-include-print", "p"], /--wasm-include-print is not supported/],
    [["--signing-key", "k", "p"], /enable bundle mode/],
  ])("refuses %j", async (args, said) => {
    await expect(run(buildCommand, ...args)).rejects.toThrow(said);
  });
});

test("switches have values, durations have units, and a terminal gets nothing to act on", () => {
  const options = { fail: { type: "boolean" }, w: { type: "string" } } as const;
  expect(readFlags(["--fail=false"], options).off.has("fail")).toBe(true);
  expect(readFlags(["--fail=false", "--fail=true"], options)).toMatchObject({ values: { fail: true } });
  expect(readDuration("--timeout", "1m30.5s")).toBe(90_500);
  expect(() => readDuration("--timeout", "5")).toThrow("a duration");
  const drawn = drawErrors([{ code: "c", message: "m", file: "f", row: 1, col: 3 }], { f: "\t\u001b[2Jx" });
  expect(drawn).toBe("f:1:3: c: m\n  |\n1 | \t\ufffd[2Jx\n  | \t ^\n");
});

test("--watch runs again at each change, and ends when it is told to", async () => {
  await lay();
  const command = join(root, "bin", "countersign.js");
  const child = spawn(process.execPath, [command, "test", "--watch", "-r", "test_ok", join(place, "p")]);
  let text = "";
  let seen: (() => void) | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      seen?.();
    });
  }
  const until = async (wanted: string): Promise<void> => {
    while (!text.includes(wanted)) await new Promise<void>((resolve) => (seen = resolve));
    text = text.slice(text.indexOf(wanted) + wanted.length);
  };
  const watching = "Watching for changes ...\n";
  await until("PASS: 1/1\n");
  await until(watching);
  await writeFile(join(place, "p/data.json"), '{"owner":"eve"}\n');
  await until("FAIL: 1/1\n");
  await until(watching);
  await writeFile(join(place, "p/p.rego"), "package p\n\nallow if x\n");
  await until("3 | allow if x\n");
  await until(watching);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
}, 60_000);
