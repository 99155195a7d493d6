/** What is asked at once is evaluated once, on the account of who asks. */
import { describe, expect, test } from "@jest/globals";
import type { ActiveBundle } from "../../sidecar/bundles/active.js";
import type { Answer } from "../../sidecar/decide/answer.js";
import { createDecisionCache } from "../../sidecar/decide/cache/layered.js";
import { createMemoryCache } from "../../sidecar/decide/cache/memory.js";
import { createEvaluate } from "../../sidecar/decide/evaluate.js";

function build(answer: () => Answer, ttl = 60) {
  const evaluations: ((answer: Answer) => void)[] = [];
  let version = 0;
  const policy = {
    evaluate: () => ({
      kind: "pending",
      settled: new Promise<Answer>((resolve) => evaluations.push(resolve)),
    }),
  };
  const facts = { path: "e", input: [[]], data: [], deterministic: true, nondeterministic: [] };
  const key = (_input: unknown, { tenant, epoch }: { tenant: string; epoch: number }) => `"${tenant}${epoch}`;
  const bundle = {
    ...{ policy, rules: [], dataVersion: () => version },
    entrypoints: new Map([["e", { facts, key }]]),
  } as unknown as ActiveBundle;
  const l1 = createMemoryCache({ maxEntries: 1_000, maxBytes: 100_000 });
  const cache = createDecisionCache({ l1, l2Mode: "never", now: () => 0, micros: () => 0, random: () => 0 });
  const evaluate = createEvaluate({ cache, cacheTtl: ttl, denyTtl: ttl, now: () => 0, micros: () => 0 });
  return {
    cache,
    evaluations,
    change: () => version++,
    ask: (tenant = "t", epoch = 0) => evaluate(bundle, "e", {}, { tenant, epoch }),
    answerAll: () => {
      for (const one of evaluations) one(answer());
    },
  };
}
const yes: Answer = { kind: "value", value: { allow: true }, rules: [] };

describe("evaluations that wait for the network", () => {
  test("a hundred askers of one question share one", async () => {
    const { ask, evaluations, answerAll, cache } = build(() => yes);
    const asked = Array.from({ length: 100 }, () => ask());
    expect(evaluations).toHaveLength(1);
    answerAll();
    const answers = await Promise.all(asked);
    expect(answers.filter((one) => one.kind === "evaluated" && one.cache === "l1")).toHaveLength(99);
    expect(cache.tally("e")).toMatchObject({ l1: 99, misses: 1, evaluations: 1 });
  });

  test("no tenant and no newer epoch shares what another asked", async () => {
    const { ask, evaluations, answerAll } = build(() => yes);
    const asked = [ask("a"), ask("b"), ask("a", 7)];
    expect(evaluations).toHaveLength(3);
    answerAll();
    await Promise.all(asked);
  });

  test("what may not be kept is evaluated for each who waited, and is counted", async () => {
    const { ask, evaluations, answerAll, cache } = build(
      () => ({ ...yes, value: { allow: true, ttl: 0 } }) as Answer,
    );
    const asked = [ask(), ask(), ask()];
    answerAll();
    await new Promise(setImmediate);
    answerAll();
    for (const one of await Promise.all(asked))
      expect(one).toMatchObject({ kind: "evaluated", cache: "none" });
    expect(evaluations.length).toBe(3);
    expect(cache.tally("e").bypassed.get("result_ttl")).toBe(3);
  });

  test("what was evaluated on data that changed meanwhile is kept for nobody", async () => {
    const { ask, answerAll, change, cache } = build(() => yes);
    const asked = ask();
    change();
    answerAll();
    await asked;
    expect(cache.figures().entries).toBe(0);
    expect(cache.tally("e").bypassed.get("changed")).toBe(1);
  });
});
