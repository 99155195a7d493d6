/** The number that stands for a look at fences is another one after each change of them. */
import { expect, test } from "@jest/globals";
import { nothingFenced } from "../../../sidecar/state/fences/fences.js";
import type { Fence } from "../../../sidecar/state/fences/fences.js";
import { createFenceRecords } from "../../../sidecar/state/fences/records.js";

const fence = (id: string, version = 1, state: Fence["state"] = "active", expires?: number): Fence => ({
  ...{ id, version, state, match: { subject: id }, reason: "r", by: "operator", at: 1 },
  ...(expires === undefined ? {} : { expires }),
});

test("it is nothing only while nothing is in force, and never one that was there before", () => {
  const records = createFenceRecords();
  expect(records.mark()).toBe(nothingFenced);
  const marks = new Set<number>();
  const changes = [
    fence("a"),
    fence("b"),
    fence("b", 2, "lifted"),
    fence("c", 1, "active", 5),
    fence("a", 2),
  ];
  for (const change of changes) {
    expect(records.take(change)).toBe(true);
    expect(records.mark()).not.toBe(nothingFenced);
    marks.add(records.mark());
  }
  expect(marks.size).toBe(changes.length);
  const before = records.mark();
  expect(records.take(fence("a", 1))).toBe(false);
  expect(records.mark()).toBe(before);
  records.take(fence("a", 3, "lifted"));
  expect(records.check(["subject:c"], 1)).toBeDefined();
  records.sweep(1e12);
  expect([records.mark(), records.check(["subject:c"], 1)]).toEqual([nothingFenced, undefined]);
  records.take(fence("d"));
  expect(marks.has(records.mark())).toBe(false);
});
