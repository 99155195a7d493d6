import { describe, expect, test } from "@jest/globals";
import { endOf, notBefore, periodOf, slotOf } from "../../../sidecar/state/engine/windows.js";

const iso = (text: string): number => Date.parse(text);
const span = (period: "day" | "week" | "month", zone: string, at: string): string[] => {
  const { start, end } = periodOf(period, zone, iso(at));
  return [new Date(start).toISOString(), new Date(end).toISOString()];
};

describe.each<["day" | "week" | "month", string, string, string, string]>([
  ["day", "UTC", "2026-11-21T23:59:59.999Z", "2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z"],
  // clocks go forward: a day of 23 hours
  ["day", "Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"],
  // clocks go back: a day of 25 hours
  ["day", "Europe/Berlin", "2026-10-25T10:00:00Z", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"],
  // midnight doesn't exist on that day
  ["day", "Africa/Cairo", "2025-04-25T10:00:00Z", "2025-04-24T22:00:00.000Z", "2025-04-25T21:00:00.000Z"],
  [
    "day",
    "America/Sao_Paulo",
    "2018-11-04T12:00:00Z",
    "2018-11-04T03:00:00.000Z",
    "2018-11-05T02:00:00.000Z",
  ],
  // midnight comes twice: the day before goes on
  ["day", "America/Havana", "2025-11-02T12:00:00Z", "2025-11-02T04:00:00.000Z", "2025-11-03T05:00:00.000Z"],
  ["day", "Asia/Kathmandu", "2026-01-01T18:14:00Z", "2025-12-31T18:15:00.000Z", "2026-01-01T18:15:00.000Z"],
  // a date that a zone left out
  ["day", "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00.000Z", "2011-12-31T10:00:00.000Z"],
  ["week", "UTC", "2026-11-22T23:00:00Z", "2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"],
  [
    "week",
    "America/New_York",
    "2026-03-10T12:00:00Z",
    "2026-03-09T04:00:00.000Z",
    "2026-03-16T04:00:00.000Z",
  ],
  [
    "week",
    "America/New_York",
    "2026-03-07T12:00:00Z",
    "2026-03-02T05:00:00.000Z",
    "2026-03-09T04:00:00.000Z",
  ],
  ["week", "UTC", "2027-01-01T00:00:00Z", "2026-12-28T00:00:00.000Z", "2027-01-04T00:00:00.000Z"],
  ["month", "Europe/Berlin", "2026-03-31T22:30:00Z", "2026-03-31T22:00:00.000Z", "2026-04-30T22:00:00.000Z"],
  ["month", "Asia/Tokyo", "2026-12-31T15:00:00Z", "2026-12-31T15:00:00.000Z", "2027-01-31T15:00:00.000Z"],
  ["month", "UTC", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
])("%s in %s at %s", (period, zone, at, start, end) => {
  test("has its bounds", () => {
    expect(span(period, zone, at)).toEqual([start, end]);
  });
});

test.each(["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Casablanca"])(
  "days in %s follow one another without a gap",
  (zone) => {
    let { end } = periodOf("day", zone, iso("2017-12-31T12:00:00Z"));
    for (let n = 0; n < 400; n++) {
      const next = periodOf("day", zone, end);
      expect(next.start).toBe(end);
      expect(next.end - next.start).toBeGreaterThanOrEqual(22 * 3_600_000);
      end = next.end;
    }
  },
);

test("no time zone is refused", () => {
  expect(() => periodOf("day", "Mars/Olympus", 0)).toThrow(RangeError);
});

test("a slot moves to the newest one, with all that still counts", () => {
  expect(notBefore({ bucket: 5, floor: 3 }, 9)).toEqual({ bucket: 9, floor: 7 });
  expect(notBefore({ bucket: 5, floor: 3 }, 4)).toEqual({ bucket: 5, floor: 3 });
});

test("a sliding window keeps each part until all of it has left, at most 1/32 longer", () => {
  for (const ms of [1, 31, 32, 1_000, 60_000, 86_400_000]) {
    for (let at = 1_790_000_000_000; at < 1_790_000_000_000 + 50; at += 7) {
      const { bucket } = slotOf({ kind: "sliding", ms }, at);
      const end = endOf({ kind: "sliding", ms }, bucket) ?? 0;
      expect(slotOf({ kind: "sliding", ms }, at + ms - 1).floor).toBeLessThanOrEqual(bucket);
      expect(slotOf({ kind: "sliding", ms }, end).floor).toBeGreaterThan(bucket);
      expect(slotOf({ kind: "sliding", ms }, end - 1).floor).toBeLessThanOrEqual(bucket);
      expect(end - at).toBeLessThanOrEqual(ms + Math.ceil(ms / 32));
    }
  }
});
