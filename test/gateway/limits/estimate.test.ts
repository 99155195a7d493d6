import { describe, expect, test } from "@jest/globals";
import type { Call, JsonObject } from "../../../sidecar/contract.js";
import { withEstimate } from "../../../gateway/limits/estimate.js";
import type { Price } from "../../../gateway/observe/price.js";
import type { Deployment } from "../../../gateway/routing/deployment.js";

const price = (input: bigint, output: bigint, currency = "EUR", more: Partial<Price> = {}): Price => ({
  ...{ input, output, cachedInput: input, cacheWrite: input, reasoning: output, currency },
  ...{ asOf: "2026-11-01", source: "x", ...more },
});
const at = (one?: Price): Deployment =>
  ({ provider: "p", ...(one === undefined ? {} : { price: one }) }) as Deployment;

function estimateOf(
  body: JsonObject,
  deployments: readonly Deployment[] = [],
  name = "model.invoke",
): unknown {
  const call = { kind: "model", action: { name, properties: { phase: "request" } } } as unknown as Call;
  const made = withEstimate(call, body, {
    ...{ limits: { defaultOutputTokens: 100 }, prices: undefined, model: "m", deployments },
  });
  return made.action.properties["estimate"];
}

const said = (text: string, more: JsonObject = {}): JsonObject => ({
  messages: [{ role: "user", content: text }],
  ...more,
});

describe("what a call may use", () => {
  const outputs: readonly (readonly [JsonObject, number])[] = [
    [said("hi"), 100],
    [said("hi", { max_tokens: 7 }), 7],
    [said("hi", { max_completion_tokens: 8 }), 8],
    [{ input: "hi", max_output_tokens: 9 }, 9],
    [{ contents: [], generationConfig: { maxOutputTokens: 10, candidateCount: 2 } }, 20],
    [said("hi", { max_tokens: 7, n: 3 }), 21],
    [said("hi", { n: 3 }), 300],
    [said("hi", { max_tokens: 7, max_completion_tokens: 50 }), 50],
    // what isn't a number of tokens isn't one
    [said("hi", { max_tokens: -5 }), 100],
    [said("hi", { max_tokens: 1e300, n: 1e300 }), 100],
  ];
  test.each(outputs)("output: %j", (body, output_tokens) => {
    expect(estimateOf(body)).toMatchObject({ output_tokens });
  });

  test("input by its texts", () => {
    expect(estimateOf(said("a".repeat(400)))).toMatchObject({ input_tokens: 100 });
  });

  test("no output of what isn't written", () => {
    expect(estimateOf({ input: "hi" }, [], "embedding.create")).toMatchObject({ output_tokens: 0 });
  });

  const million = 1_000_000_000_000n;
  const costs: readonly (readonly [string, readonly Deployment[], object | undefined])[] = [
    ["of one place", [at(price(million, 2n * million))], { nanos: 100 * 1e6 + 200 * 1e6, currency: "EUR" }],
    [
      "of the dearest",
      [at(price(million, million)), at(price(3n * million, 3n * million))],
      { nanos: 600 * 1e6, currency: "EUR" },
    ],
    [
      "what is cached, or thought, may be dearer",
      [at(price(million, million, "EUR", { cacheWrite: 2n * million, reasoning: 4n * million }))],
      { nanos: 600 * 1e6, currency: "EUR" },
    ],
    ["unknown where one has no price", [at(price(million, million)), at()], undefined],
    ["unknown where currencies differ", [at(price(million, million)), at(price(1n, 1n, "USD"))], undefined],
    ["unknown of a model that isn't known", [], undefined],
  ];
  test.each(costs)("cost %s", (_name, deployments, cost) => {
    const estimate = estimateOf(said("a".repeat(400)), deployments) as { cost?: unknown };
    expect(estimate.cost).toEqual(cost);
  });
});
