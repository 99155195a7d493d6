import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { scenarios } from "../../demo/scenarios.js";
import { drawTour, takeTour } from "../../demo/tour.js";
import { until } from "../redis.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

/** Tour and record are the same, whether the gateway asks at the sidecar's socket or in its process. */
describe.each([
  { name: "at its socket", direct: false, by: "unix" },
  { name: "in its process", direct: true, by: "own" },
])("a sidecar that is asked $name", ({ direct, by }) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ direct });
  });
  afterAll(() => world.close());

  test("every scenario comes out as expected, and the second of two alike is cached", async () => {
    const steps = await takeTour(scenarios, { ...world, fetch });
    expect(steps.filter(({ unexpected }) => unexpected !== undefined)).toEqual([]);
    expect(steps.find(({ scenario }) => scenario.asks === "the same again")?.cache).toBe("l1");
    // what no rule of a policy denies
    const own = ["task_scope_exceeded", "budget_exceeded", "fenced"];
    const denied = steps.filter(
      ({ allowed, reason, scenario }) => !allowed && scenario.who !== "nobody" && !own.includes(reason),
    );
    expect(denied.map(({ rule }) => rule)).not.toContain("");
  });

  test("each decision is recorded, by whom it was asked, and what became of it", async () => {
    const path = join(world.directory, "decisions.jsonl");
    const lines = async () =>
      (await readFile(path, "utf8"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const isAsked = ({ type }: Record<string, unknown>): boolean => type === "decision" || type === "outcome";
    // the trap's fence is recorded by itself
    await until(async () => {
      const known = await lines();
      return known.some(({ type }) => type === "outcome") && !known.every(isAsked);
    });
    const events = await lines();
    const ids = (wanted: string) =>
      new Set(events.filter(({ type }) => type === wanted).map((event) => event["decision_id"]));
    const asked = events.filter(isAsked);
    expect(new Set(asked.map(({ requested_by }) => requested_by))).toEqual(new Set([by]));
    expect(JSON.stringify(events.filter((event) => !asked.includes(event)))).toContain("policy:canary.fence");
    for (const id of ids("outcome")) expect(ids("decision")).toContain(id);
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
});
