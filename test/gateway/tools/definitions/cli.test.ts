/** `countersign tools`, at the files that a gateway keeps. */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { main } from "../../../../cli/main.js";
import type { FileApprovals } from "../../../../gateway/tools/definitions/approvals/file.js";
import { openFileApprovals } from "../../../../gateway/tools/definitions/approvals/file.js";
import { changesOf, drawChanges, visible } from "../../../../gateway/tools/definitions/show.js";
import type { Json } from "../../../../sidecar/contract.js";
import { parseJson } from "../../../../sidecar/contract.js";
import type { Lab } from "./lab.js";
import { createLab, tool } from "./lab.js";

let folder: string;
let file: string;
let approvals: FileApprovals;
let lab: Lab;
let now = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tools-cli-"));
  file = join(folder, "tools.json");
  const parts = { path: file, now: () => now, onEvent: () => undefined, noteMs: 3_600_000 };
  approvals = await openFileApprovals(parts);
  lab = createLab(approvals);
});
afterEach(async () => {
  await approvals.close();
  await rm(folder, { recursive: true });
});

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) };
  const [action = "", ...rest] = args;
  const code = await main(["tools", action, "-f", file, ...rest], io);
  return { code, out, err };
}

/** Has a server list tools, as the gateway sees it a moment later. */
async function listed(server: string, ...tools: readonly unknown[]): Promise<string[]> {
  now += 1_000;
  const reviewed = await lab.review(server, tools);
  await approvals.close();
  return reviewed.tools.map(({ name, status }) => `${name} ${status}`);
}

const digestOf = async (name: string): Promise<string> => {
  const { out } = await run("pending", "--format", "json");
  const { pending } = JSON.parse(out) as { pending: { server: string; tool: string; digest: string }[] };
  return pending.find((one) => `${one.server}/${one.tool}` === name)?.digest.slice(7, 19) ?? "";
};

