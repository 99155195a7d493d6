/** The parts of routing by themselves, on a clock of their own. */
import { describe, expect, test } from "@jest/globals";
import { createBreaker } from "../../gateway/routing/breaker.js";
import { createRetryBudget } from "../../gateway/routing/budget.js";
import { createHealth } from "../../gateway/routing/health.js";
import { errorKind } from "../../gateway/routing/judge.js";
import { pauseBefore, readRetryAfter } from "../../gateway/routing/pause.js";
import { sleep } from "../../gateway/routing/sleep.js";

describe("a breaker", () => {
  const make = () => {
    const time = { now: 0 };
    return { time, breaker: createBreaker({ failures: 2, coolDownMs: 100 }, () => time.now) };
  };
  const fail = (breaker: ReturnType<typeof make>["breaker"], times = 1): void => {
    for (let i = 0; i < times; i++) breaker.enter()("fails");
  };
  test("opens after failures in a row only", () => {
    const { breaker } = make();
    fail(breaker);
    breaker.enter()("works");
    fail(breaker);
    breaker.enter()("nothing");
    expect(breaker.state()).toBe("closed");
    fail(breaker);
    expect(breaker.state()).toBe("open");
    expect(breaker.admits()).toBe(false);
    expect(breaker.wait()).toBe(100);
  });

  const ends = [
    ["works", "closed", true],
    ["begins", "closed", true],
    ["fails", "open", false],
    // the client went away: the next may try
    ["nothing", "half_open", true],
  ] as const;
  test.each(ends)("half-open lets one through; it %s: %s", (verdict, state, admits) => {
    const { breaker, time } = make();
    fail(breaker, 2);
    time.now = 99;
    expect(breaker.state()).toBe("open");
    time.now = 100;
    expect([breaker.state(), breaker.admits()]).toEqual(["half_open", true]);
    const settle = breaker.enter();
    expect(breaker.admits()).toBe(false);
    settle(verdict);
    expect([breaker.state(), breaker.admits()]).toEqual([state, admits]);
  });

  test("takes nothing that was sent before it opened for its probe", () => {
    const { breaker, time } = make();
    const [slow, slower] = [breaker.enter(), breaker.enter()];
    fail(breaker, 2);
    slow("works");
    expect(breaker.state()).toBe("open");
    time.now = 100;
    const probe = breaker.enter();
    slower("fails");
    expect(breaker.state()).toBe("half_open");
    expect(breaker.admits()).toBe(false);
    probe("works");
    expect(breaker.state()).toBe("closed");
  });

  test("counts an answer that begins and breaks off as a failure", () => {
    const { breaker } = make();
    for (let i = 0; i < 2; i++) {
      const settle = breaker.enter();
      settle("begins");
      settle("fails");
    }
    expect(breaker.state()).toBe("open");
  });
});

test("a budget has a reserve, and a share of the traffic", () => {
  const budget = createRetryBudget({ budgetPercent: 25, reserve: 1 });
  expect([budget.spend(), budget.spend()]).toEqual([true, false]);
  for (let i = 0; i < 4; i++) {
    expect(budget.spend()).toBe(false);
    budget.earn();
  }
  expect(budget.spend()).toBe(true);
  // what isn't used isn't piled up
  for (let i = 0; i < 100; i++) budget.earn();
  expect([budget.spend(), budget.spend()]).toEqual([true, false]);
  expect(createRetryBudget({ budgetPercent: 0, reserve: 0 }).spend()).toBe(false);
});

test("pauses double up to a most, and are anything below", () => {
  const config = { pauseMs: 100, longestPauseMs: 300 };
  expect([1, 2, 3, 4].map((retry) => pauseBefore(retry, config, 1))).toEqual([100, 200, 300, 300]);
  expect(pauseBefore(2, config, 0)).toBe(0);
});

test.each([
  ["3", 3_000],
  ["0.5", 500],
  [" 7 ", 7_000],
  ["Sat, 21 Nov 2026 10:00:30 GMT", 30_000],
  ["Sat, 21 Nov 2026 09:00:00 GMT", 0],
  ["-1", undefined],
  ["soon", undefined],
  ["1e9", undefined],
  ["99999999999999", undefined],
  ["", undefined],
  [undefined, undefined],
])("retry-after %j is %j milliseconds", (value, expected) => {
  expect(readRetryAfter(value, Date.parse("2026-11-21T10:00:00Z"))).toBe(expected);
});

test("the time to the first byte is averaged, streams apart, and forgotten by half", () => {
  const time = { now: 0 };
  const health = createHealth({ failures: 0, coolDownMs: 1 }, () => time.now);
  expect(health.latency(true)).toBe(0);
  health.took(100, true);
  health.took(200, true);
  expect(health.latency(true)).toBeCloseTo(130);
  expect(health.latency(false)).toBe(0);
  time.now = 30_000;
  expect(health.latency(true)).toBeCloseTo(65);
});

const errors: readonly (readonly [number, unknown, string | undefined])[] = [
  [500, {}, "general"],
  [400, { error: { code: "context_length_exceeded" } }, "context_window"],
  [400, { error: { message: "This model's maximum context length is 8 tokens." } }, "context_window"],
  [
    400,
    { type: "error", error: { type: "invalid_request_error", message: "prompt is too long: 2 > 1" } },
    "context_window",
  ],
  [413, { type: "error", error: { type: "request_too_large" } }, "context_window"],
  [400, { error: { code: "content_filter" } }, "content_policy"],
  [400, { error: { code: "x", message: "Output blocked by content filtering policy" } }, "content_policy"],
  [400, { error: { code: "toString" } }, undefined],
  [400, { error: "text" }, undefined],
  [400, [], undefined],
  [404, { error: { code: "context_length_exceeded" } }, undefined],
];
test.each(errors)("an error %d %j opens the list %s", (status, error, expected) => {
  expect(errorKind(status, Buffer.from(JSON.stringify(error)))).toBe(expected);
});
test("an error that is no JSON, or too large to be read, opens none", () => {
  expect(errorKind(400, Buffer.from("{"))).toBeUndefined();
  expect(errorKind(400, undefined)).toBeUndefined();
});

test("sleep ends at once when its signal aborts", async () => {
  const gone = new AbortController();
  const asleep = sleep(60_000, gone.signal);
  gone.abort();
  await asleep;
  await sleep(60_000, gone.signal);
  await sleep(1, new AbortController().signal);
});
