/** Pinning: what is approved, by whom, and what comes of a change; the same in memory and in a file. */
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Approval, Approvals } from "../../../../gateway/tools/definitions/approvals/approvals.js";
import type { FileApprovals } from "../../../../gateway/tools/definitions/approvals/file.js";
import { openFileApprovals, pendingPath } from "../../../../gateway/tools/definitions/approvals/file.js";
import { changeFile } from "../../../../gateway/tools/definitions/approvals/change-file.js";
import { parsePending, writeApprovals } from "../../../../gateway/tools/definitions/approvals/file-format.js";
import { createMemoryApprovals } from "../../../../gateway/tools/definitions/approvals/memory.js";
import { digestOf } from "../../../../gateway/tools/definitions/canonical.js";
import type { JsonObject } from "../../../../sidecar/contract.js";
import { denied } from "../../../../sidecar/contract.js";
import { createLab, tool, withSchema } from "./lab.js";

const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

async function place(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "approvals-"));
  folders.push(folder);
  return join(folder, "tools.json");
}

interface Opened {
  readonly approvals: FileApprovals;
  readonly events: string[];
  /** Lets so much time pass. */
  pass(ms: number): void;
}

async function open(path: string): Promise<Opened> {
  const events: string[] = [];
  let now = 1_000;
  const approvals = await openFileApprovals({
    path,
    now: () => now,
    onEvent: ({ kind, fault }) => events.push(fault === undefined ? kind : `${kind} ${fault}`),
    noteMs: 3_600_000,
  });
  return { approvals, events, pass: (ms) => (now += ms) };
}

const approve = (): boolean => true;
const statusOf = async (review: ReturnType<ReturnType<typeof createLab>["review"]>): Promise<unknown> =>
  (await review).tools.map(
    ({ name, status, quarantined }) => `${name} ${status}${quarantined ? " quarantined" : ""}`,
  );

const byPerson = (server: string, listed: Record<string, unknown>, state: Approval["state"]): Approval => ({
  ...{ server, tool: String(listed["name"]), digest: digestOf(listed as JsonObject), state },
  ...{ at: new Date(0).toISOString(), by: { person: "ann" }, definition: listed as JsonObject },
});

describe.each<[string, () => Promise<Approvals>]>([
  ["in memory", () => Promise.resolve(createMemoryApprovals())],
  ["in a file", async () => (await open(await place())).approvals],
])("approvals %s", (_name, make) => {
  test("aren't there at first: what is new is quarantined", async () => {
    const lab = createLab(await make());
    expect(await statusOf(lab.review("s", [tool("a")]))).toEqual(["a new quarantined"]);
    expect(lab.asked).toEqual(["s/a"]);
  });

  test("are given by policy, once", async () => {
    const lab = createLab(await make());
    expect(
      await statusOf(lab.review("s", [tool("a"), tool("b")], { approve: ({ name }) => name === "a" })),
    ).toEqual(["a approved", "b new quarantined"]);
    expect(await statusOf(lab.review("s", [tool("a")]))).toEqual(["a approved"]);
    expect(lab.asked).toEqual(["s/a", "s/b"]);
    expect((await lab.approvals.read())?.all[0]).toMatchObject({
      server: "s",
      tool: "a",
      by: { policy: { decision_id: "decision-1", rules: ["tools.auto"] } },
    });
  });

  test.each([["true"], [1], [{}], [null], [undefined]])("aren't given by %p", async (allow) => {
    const lab = createLab(await make());
    expect(await statusOf(lab.review("s", [tool("a")], { approve: () => allow }))).toEqual([
      "a new quarantined",
    ]);
  });

  test("are of a digest: a change is quarantined, going back isn't", async () => {
    const lab = createLab(await make());
    await lab.review("s", [tool("a")], { approve });
    const changed = tool("a", { description: "another" });
    expect(await statusOf(lab.review("s", [changed]))).toEqual(["a changed quarantined"]);
    expect(await statusOf(lab.review("s", [tool("a")]))).toEqual(["a approved"]);
    expect(lab.asked).toEqual(["s/a", "s/a"]);
  });

  test("are of a server", async () => {
    const lab = createLab(await make());
    await lab.review("one", [tool("a")], { approve });
    expect(await statusOf(lab.review("two", [tool("a")]))).toEqual(["a new quarantined"]);
  });

  test("are of a name: the same definition under another is new", async () => {
    const lab = createLab(await make());
    await lab.review("s", [tool("a", { description: "x" })], { approve });
    expect(await statusOf(lab.review("s", [tool("b", { description: "x" })]))).toEqual(["b new quarantined"]);
  });

  test("aren't undone by policy where a person refused", async () => {
    const lab = createLab(await make());
    await lab.approvals.approve([byPerson("s", tool("a"), "rejected")]);
    expect(await statusOf(lab.review("s", [tool("a")], { approve }))).toEqual(["a new quarantined"]);
    expect(lab.asked).toEqual([]);
    expect(await statusOf(lab.review("s", [tool("a")], { mode: "observe" }))).toEqual(["a new quarantined"]);
  });

  test("may be for policy to judge, or not be wanted", async () => {
    const lab = createLab(await make());
    expect(await statusOf(lab.review("s", [tool("a")], { mode: "observe" }))).toEqual(["a new"]);
    expect(await statusOf(lab.review("s", [tool("a")], { mode: "off" }))).toEqual(["a approved"]);
    expect(lab.asked).toEqual([]);
  });

  test("of an answer with more or fewer decisions are none", async () => {
    const approvals = await make();
    const { definitions } = createLab(approvals);
    const review = definitions.review("s", {}, [tool("a") as JsonObject], () => Promise.resolve([]));
    expect(await statusOf(review)).toEqual(["a new quarantined"]);
    const yes = { ...denied("d", { code: "c", message: "m" }, new Date(0)), allow: true };
    const more = definitions.review("s", {}, [tool("a") as JsonObject], () => Promise.resolve([yes, yes]));
    expect(await statusOf(more)).toEqual(["a new quarantined"]);
  });
});