test("what waits is listed, shown and approved, and the gateway offers it", async () => {
  expect(await listed("github", tool("create_issue"))).toEqual(["create_issue new"]);
  const waiting = await run("pending");
  expect(waiting.out).toMatch(
    /^STATUS +TOOL +DIGEST +FIRST +FLAGS\nnew +github\/create_issue +[0-9a-f]{12} /,
  );
  const shown = await run("diff", "github/create_issue");
  expect(shown.out).toContain("+ description: create_issue does what it says\n");
  const done = await run(
    "approve",
    "github/create_issue",
    await digestOf("github/create_issue"),
    "--by",
    "ann",
  );
  expect(done).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^github\/create_issue [0-9a-f]{12} is approved\n/),
  });
  expect(await listed("github", tool("create_issue"))).toEqual(["create_issue approved"]);
  expect((await run("pending")).err).toBe("nothing waits\n");
  expect((await run("list")).out).toMatch(/approved +github\/create_issue +[0-9a-f]{12} +\S+ +ann\n/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("a change is shown beside what was approved", async () => {
  const long = "Reads a file and gives its text. ".repeat(20);
  await listed("s", tool("read", { description: long }));
  await run("approve", "--all", "s", "--by", "ann");
  const inputSchema = { type: "object", properties: { sidenote: { type: "string", default: "5" } } };
  expect(await listed("s", tool("read", { description: `${long}\u200b<IMPORTANT>`, inputSchema }))).toEqual([
    "read changed",
  ]);
  const { out } = await run("diff", "s/read");
  expect(out).toContain("changed, hidden_characters, instructions");
  expect(out).toMatch(/^- description: …[^…]{1,80}\n\+ description: …[^…]{1,80}<U\+200B><IMPORTANT>\n/m);
  expect(out).toContain('+ inputSchema.properties.sidenote.default: "5"\n');
  expect(out).not.toContain("+ name");
});

test("all of a server are approved, but for what looks like another tool; each is shown", async () => {
  await listed("s", tool("send_mail"), tool("Send_Mail"), tool("other"));
  const { out, err } = await run("approve", "--all", "s", "--by", "ann");
  expect(err.match(/is approved/g)).toHaveLength(2);
  expect(out).toContain("+ name: send_mail\n");
  expect((await run("pending")).out).toContain("looks like s/send_mail");
  const digest = await digestOf("s/Send_Mail");
  expect((await run("approve", "s/Send_Mail", digest, "--by", "ann")).code).toBe(0);
  expect(await listed("s", tool("send_mail"), tool("Send_Mail"))).toEqual([
    "send_mail approved",
    "Send_Mail approved",
  ]);
});

test("what is revoked or rejected stays so, whatever policy says, until a person approves it", async () => {
  await listed("s", tool("a"), tool("b"));
  const [a, b] = [await digestOf("s/a"), await digestOf("s/b")];
  await run("approve", "s/a", a, "--by", "ann");
  expect((await run("revoke", "s/a", "--by", "bob")).err).toContain("is revoked");
  expect((await run("reject", "s/b", b, "--by", "bob")).code).toBe(0);
  now += 1_000;
  const { tools } = await lab.review("s", [tool("a"), tool("b")], { approve: () => true });
  expect(tools.map(({ status }) => status)).toEqual(["new", "new"]);
  expect((await run("approve", "s/b", b, "--by", "ann")).code).toBe(0);
  expect(await listed("s", tool("b"))).toEqual(["b approved"]);
});

test("the file keeps numbers as servers wrote them", async () => {
  now += 1_000;
  await lab.review("s", '[{"name":"n","inputSchema":{"type":"object","default":9007199254740993}}]');
  await approvals.close();
  await run("approve", "--all", "s", "--by", "ann");
  expect(await readFile(file, "utf8")).toContain("9007199254740993");
});

test.each<[string, readonly string[], number, string]>([
  ["no action", [""], 2, "give one of list, pending"],
  ["another action", ["allow"], 2, "give one of list, pending"],
  ["no tool", ["approve"], 2, "give SERVER/TOOL"],
  ["no digest", ["approve", "s/a"], 2, "give the digest that you have seen: "],
  ["a digest that is too short", ["approve", "s/a", "ab"], 2, "at least 8"],
  ["a digest that isn't there", ["approve", "s/a", "0123456789ab"], 1, "no such definition"],
  ["a tool that isn't there", ["diff", "s/zzz"], 1, "nothing of s/zzz waits"],
  ["a server that isn't there", ["approve", "--all", "zzz"], 1, "there is nothing of that"],
  ["a tool and all", ["revoke", "--all", "s", "s/a"], 2, "or --all SERVER"],
  ["a flag of another action", ["list", "--by", "ann"], 2, "list doesn't take --by"],
  ["a format that there isn't", ["list", "--format", "xml"], 2, "--format"],
  ["a name that would spoil the file", ["approve", "--all", "s", "--by", "a\nb"], 2, "--by"],
])("wrong use: %s", async (_name, args, code, message) => {
  await listed("s", tool("a"));
  const ran = await run(...args);
  expect(ran.code).toBe(code);
  expect(ran.err).toContain(message);
});

test("a file that isn't there is said to be made by the gateway", async () => {
  const ran = await run("list");
  expect(ran).toMatchObject({ code: 1, err: expect.stringContaining("there is no file") });
});

test.each([
  ["a\u200bb", "a<U+200B>b"],
  ["\u001b[31m", "<U+001B>[31m"],
  ["\u202ea", "<U+202E>a"],
  ["x\u{e0041}", "x<U+E0041>"],
  ["a\u00a0b", "a<U+00A0>b"],
  ["Rеad", "Rе<U+0435>ad"],
  ["Читает", "Читает"],
  ["a\tb", "a<U+0009>b"],
  ["é ü 漢字", "é ü 漢字"],
])("%j is shown as %s", (text, shown) => {
  expect(visible(text)).toBe(shown);
});

test.each<[string, string, string]>([
  ["a number and a text", '{"a":5}', '{"a":"5"}'],
  ["true and a text", '{"a":true}', '{"a":"true"}'],
  ["an empty list and a text", '{"a":[]}', '{"a":"[]"}'],
  ["a point in a name and a member of a member", '{"a":{"b":1}}', '{"a.b":1}'],
  ["a list and a member", '{"a":["x"]}', '{"a":{"0":"x"}}'],
  ["a name like a place", '{"a":["x"]}', '{"a[0]":"x"}'],
])("a change is shown of %s", (_name, before, after) => {
  expect(changesOf(parseJson(before), parseJson(after))).not.toEqual([]);
});

test("two members never hide each other", () => {
  const both = parseJson('{"a.b":"evil","a":{"b":"good"},"a[0]":"evil"}') as Json;
  expect(drawChanges(changesOf(undefined, both)).match(/evil/g)).toHaveLength(2);
});
