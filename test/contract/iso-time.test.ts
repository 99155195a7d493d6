/** Times are written as the language writes them. */
import { expect, test } from "@jest/globals";
import { isoTime } from "../../sidecar/contract.js";

test("as Date writes them, in whatever order they come", () => {
  const times = [
    0, 999, 1_000, 1_795_305_600_000, 1_795_305_600_007.9, 1_795_305_600_070, 253_402_300_800_000, -1,
  ];
  for (let n = 0; n < 2_000; n++) times.push((n * 7_919_777) % 9e12, 1_795_305_600_000 + n * 37);
  for (const at of [...times, ...times.toReversed()]) expect(isoTime(at)).toBe(new Date(at).toISOString());
  for (const at of [NaN, Infinity, 8.64e15 + 1_000]) expect(() => isoTime(at)).toThrow(RangeError);
});
