import { describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../../../sidecar/contract.js";
import { read } from "./lab.js";

const plain = { name: "a", unit: "requests", amount: 5, window: "60s" };

const right: { readonly name: string; readonly limit: JsonObject; readonly is: object }[] = [
  { name: "a window of seconds", limit: plain, is: { window: { kind: "fixed", ms: 60_000 } } },
  {
    name: "a sliding window",
    limit: { ...plain, window: "1h", sliding: true },
    is: { window: { kind: "sliding", ms: 3_600_000 } },
  },
  {
    name: "30 days",
    limit: { ...plain, window: "30d" },
    is: { window: { kind: "fixed", ms: 30 * 86_400_000 } },
  },
  {
    name: "a month in a zone",
    limit: { ...plain, window: { calendar: "month", time_zone: "Europe/Berlin" } },
    is: { window: { kind: "calendar", period: "month", timeZone: "Europe/Berlin" } },
  },
  { name: "a task's life", limit: { ...plain, window: "task" }, is: { window: { kind: "lifetime" } } },
  {
    name: "concurrency",
    limit: { name: "a", unit: "concurrent", amount: 2 },
    is: { window: { kind: "concurrent" } },
  },
  {
    name: "money",
    limit: { ...plain, unit: "cost", amount: "500.25", currency: "EUR" },
    is: { amount: 500_250_000_000, currency: "EUR" },
  },
  {
    name: "paths of the input",
    limit: { ...plain, per: ["tenant", "input.resource.properties.classification"] },
    is: { per: ["tenant", ["resource", "properties", "classification"]] },
  },
  {
    name: "a soft limit that warns",
    limit: { ...plain, soft: true, warn_at: 0.8 },
    is: { soft: true, warnAt: 0.8 },
  },
];

const wrong: { readonly name: string; readonly limits: readonly JsonObject[]; readonly at: string }[] = [
  { name: "a field that nobody knows", limits: [{ ...plain, burst: 5 }], at: "limits[0].burst" },
  { name: "a unit that nobody knows", limits: [{ ...plain, unit: "bytes" }], at: "limits[0].unit" },
  { name: "denials, which can't be held", limits: [{ ...plain, unit: "denials" }], at: "limits[0].unit" },
  { name: "no amount", limits: [{ name: "a", unit: "requests", window: "1m" }], at: "limits[0].amount" },
  { name: "a negative amount", limits: [{ ...plain, amount: -1 }], at: "limits[0].amount" },
  {
    name: "money as a number",
    limits: [{ ...plain, unit: "cost", amount: 5, currency: "EUR" }],
    at: "limits[0].amount",
  },
  {
    name: "money that isn't exact",
    limits: [{ ...plain, unit: "cost", amount: "99999999", currency: "EUR" }],
    at: "limits[0].amount",
  },
  {
    name: "money without a currency",
    limits: [{ ...plain, unit: "cost", amount: "5" }],
    at: "limits[0].currency",
  },
  { name: "no window", limits: [{ name: "a", unit: "requests", amount: 1 }], at: "limits[0].window" },
  { name: "a window of nothing", limits: [{ ...plain, window: "0s" }], at: "limits[0].window" },
  { name: "a window of years", limits: [{ ...plain, window: "9999d" }], at: "limits[0].window" },
  {
    name: "a calendar of years",
    limits: [{ ...plain, window: { calendar: "year" } }],
    at: "limits[0].window.calendar",
  },
  {
    name: "a zone that isn't",
    limits: [{ ...plain, window: { calendar: "day", time_zone: "Europe/Bonn" } }],
    at: "limits[0].window.time_zone",
  },
  {
    name: "tokens while calls are under way",
    limits: [{ ...plain, unit: "tokens", window: "concurrent" }],
    at: "limits[0].window",
  },
  {
    name: "a sliding month",
    limits: [{ ...plain, window: { calendar: "month" }, sliding: true }],
    at: "limits[0].sliding",
  },
  { name: "a dimension that nobody knows", limits: [{ ...plain, per: ["team"] }], at: "limits[0].per" },
  {
    name: "a condition that nobody knows",
    limits: [{ ...plain, when: { verbs: ["x"] } }],
    at: "limits[0].when.verbs",
  },
  {
    name: "a condition that never holds",
    limits: [{ ...plain, when: { tenants: [] } }],
    at: "limits[0].when.tenants",
  },
  { name: "one name twice", limits: [plain, plain], at: "limits[1].name" },
  { name: "a name that is no header's", limits: [{ ...plain, name: "a\r\nb" }], at: "limits[0].name" },
  { name: "a warning at all of it", limits: [{ ...plain, warn_at: 1 }], at: "limits[0].warn_at" },
];

describe("limits in the configuration", () => {
  test.each(right)("$name", ({ limit, is }) => {
    const { limits, problems } = read([limit]);
    expect(problems).toEqual([]);
    expect(limits[0]).toMatchObject(is);
  });

  test.each(wrong)("are refused: $name", ({ limits, at }) => {
    const { problems } = read([...limits]);
    expect(problems.map((problem) => problem.split(":")[0])).toContain(at);
  });
});
