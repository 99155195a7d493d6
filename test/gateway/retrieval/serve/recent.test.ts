import { expect, test } from "@jest/globals";
import { createRecent } from "../../../../gateway/retrieval/serve/recent.js";

test("counts what one caller asked of one collection in the window", () => {
  let now = 0;
  const recent = createRecent(() => now, 1_000);
  expect(recent.note("a", "docs", 1)).toEqual({ queries: 1, narrow: 1, window_s: 1 });
  expect(recent.note("a", "docs", 9)).toEqual({ queries: 2, narrow: 1, window_s: 1 });
  expect(recent.note("b", "docs", 1)).toMatchObject({ queries: 1 });
  now = 1_000;
  expect(recent.note("a", "docs", 0)).toEqual({ queries: 1, narrow: 0, window_s: 1 });
});

test("forgets who asked longest ago where all together asked too much to keep", () => {
  const recent = createRecent(() => 0, 1_000, 4);
  for (const owner of ["a", "b", "b"]) recent.note(owner, "docs", 1);
  expect(recent.note("b", "docs", 1)).toMatchObject({ queries: 3 });
  expect(recent.note("b", "docs", 1)).toMatchObject({ queries: 4 });
  // a was forgotten for b's fourth; b, who asks more than is kept of all, is next
  expect(recent.note("a", "docs", 1)).toMatchObject({ queries: 1 });
});

test("forgets who asked longest ago of more callers than it keeps", () => {
  const recent = createRecent(() => 0, 1_000);
  for (let n = 0; n <= 50_000; n++) recent.note(String(n), "docs", 1);
  expect(recent.note("1", "docs", 1)).toMatchObject({ queries: 2 });
  expect(recent.note("0", "docs", 1)).toMatchObject({ queries: 1 });
});
