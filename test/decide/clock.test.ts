import { describe, expect, test } from "@jest/globals";
import { watchClock } from "../../sidecar/decide/clock.js";

describe("a clock that is watched", () => {
  test("has a new name for each time that it is set back, and none before", () => {
    let at = 1_000;
    const clock = watchClock(() => at);
    expect([clock.now(), clock.turn()]).toEqual([1_000, ""]);
    at = 5_000;
    expect([clock.turn(), clock.now()]).toEqual(["", 5_000]);
    at = 4_999;
    const first = clock.turn();
    expect(first).not.toBe("");
    at = 6_000;
    expect(clock.turn()).toBe(first);
    at = 1;
    expect(["", first]).not.toContain(clock.turn());
  });

  test("notices it whoever looked, and another process has other names", () => {
    const made = [0, 1].map(() => {
      let at = 1_000;
      const clock = watchClock(() => at);
      clock.now();
      at = 500;
      clock.now();
      at = 2_000;
      return clock.turn();
    });
    expect(new Set(["", ...made]).size).toBe(3);
  });
});
