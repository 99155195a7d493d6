/** Attempts to get past the decision: each is refused or decided, and the upstream gets these bytes and no others. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { root } from "../world.js";
import { describeTopics } from "./describe.js";
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
});
afterAll(() => lab.close());

describe.each(topics.map((topic) => ({ ...topic })))("$title", ({ attacks }) => {
  test.each(attacks.map((attack) => ({ ...attack })))("$name", async (attack) => {
    expect(await judge(lab, tokens, attack)).toEqual([]);
  });
});

test("there are as many as were asked for, each under a name of its own", () => {
  const names = topics.flatMap(({ title, attacks }) => attacks.map(({ name }) => `${title}: ${name}`));
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(100);
});

test("docs/gateway-bypass.md says what is tried, and what happens", () => {
  expect(readFileSync(join(root, "docs/gateway-bypass.md"), "utf8")).toContain(describeTopics(topics));
});
