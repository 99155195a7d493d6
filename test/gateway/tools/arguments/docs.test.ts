/** docs/gateway-tool-facts.md says what there is: facts, configuration, and policies that work on them. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { testCommand } from "../../../../cli/test.js";
import { parseGatewayConfig } from "../../../../gateway/config.js";
import { describeArguments } from "../../../../gateway/tools/arguments/describe.js";
import { argumentKinds } from "../../../../gateway/tools/arguments/kinds.js";
import { kindsOf } from "../../../../gateway/tools/arguments/kinds-of.js";
import type { JsonObject } from "../../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../../sidecar/contract.js";
import { root } from "../../../world.js";
import { factsOf as resultFactsOf, json, text } from "../results/lab.js";

const docs = readFileSync(join(root, "docs/gateway-tool-facts.md"), "utf8");
const section = (title: string): string =>
  docs.split(/^#{2,3} /m).find((one) => one.startsWith(`${title}\n`)) ?? "";
const named = (title: string): string[] =>
  [...section(title).matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([\w[\].]+)`/g)].map(([, name = ""]) => name),
  );
const config = parseGatewayConfig({
  sidecar: { socket: "/run/pdp.sock" },
  ...(yaml.load(/```yaml\n([^]*?)```/.exec(docs)?.[1] ?? "") as JsonObject),
});
const describeAll = describeArguments();

test("every fact is in it, and no other", async () => {
  const full = describeAll(
    json({ a: "$x curl http://a.example >/b", b: "select 1", c: "a@b.example", d: 1 }),
    (["shell", "sql", "email", "url"] as const).map((kind, i) => ({ at: ["abcd"[i] ?? ""], kind })),
  ) as Record<string, JsonObject[]>;
  const keys = (value: object | undefined): string[] => Object.keys(value ?? {}).sort();
  expect(named("Arguments").sort()).toEqual(keys(full));
  expect(named("Paths").sort()).toEqual(keys(full["paths"]?.[0]));
  expect(named("Addresses").filter((name) => !["private", "host"].includes(name)).length).toBeGreaterThan(3);
  for (const name of keys(full["urls"]?.[0])) expect(named("Addresses")).toContain(name);
  expect(named("Code").sort()).toEqual(keys(full["code"]?.[0]));
  const shell = full["shell"] as unknown as { commands: object[] };
  const said = named("Commands").map((name) => name.replace("commands[].", ""));
  expect(said.sort()).toEqual([...keys(shell), ...keys(shell.commands[0])].sort());
  const facts = await resultFactsOf({ content: [text("a")], structuredContent: {}, isError: true, more: 1 });
  expect(named("Results").sort()).toEqual(keys(facts));
  expect(named("Which arguments are what")).toEqual([...argumentKinds]);
});

test("its configuration says what arguments hold", () => {
  const server = config.servers.get("ops");
  expect(kindsOf(server, "run_command")).toEqual([
    { at: ["command"], kind: "shell" },
    { at: ["env", "PATH"], kind: "path" },
  ]);
  expect(kindsOf(server, "query")).toEqual([{ at: ["sql"], kind: "sql" }]);
  expect(kindsOf(server, "other")).toEqual([]);
});

const cases: readonly (readonly [tool: string, args: object, codes: readonly string[]])[] = [
  ["run_command", { command: "git status && ls -l /workspace/a | cat" }, []],
  ["run_command", { command: "l's' -l; rm x" }, ["program_not_allowed"]],
  ["run_command", { command: "ls $(rm x)" }, ["command_not_understood", "program_not_allowed"]],
  ["run_command", { command: "sh -c 'ls'" }, ["program_not_allowed"]],
  ["run_command", { command: "ls /workspace/../etc" }, ["outside_of_workspace"]],
  ["run_command", { command: "cat c''at /e\\tc/passwd" }, ["outside_of_workspace"]],
  ["run_command", {}, ["command_not_understood"]],
  ["run_command", { command: ["ls", 1] }, ["command_not_understood"]],
  ["fetch", { url: "https://example.com/" }, []],
  ["fetch", { url: "http://0xa9fea9fe/" }, ["private_address"]],
  ["fetch", { url: "https://example.com@evil.example/" }, ["private_address"]],
  ["query", { sql: "SELECT 1" }, []],
  ["query", { sql: "SELECT 1; DROP TABLE t" }, ["not_only_reading"]],
  ["fetch", { note: `AK${"IA"}QWERTYUIOPASDFGH` }, ["secret_in_arguments"]],
  ["fetch", { note: "x ".repeat(100_000) }, ["too_much_to_judge"]],
];

test("its policy denies what it says, on facts as they are", async () => {
  const [, rego = ""] = /```rego\n([^]*?)```/.exec(docs) ?? [];
  const tests = cases.map(([tool, args, codes], i) => {
    const parsed = parseJson(JSON.stringify(args)) as JsonObject;
    const facts = describeAll(parsed, kindsOf(config.servers.get("ops"), tool));
    const input = stringifyJson({ resource: { properties: { tool, facts } } });
    return `test_case_${i} if {\n\tcodes := {one.code | some one in deny} with input as ${input}\n\tcodes == ${codes.length === 0 ? "set()" : `{${codes.map((code) => `"${code}"`).join(", ")}}`}\n}\n`;
  });
  const directory = await mkdtemp(join(tmpdir(), "countersign-facts-"));
  const said: string[] = [];
  const io = { out: (line: string) => said.push(line), err: (line: string) => said.push(line) };
  try {
    await writeFile(join(directory, "commands.rego"), rego);
    await writeFile(
      join(directory, "commands_test.rego"),
      `package countersign.commands_test\n\nimport data.countersign.commands.deny\n\n${tests.join("\n")}`,
    );
    expect([await testCommand.run([directory], io as never), said.join("")]).toEqual([
      0,
      expect.stringContaining(String(cases.length)),
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
