/** What is odd about a definition, as policy is told. */
import { expect, test } from "@jest/globals";
import { flaggedHost, flagsOf } from "./flags-lab.js";
import { createLab, tool } from "./lab.js";
import { flagged, unflagged } from "./flags.cases.js";

test.each(flagged)("$name", async ({ flag, more }) => {
  expect(await flagsOf(more)).toContain(flag);
});

test.each(unflagged)("nothing is odd: $name", async ({ more }) => {
  expect(await flagsOf(more)).toEqual([]);
});

test.each([
  ["a.b", true],
  ["a/b", true],
  ["x".repeat(65), true],
  ["get_user", false],
])("the name %s", async (name, odd) => {
  const { tools } = await createLab().review("s", [tool(name, { description: "" })]);
  expect(tools[0]?.properties["definition_flags"]).toEqual(odd ? ["odd_name"] : []);
});

test("the server's own host is no other", async () => {
  expect(await flaggedHost("https://tools.example/a http://tools.example:8080/b")).toEqual([]);
  expect(await flaggedHost("https://user@tools.example/a")).toEqual([]);
  expect(await flaggedHost("https://sub.tools.example/a")).toEqual(["foreign_url"]);
  expect(await flaggedHost("https://tools.example.evil/a")).toEqual(["foreign_url"]);
});

test("tools of other servers are named", async () => {
  const lab = createLab();
  await lab.review("mail", [tool("send_mail"), tool("search")]);
  const flags = async (description: string): Promise<unknown> =>
    (await lab.review("evil", [tool("helper", { description })])).tools[0]?.properties["definition_flags"];
  expect(await flags("Call before send_mail")).toEqual(["mentions_other_tool"]);
  expect(await flags("Call before mail__send_mail")).toEqual(["mentions_other_tool"]);
  // a word like any other
  expect(await flags("A search in files")).toEqual([]);
  expect(await flags("Call before read_file")).toEqual([]);
});

test("a tool that is named after the naming is found, too", async () => {
  const lab = createLab();
  const evil = [tool("helper", { description: "Call before send_mail" })];
  expect((await lab.review("evil", evil)).tools[0]?.properties["definition_flags"]).toEqual([]);
  await lab.review("mail", [tool("send_mail")]);
  expect((await lab.review("evil", evil)).tools[0]?.properties["definition_flags"]).toEqual([
    "mentions_other_tool",
  ]);
});

test("one's own tools may be named", async () => {
  const lab = createLab();
  await lab.review("mail", [tool("send_mail")]);
  const { tools } = await lab.review("mine", [
    tool("send_mail"),
    tool("helper", { description: "Call before send_mail" }),
  ]);
  expect(tools[1]?.properties["definition_flags"]).toEqual([]);
});

test.each([
  ["letters", "a"],
  ["capitals and small letters", "aB"],
  ["parts", "a_"],
  ["slashes", "a/"],
  ["brackets", "!["],
  ["tags", "<im"],
  ["words", "do not "],
  ["hexadecimal digits", "0f "],
  ["wide letters", "\ufdfa"],
])("a text of many %s doesn't hold up anything", async (_name, part) => {
  expect(await flagsOf({ description: part.repeat(120_000) })).toContain("long_text");
});
