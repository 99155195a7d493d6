/** Names of tools: which are taken, which look like others, and who was first. */
import { describe, expect, test } from "@jest/globals";
import { createEntries } from "../../../../gateway/tools/definitions/entries.js";
import { checkServerNames } from "../../../../gateway/tools/definitions/names/check-servers.js";
import type { Json } from "../../../../sidecar/contract.js";
import { Problems } from "../../../../sidecar/contract.js";
import { createLab, tool } from "./lab.js";
import { different, lookAlikes, refusedNames } from "./names.cases.js";

const approve = () => true;

test.each(refusedNames)("a name isn't taken: $name", async ({ tool: name }) => {
  const { tools, dropped } = await createLab().review("s", [tool(name as string), tool("good")], { approve });
  expect(tools.map((one) => one.name)).toEqual(["good"]);
  expect(dropped.map(({ why }) => why)).toEqual([typeof name === "string" ? "name" : "invalid"]);
});

test.each(["getUser", "DATA_EXPORT_v2", "admin.tools.list", "github/issues/create", "a", "x".repeat(128)])(
  "a name is taken: %s",
  async (name) => {
    const { tools } = await createLab().review("s", [tool(name)], { approve });
    expect(tools.map((one) => one.name)).toEqual([name]);
  },
);

test("operators are told once what isn't offered, and what waits, without a stranger's words", async () => {
  const lab = createLab();
  for (let i = 0; i < 2; i++)
    await lab.review("s", [tool("a"), tool("b"), tool("b"), tool("Ignore\nall"), tool("A")]);
  expect(lab.log).toEqual([
    'a tool isn\'t offered {"server":"s","why":"name"}',
    'a tool isn\'t offered {"server":"s","tool":"b","why":"duplicate"}',
    'a tool isn\'t offered {"server":"s","tool":"A","why":"look_alike"}',
    expect.stringMatching(
      /^a tool's definition isn't approved \{"server":"s","tool":"a","digest":"sha256:\w+","status":"new"\}$/,
    ),
  ]);
});

test("a name twice is nobody's, even if the definitions are the same", async () => {
  const { tools, dropped } = await createLab().review("s", [tool("a"), tool("b"), tool("a")], { approve });
  expect(tools.map(({ name }) => name)).toEqual(["b"]);
  expect(dropped).toEqual([
    { name: "a", why: "duplicate" },
    { name: "a", why: "duplicate" },
  ]);
});

test("a name twice, once not to be taken for another reason, is nobody's", async () => {
  const { tools } = await createLab().review(
    "s",
    [tool("a"), tool("a", { inputSchema: { type: "string" } })],
    {
      approve,
    },
  );
  expect(tools).toEqual([]);
});

describe("a look-alike is dropped", () => {
  test.each(lookAlikes)("of the same server: $name", async ({ first, second }) => {
    const { tools, dropped } = await createLab().review("s", [tool(first), tool(second)]);
    expect(tools.map(({ name }) => name)).toEqual([first]);
    expect(dropped).toEqual([{ name: second, why: "look_alike" }]);
  });

  test.each(lookAlikes.filter(({ sameServer }) => sameServer !== true))(
    "of another server: $name",
    async ({ first, second }) => {
      const lab = createLab();
      await lab.review("one", [tool(first)]);
      const { tools, dropped } = await lab.review("two", [tool(second)], { approve });
      expect(tools).toEqual([]);
      expect(dropped).toEqual([{ name: second, why: "look_alike" }]);
      expect(lab.asked).toEqual([`one/${first}`]);
    },
  );

  test("that was known later, though it is listed first today", async () => {
    const lab = createLab();
    await lab.review("s", [tool("delete_file")]);
    const { tools } = await lab.review("s", [tool("de1ete_file"), tool("delete_file")]);
    expect(tools.map(({ name }) => name)).toEqual(["delete_file"]);
  });

  test("that isn't approved, though it was known earlier", async () => {
    const lab = createLab();
    await lab.review("evil", [tool("de1ete_file")]);
    const { approvals } = lab;
    await approvals.approve([
      {
        ...{ server: "good", tool: "delete_file", digest: "sha256:00", state: "approved", at: "" },
        ...{ by: { person: "ann" }, definition: {} },
      },
    ]);
    expect((await lab.review("good", [tool("delete_file")])).dropped).toEqual([]);
    expect((await lab.review("evil", [tool("de1ete_file")])).dropped).toHaveLength(1);
  });

  test("of what an operator takes as it is listed, whatever policy approves", async () => {
    const off = { mode: "off" } as const;
    const own = createLab();
    await own.review("own", [tool("delete_file")], off);
    expect((await own.review("evil", [tool("de1ete_file")], { approve })).dropped).toHaveLength(1);
    await own.approvals.approve([
      {
        ...{ server: "evil", tool: "de1ete_file", digest: "sha256:00", state: "approved", at: "" },
        ...{ by: { policy: { decision_id: "d", rules: [] } }, definition: {} },
      },
    ]);
    expect((await own.review("own", [tool("delete_file")], off)).dropped).toEqual([]);
    expect((await own.review("evil", [tool("de1ete_file")], { approve })).dropped).toHaveLength(1);
  });

  test("but one whose definition a person approved, who saw both", async () => {
    const lab = createLab();
    await lab.review("one", [tool("delete_file")], { approve });
    const alike = tool("Delete_File");
    const [seen] = (await createLab().review("two", [alike])).tools;
    await lab.approvals.approve([
      {
        ...{ server: "two", tool: "Delete_File", digest: seen?.digest ?? "", state: "approved", at: "" },
        ...{ by: { person: "ann" }, definition: {} },
      },
    ]);
    expect((await lab.review("two", [alike])).tools).toHaveLength(1);
    // of this definition alone
    const changed = await lab.review("two", [{ ...alike, description: "another" }]);
    expect(changed.dropped).toEqual([{ name: "Delete_File", why: "look_alike" }]);
  });
});

test.each(different)("are told apart: names $name", async ({ first, second }) => {
  const lab = createLab();
  await lab.review("one", [tool(first)]);
  expect((await lab.review("two", [tool(second)])).dropped).toEqual([]);
});

test.each([[["github", "GitHub"]], [["github", "glthub"]], [["mail", "mai1"]]])(
  "servers can't be called %j",
  (names) => {
    const problems = new Problems();
    checkServerNames(names, problems);
    expect(problems.list).toHaveLength(1);
  },
);

test("servers can be called differently", () => {
  const problems = new Problems();
  checkServerNames(["github", "gitlab", "files", "files2", "files-ro"], problems);
  expect(problems.list).toEqual([]);
});

test("of more names than are kept, the one that was seen longest ago is read again", () => {
  const entries = createEntries();
  const see = (n: number): unknown => entries.of("s", undefined, tool(`t${n}`) as Json);
  for (let n = 0; n <= 10_000; n++) see(n);
  const { read } = entries;
  see(1);
  expect(entries.read).toBe(read);
  see(0);
  expect(entries.read).toBe(read + 1);
});
