/** Attempts to get more out of stores than policy allows: each is narrowed or refused, and stores get these requests and no others. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { describeTopics } from "../bypass/describe.js";
import { root } from "../world.js";
import type { Tokens } from "./judge.js";
import { giveTokens, judge } from "./judge.js";
import type { Lab } from "./lab.js";
import { startLab } from "./lab.js";
import { topics } from "./topics.js";

let lab: Lab;
let tokens: Tokens;
beforeAll(async () => {
  lab = await startLab();
  tokens = await giveTokens(lab);
}, 60_000);
afterAll(() => lab.close());

describe.each(topics.map((topic) => ({ ...topic })))("$title", ({ attacks }) => {
  test.each(attacks.map((attack) => ({ ...attack })))("$name", async (attack) => {
    expect(await judge(lab, tokens, attack)).toEqual([]);
  });
});

test("there are as many as were asked for, each under a name of its own", () => {
  const names = topics.flatMap(({ title, attacks }) => attacks.map(({ name }) => `${title}: ${name}`));
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(60);
});

test("docs/gateway-retrieval-bypass.md says what is tried, and what happens", () => {
  expect(readFileSync(join(root, "docs/gateway-retrieval-bypass.md"), "utf8")).toContain(
    describeTopics(topics),
  );
});
