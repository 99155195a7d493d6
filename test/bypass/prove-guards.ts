/**
 * Proves that each guard matters: takes it out of a copy of what was built, and tries the cases that rely on it, of
 * which one at least must fail. `make bypass-guards`.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { root } from "../world.js";
import { guards } from "./guards.js";

const copy = mkdtempSync(join(tmpdir(), "countersign-guards-"));
for (const path of ["dist", "test/bypass/policy", "package.json"])
  cpSync(join(root, path), join(copy, path), { recursive: true });
for (const path of ["node_modules", ".cache"]) symlinkSync(join(root, path), join(copy, path));

const compilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  verbatimModuleSyntax: true,
};

function tryCases(names: readonly string[]): { tried: number; failed: readonly string[] } {
  const { stdout } = spawnSync(process.execPath, [join(copy, "dist/test/bypass/run-cases.js"), ...names], {
    encoding: "utf8",
    timeout: 90_000,
  });
  // a gateway that doesn't start, or breaks down, doesn't pass either
  return stdout === ""
    ? { tried: names.length, failed: names }
    : (JSON.parse(stdout) as ReturnType<typeof tryCases>);
}

let wrong = 0;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const all = [...new Set(guards.flatMap(({ cases }) => cases))];
const whole = tryCases(all);
if (whole.tried !== all.length || whole.failed.length > 0) {
  say(`with all guards: tried ${whole.tried} of ${all.length}, failed: ${whole.failed.join("; ")}`);
  wrong++;
}
for (const { guard, file, code, instead, cases } of guards) {
  const source = readFileSync(join(root, file), "utf8");
  if (source.split(code).length !== 2) {
    say(`NOT FOUND  ${guard} (${file})`);
    wrong++;
    continue;
  }
  const built = join(copy, "dist", file.replace(/\.ts$/, ".js"));
  const before = readFileSync(built, "utf8");
  writeFileSync(
    built,
    ts.transpileModule(
      source.replace(code, () => instead),
      { compilerOptions },
    ).outputText,
  );
  const { failed } = tryCases(cases);
  writeFileSync(built, before);
  if (failed.length === 0) wrong++;
  say(
    `${failed.length === 0 ? "NO MATTER " : "matters   "} ${guard}: ${failed.length} of ${cases.length} fail`,
  );
}
rmSync(copy, { recursive: true, force: true });
say(`${guards.length} guards, ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
