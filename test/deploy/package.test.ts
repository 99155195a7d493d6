/** The npm package: whoever installs it gets the built toolchain and needs no Go. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { root } from "../world.js";

const packed = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--loglevel=silent"], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
) as { files: { path: string; size: number }[] }[];
const files = new Map((packed[0]?.files ?? []).map(({ path, size }) => [path, size]));

test("it carries the toolchain, the command, the policies and the license", () => {
  expect(files.get("dist/sidecar/rego/toolchain/toolchain.wasm")).toBeGreaterThan(10_000_000);
  for (const path of ["bin/countersign.js", "dist/cli/main.js", "policies/decision.rego", "LICENSE", "README.md"]) {
    expect([...files.keys()]).toContain(path);
  }
});

test("it carries no tests and no Go sources", () => {
  expect([...files.keys()].filter((path) => /^dist\/(?:test|bench)|\.go$|^\.cache/.test(path))).toEqual([]);
});

test("the lock file records no download addresses", () => {
  expect(readFileSync(join(root, "package-lock.json"), "utf8")).not.toMatch(/"resolved"/);
});
