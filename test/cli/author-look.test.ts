/** `eval`, `deps` and `inspect` print what OPA 1.22 printed for the same files; `diff` what differs. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "../../cli/main.js";
import { canonical } from "../../cli/same-json.js";
import { parseJson } from "../../sidecar/contract.js";
import { packEntries } from "../../sidecar/rego/pack.js";
import { readEntries } from "../../sidecar/rego/read.js";
import { createToolchain, nativeCompiler } from "../../sidecar/rego/toolchain.js";
import { root } from "../world.js";

interface Golden {
  readonly files: Readonly<Record<string, string>>;
  readonly cases: readonly { args: string[]; out: string; err: string; code: number }[];
}
const { files, cases } = JSON.parse(await readFile(join(root, "test/cli/opa-1.22.json"), "utf8")) as Golden;

// by the program of this machine with `make test-all`, too: it prints the same
const nativePath = process.env["NATIVE"] === undefined ? undefined : (nativeCompiler() ?? "not built");
const toolchain = createToolchain(nativePath === undefined ? {} : { nativePath });
const before = process.cwd();
let place: string;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "countersign-look-"));
  process.chdir(place);
  await lay(files);
});
afterAll(async () => {
  process.chdir(before);
  await toolchain.close();
  await rm(place, { recursive: true });
});

async function lay(more: Readonly<Record<string, string>>): Promise<void> {
  for (const [file, text] of Object.entries(more)) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

async function run(...args: string[]) {
  let out = "";
  let err = "";
  const io = { toolchain, out: (text: string) => (out += text), err: (text: string) => (err += text) };
  const code = await main(args, io);
  return { code, out, err };
}

describe("as opa", () => {
  test.each(cases.map((one) => [one.args.join(" "), one] as const))("%s", async (_, { args, ...opa }) => {
    const ours = await run(...args);
    // ours stands behind OPA's
    expect({ ...ours, out: ours.out.replace(/^SIDECAR:[^]*$/m, "") }).toEqual(opa);
  });

  test("a query that computes ends in time", async () => {
    const long = "count([1 | numbers.range(1, 100000)[_] > 0; numbers.range(1, 1000)[_] > 0])";
    const { code, out } = await run("eval", "--timeout", "50ms", long);
    expect([code, out]).toEqual([2, expect.stringContaining("eval_cancel_error")]);
  });

  test("tables stay straight where letters are wide", async () => {
    const { out } = await run("eval", "-f", "pretty", 'x := "日本"; y := 1');
    expect(out).toBe('┌────────┬───┐\n│   x    │ y │\n├────────┼───┤\n│ "日本" │ 1 │\n└────────┴───┘\n');
  });

  test("what isn't supported is refused by name", async () => {
    for (const [flag, ...more] of [
      ["-O", "1"],
      ["--entrypoint", "a"],
      ["--target", "wasm"],
      ["--explain", "why"],
    ]) {
      const { code, err } = await run("eval", flag ?? "", ...more, "1");
      expect([code, err]).toEqual([2, expect.stringMatching(/--(optimize|entrypoint|target|explain)/)]);
    }
    expect((await run("eval", "1", "2")).code).toBe(2);
    expect((await run("eval", "--stdin", "1")).code).toBe(2);
    expect((await run("deps", "-b", "b", "-e", "p", "data.p")).err).toContain("--entrypoint is for a PATH");
  });
});

describe("as a sidecar", () => {
  test("gives what OPA gives, and the rules that held", async () => {
    const { code, out, err } = await run("eval", "--engine", "wasm", "-b", "b", "-i", "in.json", "data.p");
    const opa = cases[0]?.out ?? "";
    expect([code, err]).toEqual([0, "rules that held: p.owner\n"]);
    expect(canonical(parseJson(out))).toBe(canonical(parseJson(opa)));
  });

  test("tells errors, and refuses what a sidecar has no part in", async () => {
    const wasm = ["eval", "--engine", "wasm", "-b", "b"];
    expect(await run(...wasm, "-f", "pretty", "--fail", "data.p.none")).toEqual({
      code: 1,
      out: "undefined\n",
      err: "",
    });
    expect((await run(...wasm, "x := data.p")).err).toContain("a document such as data.a.b");
    expect((await run(...wasm, "--partial", "data.p")).err).toContain("--partial is not for --engine wasm");
    expect((await run("eval", "--engine", "wasm", "-d", "in.json", "data.p")).code).toBe(2);
  });
});

describe("inspect", () => {
  test("adds what a sidecar makes of it", async () => {
    const { out } = await run("inspect", "b");
    expect(out).toMatch(/^Revision {2}r1$/m);
    expect(out).toMatch(/^Signed {4}no$/m);
    expect(out).toContain("p/allow\n  deterministic: results can be cached\n  input: 1 path; data: 1 path\n");
    const json = JSON.parse((await run("inspect", "-f", "json", "b")).out) as Record<string, unknown>;
    expect(json).toMatchObject({
      manifest: { revision: "r1" },
      countersign: { tests: 0, signature: { signed: false } },
    });
  });

  test("shows a terminal nothing that it would act on", async () => {
    await lay({ "esc/p.rego": '# METADATA\n# title: "a\\u001b]0;x\\u0007b"\npackage p\n\nr := 1\n' });
    const { out } = await run("inspect", "-a", "esc");
    expect(out).toContain("ANNOTATIONS:");
    expect(out).not.toMatch(/[\u001b\u0007]/);
  });
});

describe("diff", () => {
  beforeAll(async () => {
    await cp("b", "moved", { recursive: true });
    const text = files["b/p.rego"] ?? "";
    const [head = "", allow = "", deny = "", number = ""] = text.split(
      /\n\n(?=# METADATA\n# title: who|deny|number)/,
    );
    // other order, layout, comments and file
    await lay({
      "moved/p.rego": `${head}\n\n# a comment\n${deny.replace("{\n", "{\n\n")}\n\n${allow}\n`,
      "moved/q.rego": `package p\n\n${number}`,
    });
    await cp("b", "c", { recursive: true });
    const other = text
      .replace("#   id: p.owner", "#   id: p.owner\n#   severity: high")
      .replace("import data.things", "import data.others as things")
      .replace("number :=", "fresh := input.new\n\nnumbers :=");
    await lay({
      "c/p.rego": other,
      "c/p_test.rego": "package p_test\n\ntest_one if true\n",
      "c/.manifest": '{"revision":"r2","roots":["p","things","others"]}',
      "c/data.json": '{"things":{"owner":"s3cret","list":[1,2]},"others":{"a/b":{}}}',
    });
  });

  test("neither layout, order, place nor comments count", async () => {
    expect(await run("diff", "--exit-code", "b", "moved")).toEqual({
      code: 0,
      out: "",
      err: "nothing differs\n",
    });
  });

  test("what was built has the entrypoints of what it was built of", async () => {
    await lay({
      "named/p.rego": "package p\n\n# METADATA\n# entrypoint: true\nallow if input.x\n\nother := 1\n",
    });
    expect((await run("build", "-o", "named.tar.gz", "named")).code).toBe(0);
    expect(await run("diff", "named.tar.gz", "named")).toEqual({
      code: 0,
      out: "",
      err: "nothing differs\n",
    });
  });

  test("shows rules, METADATA, what is read, and data without their values", async () => {
    const { code, out } = await run("diff", "--exit-code", "b", "c");
    expect(code).toBe(1);
    for (const line of [
      '  ~ /revision: "r1" -> "r2"',
      "rules: 2 added, 1 removed, 1 changed",
      "  ~ p.owner (data.p.allow)  [high]  p.rego:13",
      '      + /custom/severity: "high"',
      "  - data.p.number  p.rego:22",
      "      reads data.others.owner",
      "      no longer reads data.things.owner",
      "  + /others (1 member)",
      "  - /things/big",
      "  + /things/list (2 elements)",
      "  ~ /things/owner",
      "tests: 1 added",
    ])
      expect(out.split("\n")).toContain(line);
    expect(out).not.toContain("s3cret");
    expect((await run("diff", "-f", "json", "b", "c")).out).not.toContain("s3cret");
    expect((await run("diff", "--values", "b", "c")).out).toContain('  ~ /things/owner: "amy" -> "s3cret"\n');
    const patch = (await run("diff", "--patch", "b", "c")).out;
    // what a name stands for is part of what a rule says
    expect(patch).toContain("    -import data.things\n    +import data.others as things\n     allow if {\n");
  });

  test("a side that can't be read is an error", async () => {
    await lay({ "wrong/p.rego": "package p\n\nr if x\n" });
    expect((await run("diff", "b", "wrong")).err).toContain("wrong/p.rego:3");
    expect((await run("diff", "--exit-code", "b", "nowhere")).code).toBe(2);
    expect((await run("diff", "b", "main@1")).err).toContain("--to: is needed");
  });

  test("compares what was pushed, by generation or revision", async () => {
    const read = await readEntries("b");
    if (read.kind === "rejected") throw new Error("b isn't read");
    const archive = packEntries(read.entries);
    const seen: string[] = [];
    const server = createServer((req, res) => {
      seen.push(`${req.url ?? ""} ${req.headers.authorization ?? ""}`);
      if (req.url === "/v1/bundles/main/7") {
        res.writeHead(200, { "content-type": "application/gzip" }).end(archive);
      } else if (req.url === "/v1/bundles/main") {
        res.end('{"generations":[{"generation":7,"revision":"r1"},{"generation":6,"revision":"r1"}]}');
      } else res.writeHead(404).end('{"code":"unknown_generation","message":"there is none","fix":"look"}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await writeFile("key", "secret-key\n");
      const to = ["--to", `http://127.0.0.1:${(server.address() as AddressInfo).port}`, "-k", "key"];
      expect((await run("diff", ...to, "main@r1", "b")).err).toBe("nothing differs\n");
      expect((await run("diff", ...to, "main@7", "b")).err).toBe("nothing differs\n");
      const none = await run("diff", ...to, "main@8", "b");
      expect([none.code, none.err]).toEqual([2, expect.stringContaining("unknown_generation")]);
      expect(seen[0]).toBe("/v1/bundles/main Bearer secret-key");
    } finally {
      server.close();
    }
  });
});
