/** `countersign fence` against a real sidecar, by TCP and by its socket. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "../../cli/main.js";
import type { OperatorWorld } from "../operator/world.js";
import { startOperatorWorld } from "../operator/world.js";

let world: OperatorWorld;
beforeAll(async () => {
  world = await startOperatorWorld({ config: { fences: { second_person: true } } });
});
afterAll(() => world.close());

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const code = await main(["fence", ...args], {
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
  });
  return { code, ...said };
}
const to = (name = "oncall", address = world.url): string[] => [
  "--to",
  address,
  "-k",
  join(world.folder, name),
];

test("adds, lists and lifts: two people, by TCP and by socket", async () => {
  const added = await run("add", ...to(), "--chain", "bob", "--tenant", "acme", "-r", "left", "--for", "2h");
  expect(added).toMatchObject({ code: 0, err: "" });
  expect(added.out).toMatch(/^[\w-]+ \(tenant=acme chain=bob\) until 20\S+Z is fenced off\n$/);
  const id = added.out.split(" ")[0] ?? "";
  const socket = `unix://${join(world.folder, "sock", "pdp.sock")}`;
  const listed = await run("list", ...to("viewer", socket));
  expect(listed.code).toBe(0);
  expect(listed.out).toMatch(/^ID +FENCES OFF +UNTIL +BY +SINCE +REASON\n/);
  expect(listed.out).toContain("tenant=acme chain=bob");
  const json = await run("list", ...to(), "-f", "json");
  expect(JSON.parse(json.out)).toMatchObject({ fences: [{ id, reason: "left", by: "ann" }] });
  expect(await run("lift", ...to(), id)).toMatchObject({ code: 4, err: "another person must agree\n" });
  expect((await run("list", ...to())).out).toContain("left; lift asked by ann");
  expect(await run("lift", ...to("second"), id)).toMatchObject({ code: 0, err: "" });
  expect((await run("list", ...to())).out.split("\n")).toHaveLength(2);
});

test("what was issued before now is fenced off, and shown as that", async () => {
  const added = await run("add", ...to(), "--chain", "dora", "--issued-before", "now", "-r", "stolen");
  expect(added).toMatchObject({ code: 0, err: "" });
  const id = added.out.split(" ")[0] ?? "";
  expect((await run("list", ...to())).out).toMatch(/chain=dora issued before 20\d\d-/);
  expect(await run("lift", ...to(), id)).toMatchObject({ code: 4 });
  expect(await run("lift", ...to("second"), id)).toMatchObject({ code: 0 });
});

test("a dry run says what would be cut, and sets nothing", async () => {
  expect(await run("add", ...to(), "--everything", "--dry-run")).toEqual({
    code: 0,
    out: "everything: would cut nothing live\n",
    err: "",
  });
  expect((await run("list", ...to())).out.split("\n")).toHaveLength(2);
});

describe("what goes wrong is said", () => {
  const cases: readonly (readonly [name: string, args: () => string[], code: number, says: string])[] = [
    ["no action", () => [], 2, "give one of add, list, lift"],
    ["nothing named", () => ["add", ...to(), "-r", "x"], 2, "name what is to be fenced off"],
    [
      "a time without a zone",
      () => ["add", ...to(), "--model", "m", "-r", "x", "--issued-before", "2026-11-21T20:00:00"],
      2,
      "--issued-before: now, or a time with its zone",
    ],
    ["no reason", () => ["add", ...to(), "--model", "m"], 2, "--reason: is needed"],
    ["no address", () => ["list", "-k", join(world.folder, "oncall")], 2, "--to: is needed"],
    ["no key", () => ["list", "--to", world.url], 2, "--key-file: is needed"],
    [
      "a span of another form",
      () => ["add", ...to(), "--model", "m", "-r", "x", "--for", "soon"],
      2,
      "--for",
    ],
    ["a flag of another action", () => ["list", ...to(), "--model", "m"], 2, "list doesn't take --model"],
    ["lift without an id", () => ["lift", ...to()], 2, "give the ID"],
    [
      "an address of another form",
      () => ["list", "--to", "ftp://x", "-k", join(world.folder, "oncall")],
      2,
      "--to",
    ],
    ["a key over a wire", () => ["list", ...to("oncall", "http://sidecar.example:8181")], 2, "use https://"],
    ["an unknown fence", () => ["lift", ...to(), "f-1"], 1, "unknown_fence"],
    [
      "who may not",
      () => ["add", ...to("viewer"), "--model", "m", "-r", "x"],
      1,
      "operator_refused: no rule lets",
    ],
    ["nobody there", () => ["list", ...to("oncall", "http://127.0.0.1:1")], 1, "can't be asked"],
  ];
  test.each(cases)("%s", async (_name, args, code, says) => {
    const ran = await run(...args());
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(says);
    expect(ran.out).toBe("");
  });
  test("a key that isn't one, and isn't shown", async () => {
    await writeFile(join(world.folder, "wrong"), "a-wrong-key-that-has-thirty-two-characters");
    const ran = await run("list", ...to("wrong"));
    expect([ran.code, ran.err.includes("operator_unauthenticated")]).toEqual([1, true]);
    expect(ran.err).not.toContain("a-wrong-key");
  });
  test("help has examples", async () => {
    const { code, out } = await run("--help");
    expect(code).toBe(0);
    expect(out).toMatch(/Examples:\n {2}countersign fence add /);
  });
});