/** Whether a change is another definition, or the same in another form. */
const base = {
  ...tool("a"),
  title: "T",
  annotations: { readOnlyHint: true },
  outputSchema: { type: "object" },
};
const changes: readonly [string, Record<string, unknown> | string, boolean][] = [
  ["the description", { description: "other" }, true],
  ["one hidden character", { description: "a does what it says\u200b" }, true],
  ["the title", { title: "U" }, true],
  ["an annotation", { annotations: { readOnlyHint: false } }, true],
  ["a parameter", { inputSchema: { type: "object", properties: { sidenote: {} } } }, true],
  ["a keyword that nobody knows", { inputSchema: { type: "object", "x-note": 1 } }, true],
  ["the schema of results", { outputSchema: { type: "object", required: ["x"] } }, true],
  ["an icon", { icons: [{ src: "https://evil.example/i.png" }] }, true],
  ["how it is run", { execution: { taskSupport: "required" } }, true],
  ["_meta", { _meta: { "ui/template": "https://evil.example" } }, true],
  ["the order of members", JSON.stringify(Object.fromEntries(Object.entries(base).reverse())), false],
  ["a member that isn't passed on", { secret: "unread" }, false],
];
test.each(changes)("a change of %s", async (_name, change, differs) => {
  const lab = createLab();
  await lab.review("s", [base], { approve });
  const next = typeof change === "string" ? `[${change}]` : [{ ...base, ...change }];
  expect(await statusOf(lab.review("s", next))).toEqual([differs ? "a changed quarantined" : "a approved"]);
});

test.each([
  ['{"maximum":1}', '{"maximum":1.0}', true],
  ['{"maximum":100}', '{"maximum":1e2}', true],
  ['{"maximum":0}', '{"maximum":-0}', true],
  ['{"maximum":0.1}', '{"maximum":0.10}', true],
  ['{"maximum":9007199254740992}', '{"maximum":9007199254740993}', false],
  ['{"maximum":1}', '{"maximum":1.00000000000000000001}', false],
  ['{"maximum":1}', '{"maximum":"1"}', false],
])("%s and %s are one definition: %p", async (one, other, alike) => {
  const digest = async (schema: string): Promise<string | undefined> =>
    (await withSchema(`{"type":"object","default":${schema}}`))?.digest;
  expect((await digest(one)) === (await digest(other))).toBe(alike);
});

test("what a client gets is what the digest is of", async () => {
  const { tools } = await createLab().review("s", [
    { ...base, evil: "unread", inputSchema: { type: "object" } },
  ]);
  expect(Object.keys(tools[0]?.tool ?? {}).sort()).toEqual([
    ...["annotations", "description", "inputSchema", "name", "outputSchema", "title"],
  ]);
  expect(digestOf(tools[0]?.tool ?? {})).toBe(tools[0]?.digest);
});

test("policy is told the server's claims as such, and the operator's words as true", async () => {
  const annotations = { readOnlyHint: true, risk: "low" };
  const rules = [{ match: "d*", risk: "critical", labels: ["pii"] } as const];
  const { tools } = await createLab().review("s", [tool("delete", { annotations, description: "" })], {
    rules,
  });
  expect(tools[0]?.properties).toEqual({
    ...{ definition_digest: tools[0]?.digest, definition_status: "new", definition_flags: [], annotations },
    ...{ risk: "critical", effect: "write", labels: ["pii"] },
  });
});

