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
import type { Guard } from "./guards.js";

const compilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  verbatimModuleSyntax: true,
};

interface Tried {
  readonly tried: number;
  readonly failed: readonly string[];
}

export interface Proof {
  readonly guards: readonly Guard[];
  /** The folder of the suite below `test/`. */
  readonly suite: string;
  /** Some guards only, by a word of their names. */
  readonly word: string;
}

/** @returns how many of the guards don't matter, or couldn't be tried */
export function prove({ guards, suite, word }: Proof): number {
  const copy = mkdtempSync(join(tmpdir(), "countersign-guards-"));
  for (const path of ["dist", `test/${suite}/policy`, "package.json"])
    cpSync(join(root, path), join(copy, path), { recursive: true });
  for (const path of ["node_modules", ".cache"]) symlinkSync(join(root, path), join(copy, path));

  /** Undefined where nothing could be tried, which proves nothing. */
  const tryCases = (names: readonly string[]): Tried | undefined => {
    const runner = join(copy, `dist/test/${suite}/run-cases.js`);
    const { stdout } = spawnSync(process.execPath, ["--no-warnings", runner, ...names], {
      encoding: "utf8",
      timeout: 180_000,
    });
    return stdout === "" ? undefined : (JSON.parse(stdout) as Tried);
  };

  let wrong = 0;
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const chosen = guards.filter(({ guard }) => guard.includes(word));
  const all = [...new Set(chosen.flatMap(({ cases }) => cases))];
  const whole = tryCases(all);
  if (whole === undefined || whole.tried !== all.length || whole.failed.length > 0) {
    say(
      `with all guards: tried ${whole?.tried ?? 0} of ${all.length}, failed: ${whole?.failed.join("; ") ?? ""}`,
    );
    wrong++;
  }
  for (const { guard, file, code, instead, cases } of chosen) {
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
    const tried = tryCases(cases);
    writeFileSync(built, before);
    const matters = tried !== undefined && tried.failed.length > 0;
    if (!matters) wrong++;
    const how = matters ? "matters   " : tried === undefined ? "NOT TRIED " : "NO MATTER ";
    say(`${how} ${guard}: ${tried?.failed.length ?? 0} of ${cases.length} fail`);
  }
  rmSync(copy, { recursive: true, force: true });
  say(`${chosen.length} guards, ${wrong} wrong`);
  return wrong;
}
