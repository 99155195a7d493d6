import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const sources = "sidecar/rego/toolchain";
const built = join(repository, "dist", sources, "toolchain.wasm");

/** The sources alone, in a folder of another name. */
const elsewhere = mkdtempSync(join(tmpdir(), "countersign-toolchain-"));
cpSync(join(repository, sources), join(elsewhere, sources), { recursive: true });
const out = join(elsewhere, "dist", sources);
afterAll(() => {
  rmSync(elsewhere, { recursive: true });
});

/** A search path with what the script needs, and without Go. */
function pathWithoutGo(): string {
  const bin = join(elsewhere, "bin");
  mkdirSync(bin, { recursive: true });
  for (const tool of ["bash", "env", "dirname", "mkdir", "sed"]) {
    const from = ["/usr/bin", "/bin"].map((folder) => join(folder, tool)).find((file) => existsSync(file));
    if (from !== undefined && !existsSync(join(bin, tool))) symlinkSync(from, join(bin, tool));
  }
  return bin;
}
function run(env: NodeJS.ProcessEnv = process.env) {
  return spawnSync(join(elsewhere, sources, "build.sh"), { env, encoding: "utf8" });
}
const sha256 = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

describe("building the toolchain", () => {
  test("without Go it names what is missing and how to get it", () => {
    const { status, stderr } = run({ PATH: pathWithoutGo() });
    expect(status).toBe(1);
    expect(stderr).toMatch(/missing: Go 1\.\d+.* or newer.*apt-get install/);
  });

  test("another folder gives the same bytes; the second time nothing is built", () => {
    const first = run();
    expect(first).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("building the Rego toolchain"),
    });
    expect(sha256(join(out, "toolchain.wasm"))).toBe(sha256(built));
    expect(readFileSync(join(out, "stamp"), "utf8")).toBe(readFileSync(join(built, "../stamp"), "utf8"));
    const { mtimeMs } = statSync(join(out, "toolchain.wasm"));
    expect(run()).toMatchObject({ status: 0, stdout: "" });
    expect(statSync(join(out, "toolchain.wasm")).mtimeMs).toBe(mtimeMs);
  }, 300_000);

  test("who has the built one needs no Go", () => {
    expect(run({ PATH: pathWithoutGo() })).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });
});