describe("the file", () => {
  test("is private, and read again by the next process", async () => {
    const path = await place();
    await createLab((await open(path)).approvals).review("s", [tool("a")], { approve });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const next = createLab((await open(path)).approvals);
    expect(await statusOf(next.review("s", [tool("a")]))).toEqual(["a approved"]);
  });

  test("may be changed by others while the gateway runs", async () => {
    const path = await place();
    const { approvals, pass } = await open(path);
    const lab = createLab(approvals);
    expect(await statusOf(lab.review("s", [tool("a")]))).toEqual(["a new quarantined"]);
    await changeFile(path, () => writeApprovals([byPerson("s", tool("a"), "approved")]));
    pass(250);
    expect(await statusOf(lab.review("s", [tool("a")]))).toEqual(["a approved"]);
    await changeFile(path, () => writeApprovals([byPerson("s", tool("a"), "rejected")]));
    pass(250);
    expect(await statusOf(lab.review("s", [tool("a")], { approve }))).toEqual(["a new quarantined"]);
  });

  const good = writeApprovals([byPerson("s", tool("a"), "approved")]);
  const corrupt: readonly [string, string, string][] = [
    ["no JSON", "{", "invalid"],
    ["empty", "", "invalid"],
    ["of another version", good.replace('"version": 1', '"version": 2'), "invalid"],
    ["with a field that nobody knows", good.replace('"state"', '"x":1,"state"'), "invalid"],
    ["with a key twice", good.replace('"state"', '"server":"t","state"'), "invalid"],
    ["with a definition that was changed", good.replace("does what", "does not what"), "invalid"],
    ["with a digest that was changed", good.replace(/sha256:../, "sha256:00"), "invalid"],
    ["with a state that there isn't", good.replace('"approved"', '"ok"'), "invalid"],
    ["by nobody", good.replace('{"person":"ann"}', "{}"), "invalid"],
    ["without a list", '{"version":1}', "invalid"],
  ];
  test.each(corrupt)("is refused at the start: %s", async (_name, text) => {
    const path = await place();
    await writeFile(path, text, { mode: 0o600 });
    await expect(open(path)).rejects.toThrow(`tools.approvals: ${path} can't be used`);
  });

  test("of a folder that isn't there is refused at the start", async () => {
    const path = join(dirname(await place()), "nowhere", "tools.json");
    await expect(open(path)).rejects.toThrow("there is no such folder");
  });

  test.each(corrupt)("approves nothing any more, nor lets policy: %s", async (_name, text, fault) => {
    const path = await place();
    await writeFile(path, good, { mode: 0o600 });
    const { approvals, events, pass } = await open(path);
    const lab = createLab(approvals);
    expect(await statusOf(lab.review("s", [tool("a")]))).toEqual(["a approved"]);
    await writeFile(path, text);
    pass(250);
    expect(await statusOf(lab.review("s", [tool("a")], { approve }))).toEqual(["a new quarantined"]);
    expect(lab.asked).toEqual([]);
    expect(events.slice(1)).toEqual([`approvals_failed ${fault}`]);
    await writeFile(path, good);
    pass(250);
    expect(await statusOf(lab.review("s", [tool("a")]))).toEqual(["a approved"]);
  });

  test("that others may write approves nothing", async () => {
    const path = await place();
    await writeFile(path, good, { mode: 0o600 });
    const { approvals, pass } = await open(path);
    await chmod(path, 0o622);
    pass(250);
    expect(await approvals.read()).toBeUndefined();
    await expect(open(path)).rejects.toThrow("chmod 600");
  });

  test("that can't be written keeps nothing, so nothing is approved", async () => {
    const folder = join(dirname(await place()), "gone");
    await mkdir(folder);
    const { approvals, events } = await open(join(folder, "tools.json"));
    await rm(folder, { recursive: true });
    const lab = createLab(approvals);
    expect(await statusOf(lab.review("s", [tool("a")], { approve }))).toEqual(["a new quarantined"]);
    expect(events).toEqual(["approvals_unwritten unwritable"]);
  });

  test("has what waits beside it, until it is decided", async () => {
    const path = await place();
    const { approvals, pass } = await open(path);
    const lab = createLab(approvals);
    const waiting = async (): Promise<unknown> => {
      await approvals.close();
      return parsePending(await readFile(pendingPath(path)))
        .map((one) =>
          `${one.server}/${one.tool} ${one.status} ${one.flags.join()} ${one.looks_like ?? ""}`.trim(),
        )
        .sort();
    };
    await lab.review("s", [tool("a", { description: "b\u200b" }), tool("b")]);
    await lab.review("t", [tool("B")]);
    expect(await waiting()).toEqual(["s/a new hidden_characters", "s/b new", "t/B new  s/b"]);
    await approvals.approve([byPerson("s", tool("b"), "approved")]);
    pass(250);
    await lab.review("s", [tool("b", { description: "other" })]);
    expect(await waiting()).toEqual(["s/a new hidden_characters", "s/b changed", "t/B new  s/b"]);
  });

  test("keeps no more of what waits than a few definitions of a tool", async () => {
    const path = await place();
    const { approvals } = await open(path);
    const lab = createLab(approvals);
    for (let i = 0; i < 20; i++) await lab.review("s", [tool("a", { description: `no ${i}` })]);
    await approvals.close();
    expect(parsePending(await readFile(pendingPath(path)))).toHaveLength(4);
  });
});
