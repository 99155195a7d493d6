import { describe, expect, test } from "@jest/globals";
import type { Decision, LimitState } from "../../../sidecar/contract.js";
import { limitHeaders, rateHeaders } from "../../../gateway/limits/headers.js";

const now = Date.parse("2026-11-21T12:00:00Z");
const requests: LimitState = { name: "r", unit: "requests", limit: 10, remaining: 4, reset: 360 };
const tokens: LimitState = { name: "t", unit: "tokens", limit: 1_000, remaining: 700, reset: 3_661 };
const output: LimitState = { name: "o", unit: "output_tokens", limit: 500, remaining: 90 };

describe("how limits stand, in headers", () => {
  test("to OpenAI's clients: the tightest of each", () => {
    expect(rateHeaders([requests, tokens, output], "openai", now)).toEqual({
      "x-ratelimit-limit-requests": "10",
      "x-ratelimit-remaining-requests": "4",
      "x-ratelimit-reset-requests": "6m0s",
      "x-ratelimit-limit-tokens": "500",
      "x-ratelimit-remaining-tokens": "90",
    });
    expect(rateHeaders([tokens], "openai", now)["x-ratelimit-reset-tokens"]).toBe("1h1m1s");
  });

  test("to Anthropic's: until when", () => {
    expect(rateHeaders([requests, output], "anthropic", now)).toMatchObject({
      "anthropic-ratelimit-requests-remaining": "4",
      "anthropic-ratelimit-requests-reset": "2026-11-21T12:06:00Z",
      "anthropic-ratelimit-output-tokens-remaining": "90",
    });
  });

  test("what an upstream says stands where it is tighter, all of it; ours where ours is", () => {
    const upstream = {
      "x-ratelimit-limit-requests": "500",
      "x-ratelimit-remaining-requests": "499",
      "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-limit-tokens": "40000",
      "x-ratelimit-remaining-tokens": "12",
      "x-ratelimit-reset-tokens": "20ms",
    };
    expect(rateHeaders([requests, tokens], "openai", now, upstream)).toEqual({
      ...upstream,
      "x-ratelimit-limit-requests": "10",
      "x-ratelimit-remaining-requests": "4",
      "x-ratelimit-reset-requests": "6m0s",
    });
    // an upstream's time doesn't stand beside a limit that no time ends
    const [own] = [rateHeaders([{ ...requests, reset: 0 }], "openai", now, upstream)];
    expect(own["x-ratelimit-reset-requests"]).toBe("0s");
    const { reset: _, ...forever } = requests;
    expect(rateHeaders([forever], "openai", now, upstream)).not.toHaveProperty("x-ratelimit-reset-requests");
    expect(rateHeaders(undefined, "openai", now, upstream)).toEqual(upstream);
  });

  const denied = (more: Partial<Decision>, rule?: string): Decision =>
    ({
      allow: false,
      reasons: [{ code: "rate_limited", message: "", ...(rule === undefined ? {} : { rule }) }],
      ...more,
    }) as Decision;
  const cases: readonly (readonly [string, Decision, object])[] = [
    ["a refusal that time ends", denied({ retry_after: 7.2 }), { "retry-after": "8" }],
    ["one that it doesn't", denied({}), { "x-should-retry": "false" }],
    ["a rule's word that reads like ours", denied({}, "mine"), {}],
    [
      "a name that is no header's",
      denied({ retry_after: 1, limits: [{ ...requests, name: "a\r\nb: c", warns: true }] }),
      { "retry-after": "1" },
    ],
    [
      "what is nearly, and what is softly passed",
      {
        allow: true,
        reasons: [],
        limits: [{ ...requests, warns: true }, tokens, { ...output, exceeded: true }],
      } as unknown as Decision,
      { "x-countersign-limit-warning": "r;near, o;exceeded" },
    ],
  ];
  test.each(cases)("%s", (_name, decision, headers) => {
    expect(limitHeaders(decision)).toEqual(headers);
  });
});
