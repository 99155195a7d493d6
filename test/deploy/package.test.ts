/** The npm package: whoever installs it gets the built toolchain and needs no Go. */
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { root } from "../world.js";

const packed = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--loglevel=silent"], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
) as { files: { path: string; size: number }[] }[];
const files = new Map((packed[0]?.files ?? []).map(({ path, size }) => [path, size]));

test("it carries the toolchain, the command, the policies and the license", () => {
  expect(files.get("dist/sidecar/rego/toolchain/toolchain.wasm")).toBeGreaterThan(10_000_000);
  for (const path of ["bin/countersign.js", "dist/cli/main.js", "policies/decision.rego", "operator/operator.rego", "LICENSE", "README.md"]) {
    expect([...files.keys()]).toContain(path);
  }
});

test("it carries no tests and no Go sources", () => {
  expect([...files.keys()].filter((path) => /^dist\/(?:test|bench)|\.go$|^\.cache/.test(path))).toEqual([]);
});

test("the lock file records no download addresses", () => {
  expect(readFileSync(join(root, "package-lock.json"), "utf8")).not.toMatch(/"resolved"/);
});

/** The library as it is installed: the files that are packed, and the example of its page (docs/library.md). */
describe("as a library", () => {
  const run = promisify(execFile);
  let folder: string;
  beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-installed-"));
  const installed = join(folder, "node_modules", "countersign");
  for (const path of files.keys()) {
    if (/^(?:dist\/(?:cli|demo|gateway)|policies|operator)\/|\.map$/.test(path)) continue;
    mkdirSync(dirname(join(installed, path)), { recursive: true });
    copyFileSync(join(root, path), join(installed, path));
  }
  // what it depends on, and nothing of what the tests do
  const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const to = join(folder, "node_modules", name);
    await mkdir(dirname(to), { recursive: true });
    await symlink(join(root, "node_modules", name), to);
  }
}, 120_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("the page's example runs", async () => {
  const page = await readFile(join(root, "docs", "library.md"), "utf8");
  const block = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";
  await mkdir(join(folder, "policy"));
  await writeFile(join(folder, "policy", "app.rego"), block("rego"));
  await writeFile(join(folder, "policy", "data.json"), block("json"));
  await writeFile(join(folder, "ask.mjs"), block("js"));
  const { stdout, stderr } = await run(process.execPath, ["ask.mjs"], { cwd: folder });
  expect(stderr).toBe("");
  expect(stdout).toBe("true decided\nfalse\n");
  expect(await readdir(join(folder, "compiled"))).not.toEqual([]);
}, 60_000);

test("its types are there", async () => {
  const text = `import { openCountersign, type Answer } from "countersign";
const countersign = await openCountersign({ bundles: ["policy"] });
const answer: Answer = await countersign.decide("app/allow", { user: "ann" }, { tenant: "acme" });
const wrong: string = answer.allow;
`;
  await writeFile(join(folder, "ask.mts"), text);
  const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--skipLibCheck"];
  const types = ["--typeRoots", join(root, "node_modules", "@types"), "--types", "node"];
  const told = await run(join(root, "node_modules", ".bin", "tsc"), [...flags, ...types, "ask.mts"], { cwd: folder }).then(
    () => "nothing",
    (error: { stdout: string }) => error.stdout,
  );
  expect(told.trim().split("\n")).toEqual([
    "ask.mts(4,7): error TS2322: Type 'boolean' is not assignable to type 'string'.",
  ]);
}, 60_000);
});
