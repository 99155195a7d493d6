import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { scenarios } from "../../demo/scenarios.js";
import { drawTour, takeTour } from "../../demo/tour.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

test("every scenario comes out as expected, and the second of two alike is cached", async () => {
  const steps = await takeTour(scenarios, { ...world, fetch });
  expect(steps.filter(({ unexpected }) => unexpected !== undefined)).toEqual([]);
  expect(steps.find(({ scenario }) => scenario.asks === "the same again")?.cache).toBe("l1");
  const denied = steps.filter(({ allowed, scenario }) => !allowed && scenario.who !== "nobody");
  expect(denied.map(({ rule }) => rule)).not.toContain("");
});

test("an outcome that isn't the expected one is said", async () => {
  const [first] = scenarios;
  if (first === undefined) throw new Error("there are no scenarios");
  const steps = await takeTour(
    [
      { ...first, expect: { allowed: true } },
      { ...first, expect: { allowed: false, reason: "another" } },
      {
        who: "analyst",
        asks: "models",
        request: { kind: "models" },
        expect: { allowed: true, lists: ["gpt-4o"] },
      },
    ],
    { ...world, fetch },
  );
  expect(steps.map(({ unexpected }) => unexpected)).toEqual([
    "expected allowed",
    "expected reason another",
    "expected exactly gpt-4o; got gpt-4o-mini, llama-3.1-70b",
  ]);
  expect(drawTour(steps)).toContain("✗ expected allowed");
});
