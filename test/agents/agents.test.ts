/** Agents, some of them injected, before the shipped policies: by what arrived, nobody got anything out (`bench/agents`). */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Simulated } from "../../bench/agents/simulate.js";
import { simulate } from "../../bench/agents/simulate.js";
import type { Stage } from "../../bench/agents/stage.js";
import { prepareStage } from "../../bench/agents/stage.js";
import { canariesIn, canary, dress, dresses, toldIn } from "../../bench/agents/canaries.js";

/** What no policy sees yet (docs/flow.md, "What it doesn't see"): whoever closes one takes it out here. */

let stage: Stage;
let came: Simulated;
beforeAll(async () => {
  stage = await prepareStage(11);
  came = await simulate(stage, {
    ...{ tasks: 20, injected: 2, quick: true, seed: 11, atOnce: 8, users: "user" },
    ...{ pauses: false, through: true },
  });
}, 60_000);
afterAll(() => stage.close());

test("no honest task is denied anything, and each does its job", () => {
  expect(came.honest).toHaveLength(18);
  expect(came.honest.flatMap(({ n, kind, denied }) => denied.map((one) => ({ n, kind, ...one })))).toEqual(
    [],
  );
  expect(came.honest.filter(({ missing }) => missing.length > 0)).toEqual([]);
});

test("agents that take orders get at private data, and none of it out", () => {
  const taken = came.injected.filter(({ takenAt }) => takenAt > 0);
  expect(taken).toHaveLength(2);
  expect(taken.filter(({ loot }) => loot.length > 0)).toHaveLength(2);
  expect(new Set(taken.flatMap(({ tried }) => tried.map(({ way }) => way))).size).toBeGreaterThan(12);
  expect(came.arrived).toEqual([]);
});

test.each(dresses)("what is %s is found where it arrived", (as) => {
  const one = canary("CD", () => 0.3);
  expect(canariesIn(`x ${one} y`)).toEqual([one]);
  const told = dress(one, as).map((piece) => `https://news.example/c?d=T1ZW2Z${piece}`);
  expect(toldIn(told.join("\n"), [one])).toEqual([one]);
  expect(toldIn("https://news.example/c?d=T1ZW2Z", [one])).toEqual([]);
});
