import { describe, expect, test } from "@jest/globals";
import type { Extension, Json, LimitState } from "../../../sidecar/contract.js";
import { parseExtension, readExtended } from "../../../sidecar/contract.js";
import type { Engine } from "../../../sidecar/state/engine/engine.js";
import { heldAs } from "../../../sidecar/state/engine/engine.js";
import { createExtend } from "../../../sidecar/state/limits/extend.js";
import { read } from "./lab.js";

const { limits: config } = read([
  { name: "rate", unit: "tokens", amount: 100, window: "60s" },
  { name: "month", unit: "cost", amount: "1", currency: "EUR", window: { calendar: "month" } },
]);
const state: LimitState = { name: "rate", unit: "tokens", limit: 100, remaining: 10, reset: 30 };

type Kind = Awaited<ReturnType<Engine["extend"]>>["kind"];

/** @param then what is answered to the second question, and the later ones */
function asking(kind: Kind, limits: readonly LimitState[] = [], then: Kind = kind) {
  const asked: object[] = [];
  const extendBy = createExtend({
    config,
    engine: {
      extend: (id, more) => {
        expect(id).toBe(heldAs("d", "gateway"));
        asked.push(more);
        return Promise.resolve({ kind: asked.length === 1 ? kind : then, limits });
      },
    },
  });
  return { extend: (extension: Extension) => extendBy(extension, "gateway"), asked };
}

describe("more for a call under way", () => {
  test("only what is beyond what it holds is asked for", async () => {
    const { extend, asked } = asking("extended");
    const answer = await extend({
      decision_id: "d",
      held: { tokens: 50, cost: 9 },
      need: { tokens: 80, cost: 9, output_tokens: 7 },
    });
    expect(answer).toEqual({ allowance: { tokens: 80, cost: 9 } });
    expect(asked).toEqual([{ tokens: 30 }]);
  });

  test("nothing is asked for where it holds enough", async () => {
    const { extend, asked } = asking("over");
    expect(await extend({ decision_id: "d", held: { tokens: 50 }, need: { tokens: 10 } })).toEqual({
      allowance: { tokens: 50 },
    });
    expect(asked).toEqual([]);
  });

  const refused = [
    { kind: "over", limits: [state], code: "rate_limited" },
    {
      kind: "over",
      limits: [{ ...state, name: "month", unit: "cost", remaining: 1 }],
      code: "budget_exceeded",
    },
    {
      kind: "over",
      limits: [{ name: "task_tokens", unit: "tokens", limit: 9, remaining: 0 }],
      code: "budget_exceeded",
    },
    { kind: "over", limits: [], code: "budget_exceeded" },
    { kind: "unknown", limits: [], code: "limits_unavailable" },
    { kind: "unavailable", limits: [], code: "limits_unavailable" },
  ] as const;
  test.each(refused)("no: $kind, $code", async ({ kind, limits, code }) => {
    const { extend } = asking(kind, limits);
    expect(
      await extend({ decision_id: "d", held: { tokens: 50, cost: 1 }, need: { tokens: 80, cost: 900 } }),
    ).toEqual({ code });
  });

  test("what is left is given, where it is less", async () => {
    const { extend, asked } = asking("over", [state], "extended");
    const question = { decision_id: "d", held: { tokens: 50 }, need: { tokens: 80 } };
    expect(await extend(question)).toEqual({ allowance: { tokens: 60 } });
    expect(asked).toEqual([{ tokens: 30 }, { tokens: 10 }]);
  });

  test("where others take it meanwhile, it is a no after three questions", async () => {
    const { extend, asked } = asking("over", [state]);
    expect(await extend({ decision_id: "d", held: { tokens: 50 }, need: { tokens: 80 } })).toEqual({
      code: "rate_limited",
    });
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  test("an engine that fails is a no", async () => {
    const extend = createExtend({ config, engine: { extend: () => Promise.reject(new Error("x")) } });
    expect(await extend({ decision_id: "d", held: { tokens: 1 }, need: { tokens: 2 } }, "gateway")).toEqual({
      code: "limits_unavailable",
    });
  });

  const whole = { decision_id: "d", held: { tokens: 1 }, need: { tokens: 2 } };
  const wrong: readonly Json[] = [
    null,
    {},
    { ...whole, decision_id: "a b" },
    { ...whole, held: {} },
    { ...whole, held: { tokens: -1 } },
    { ...whole, need: { tokens: 1.5 } },
    { ...whole, need: { requests: 1 } },
    { ...whole, more: 1 },
  ];
  test.each(wrong)("a question that is none: %j", (value) => {
    expect(parseExtension(value)).toMatchObject({ kind: "refusal", code: "invalid_request" });
  });
  test("a question", () => {
    expect(parseExtension(whole)).toEqual({ kind: "extension", extension: whole });
  });

  const nos: readonly Json[] = [
    null,
    {},
    "yes",
    { allowance: 5 },
    { allowance: { tokens: "9" } },
    { allowance: { tokens: 5 }, code: "x" },
  ];
  test.each(nos)("an answer that isn't wholly a yes is a no: %j", (value) => {
    expect(readExtended(value)).toEqual({ code: "limits_unavailable" });
  });
  test("an answer", () => {
    expect(readExtended({ allowance: { tokens: 5 } })).toEqual({ allowance: { tokens: 5 } });
    expect(readExtended({ code: "fenced" })).toEqual({ code: "fenced" });
  });
});
