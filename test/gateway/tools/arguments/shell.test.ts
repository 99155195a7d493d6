/** Facts on shells' lines: what is whole is what runs, and what isn't says so. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { readArgv, readShell } from "../../../../gateway/tools/arguments/shell.js";
import { shellCases } from "./shell.cases.js";

test.each(shellCases)("$line", ({ line, why, argv }) => {
  const facts = readShell(line);
  expect({ why: facts.why, argv: facts.commands.map((one) => one.argv) }).toEqual({
    why: [...why].sort(),
    argv,
  });
  expect(facts.complete).toBe(why.length === 0);
});

test("commands know where they stand", () => {
  const { commands } = readShell("A=1 a | b >x 2>>y & sudo c");
  expect(commands).toMatchObject([
    { program: "a", by: "name", pipeline: 0, background: true, env: ["A"], via: null },
    {
      ...{ program: "b", pipeline: 1, background: true },
      redirects: [
        { op: ">", target: "x" },
        { op: "2>>", target: "y" },
      ],
    },
    { program: "sudo", background: false, via: null },
    { program: "c", via: "sudo" },
  ]);
  expect(readShell("/bin/rm x").commands).toMatchObject([{ program: "rm", by: "path" }]);
  expect(readShell("echo $(id)").commands).toMatchObject([
    { program: "id", substitution: true },
    { program: "echo", substitution: false },
  ]);
});

test.each<[readonly string[], boolean, readonly (readonly string[])[]]>([
  [["ls", "$(rm x)"], true, [["ls", "$(rm x)"]]],
  [
    ["sh", "-c", "rm x"],
    true,
    [
      ["sh", "-c", "rm x"],
      ["rm", "x"],
    ],
  ],
  [
    ["sudo", "rm", "x"],
    true,
    [
      ["sudo", "rm", "x"],
      ["rm", "x"],
    ],
  ],
  [["bash", "x.sh"], false, [["bash", "x.sh"]]],
  [
    ["sh", "-c", "rm $x"],
    false,
    [
      ["sh", "-c", "rm $x"],
      ["rm", null as unknown as string],
    ],
  ],
])("words %j are taken as they are", (argv, complete, commands) => {
  const facts = readArgv(argv);
  expect([facts.complete, facts.commands.map((one) => one.argv)]).toEqual([complete, commands]);
});

test("limits: what is too long, too deep or too much isn't whole", () => {
  expect(readShell(`ls ${"x".repeat(40_000)}`).why).toContain("too_long");
  expect(readShell("a;".repeat(200)).why).toContain("too_many");
  expect(readShell("$(".repeat(3_000)).complete).toBe(false);
  expect(readShell("(".repeat(20_000)).complete).toBe(false);
  expect(readShell("{ ".repeat(10_000)).complete).toBe(false);
  expect(readShell('"`$(${'.repeat(2_000)).complete).toBe(false);
  let line = "rm x";
  for (let i = 0; i < 7; i++) line = `sh -c ${JSON.stringify(line).replaceAll("$", "\\$")}`;
  expect(readShell(line).complete).toBe(false);
});

/** The same numbers each time. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % below;
  };
}

const shells = ["/bin/bash", "/bin/dash"].filter((shell) => existsSync(shell));

describe.each(shells)("what is whole is what %s runs", (shell) => {
  test("for lines put together at random", () => {
    const directory = mkdtempSync(join(tmpdir(), "countersign-shell-"));
    const pieces = [
      ...[
        "p",
        "q",
        "a",
        " ",
        " ",
        " ",
        "'",
        "'",
        '"',
        '"',
        "\\",
        "|",
        "&",
        ";",
        ">f",
        "2>&1",
        "=",
        "-",
        "x y",
        "'b c'",
      ],
      ...[
        '"d e"',
        "\\ ",
        "\n",
        "\t",
        "#",
        "!",
        "$",
        "`",
        "*",
        "?",
        "{",
        "}",
        "(",
        ")",
        "~",
        "A=1 ",
        "/",
        ".",
        "%",
        "^",
        ",",
        "<g",
        "1",
        "é",
      ],
    ];
    try {
      // each tells its words, one to a line, an empty line at the end
      for (const name of ["p", "q"]) {
        writeFileSync(
          join(directory, name),
          `#!${shell}\nexec 3>>${join(directory, "log")}\nprintf '%s\\n' ${name} "$@" '' >&3\n`,
          { mode: 0o755 },
        );
      }
      writeFileSync(join(directory, "g"), "");
      const random = createRandom(20_261_121);
      let seen = 0;
      const wrong: unknown[] = [];
      for (let i = 0; i < 60_000 && seen < 150; i++) {
        let line = "p ";
        for (let n = 1 + random(9); n > 0; n--) line += pieces[random(pieces.length)] ?? "";
        const facts = readShell(line);
        const known = facts.commands.every(({ program }) => program === "p" || program === "q");
        // `&`, `||` and failing pipes leave what runs to chance; names with paths aren't ours
        if (!facts.complete || !known || /[&|/]/.test(line.replaceAll("2>&1", ""))) continue;
        if (facts.commands.some(({ argv }) => argv.some((word) => word?.includes("\n")))) continue;
        const redirects = facts.commands.flatMap((one) => one.redirects);
        if (redirects.some(({ op, target }) => target !== (op.endsWith("&") ? "1" : op === "<" ? "g" : "f")))
          continue;
        seen++;
        writeFileSync(join(directory, "log"), "");
        spawnSync(shell, ["-c", line], { cwd: directory, env: { PATH: directory }, stdio: "ignore" });
        const log = readFileSync(join(directory, "log"), "utf8");
        const told = facts.commands.map(({ argv }) => `${argv.join("\n")}\n\n`).join("");
        if (log !== told) wrong.push({ line, log, told });
      }
      expect(wrong).toEqual([]);
      expect(seen).toBe(150);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
