/** What is kept until its boundary: the results are OPA's at the same instant, and none changes before its boundary. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../../../properties.js";
import { parseJson, stringifyJson } from "../../../../sidecar/contract.js";
import type { Json } from "../../../../sidecar/contract.js";
import type { Answer } from "../../../../sidecar/decide/answer.js";
import { serveBuiltins } from "../../../../sidecar/decide/builtins/serve.js";
import type { Policy } from "../../../../sidecar/decide/policy.js";
import { loadPolicy } from "../../../../sidecar/decide/policy.js";
import { createToolchain } from "../../../../sidecar/rego/toolchain.js";
import { library, policy as text, shapes } from "./shapes.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

const files = { "p.rego": text, "lib.rego": library };
let nowNs = 0n;
let policy: Policy;

beforeAll(async () => {
  const built = await toolchain.build({ files, entrypoints: shapes.map((_, i) => `p/r${i}`) });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const { wasm, data, entrypoints } = built.result;
  const unbounded = entrypoints.filter(({ path, clock }) => path.startsWith("p/r") && clock !== "bounded");
  expect(unbounded.map(({ path }) => shapes[Number(path.slice(3))]?.name)).toEqual([]);
  policy = loadPolicy({
    wasm: new Uint8Array(Buffer.from(wasm, "base64")),
    data,
    budget: 1_000_000,
    maxPages: 512,
    builtins: serveBuiltins(),
    nowNs: () => nowNs,
  });
});

interface Case {
  readonly x: string;
  readonly tz: string;
}

function ask(shape: number, { x, tz }: Case, at: bigint): Answer {
  nowNs = at;
  const answer = policy.evaluate(`p/r${shape}`, { x: parseJson(x), tz } as Json);
  if (answer.kind === "pending" || answer.kind === "failed") throw new Error(JSON.stringify(answer));
  return answer;
}

const shown = (answer: Answer): string =>
  answer.kind === "value" ? stringifyJson(answer.value) : answer.kind;

const ns = (date: string): bigint => BigInt(Date.parse(date)) * 1_000_000n;

/** Ordinary days, both changes of the clock in two zones, days of no rule, and ends of ranges. */
const instants = [
  ...["2025-11-21T06:07:48.123Z", "2026-07-01T00:00:00Z", "2026-03-29T00:59:59.999Z", "2026-03-29T01:00:00Z"],
  ...["2026-03-28T22:59:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-24T22:00:00Z"],
  ...["2026-03-08T06:59:59.999Z", "2026-03-08T05:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z"],
  ...["1970-01-01T00:00:00Z", "2038-01-19T03:14:07.999Z", "2200-02-28T23:59:59Z"],
].map(ns);
const zones = ["UTC", "", "Europe/Zurich", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"];
const distances = [
  0n,
  1n,
  999n,
  1_000n,
  500_000n,
  1_000_000n,
  1_000_000_000n,
  59_000_000_000n,
  3_600_000_000_000n,
];
const odd = [
  ...["0", "-1", "1e3", "-5e17", "1e30", "-1e30", "1e400", "-1e400", "0.1", "1763705268.123456789"],
  ...[
    '"x"',
    "null",
    "true",
    "[]",
    "{}",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
  ],
  ...["1763705268123456789.25", "1.7637052681234567e18", "123456789012345678901234567890.5"],
];

/** Nanoseconds after them. */
const jitters = [0n, 1n, 456_789n, 999_999_999n];
/** A case near an instant, in a shape's unit. */
const cases = fc.record({
  tz: fc.constantFrom(...zones),
  distance: fc.constantFrom(...distances),
  later: fc.boolean(),
  odd: fc.option(fc.constantFrom(...odd), { freq: 6 }),
  fraction: fc.boolean(),
});

function near(value: bigint, unit: bigint, fraction: boolean): string {
  if (unit <= 1n) return value.toString();
  const negative = value < 0n;
  const size = negative ? -value : value;
  const rest = ((size % unit) * 1_000_000_000n) / unit;
  const whole = `${negative ? "-" : ""}${size / unit}`;
  return fraction ? `${whole}.${rest.toString().padStart(9, "0")}` : whole;
}

interface Sample {
  readonly shape: number;
  readonly at: bigint;
  readonly given: Case;
}

/** So many for each, of each shape: in `make test-all` far more. */
const isLong = process.env["DIFFERENTIAL_RUNS"] !== undefined;
const perInstant = !isLong ? 6 : 20;

function samples(seed: number): Sample[] {
  return fc.sample(cases, { numRuns: instants.length * perInstant, seed }).flatMap((one, n) => {
    // instants in blocks, so that OPA is asked once for each
    const block = Math.floor(n / perInstant);
    const at = (instants[block] ?? 0n) + (jitters[block % jitters.length] ?? 0n);
    return shapes.map(({ unit }, shape): Sample => {
      const moved = (unit === 0n ? 0n : at) + (one.later ? one.distance : -one.distance);
      return { shape, at, given: { x: one.odd ?? near(moved, unit, one.fraction), tz: one.tz } };
    });
  });
}

const all = samples(11);

describe("comparisons with the clock, and the time of day", () => {
  test("are OPA's at the same instant", async () => {
    const byInstant = new Map<bigint, Sample[]>();
    for (const one of all) byInstant.set(one.at, [...(byInstant.get(one.at) ?? []), one]);
    const different: unknown[] = [];
    let compared = 0;
    const parts = [...byInstant]
      .filter((_, n) => isLong || n % 4 === 0)
      .flatMap(([at, some]) => partsOf(some, 500).map((part) => [at, part] as const));
    for (const [at, some] of parts) {
      const asked = shapes.map((_, shape) => some.filter((one) => one.shape === shape));
      const queries = asked.map((of, shape) => {
        if (of.length === 0) return "[]";
        const inputs = of.map(({ given: { x, tz } }) => `{"x": ${x}, "tz": "${tz}"}`);
        return `[r | c := [${inputs.join(", ")}][_]; r := [v | v := data.p.r${shape} with input as c]]`;
      });
      const query = `[${queries.join(", ")}]`;
      const outcome = await toolchain.evaluate({ files, query, now_ns: at.toString() });
      if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
      const [results] = outcome.result.results as [readonly (readonly (readonly unknown[])[])[]];
      for (const [shape, of] of asked.entries()) {
        for (const [i, one] of of.entries()) {
          const got = shown(ask(shape, one.given, at));
          const opa = results[shape]?.[i]?.[0];
          const wanted = opa === undefined ? "undefined" : JSON.stringify(opa);
          if (got !== wanted) different.push({ ...told(one), got, wanted });
          compared++;
        }
      }
    }
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(1_900);
  }, 300_000);

  test("stay the same until their boundary, to the last nanosecond of the last millisecond", () => {
    let bounded = 0;
    const different: unknown[] = [];
    for (const one of all) {
      const { shape, given, at } = one;
      const answer = ask(shape, given, at);
      if (answer.kind === "failed") continue;
      const end = answer.until === undefined ? undefined : BigInt(answer.until) * 1_000_000n;
      // what is good for this instant only isn't kept
      if (end !== undefined && end <= at) continue;
      const last = end ?? at + 40_000_000_000_000_000n;
      if (end !== undefined) bounded++;
      const later = [
        at + 1n,
        at + (last - at) / 2n,
        at + ((last - at) * 4n) / 5n,
        last - 1_000_000n,
        last - 1n,
      ];
      for (const then of later.filter((then) => then > at && then < last)) {
        const got = shown(ask(shape, given, then));
        if (got !== shown(answer)) different.push({ ...told(one), then, got, before: shown(answer) });
      }
    }
    expect(different).toEqual([]);
    expect(bounded).toBeGreaterThan(500);
  }, 300_000);

  test("are soon over: what is kept is kept nearly until it changes", () => {
    // the earliest of two seconds, for what is rounded to them; else a millisecond
    const early = shapes.map(({ name }) => (name.includes("whole") || name.includes("rounded") ? 2_001 : 1));
    const missed: unknown[] = [];
    for (const one of all) {
      const { shape, given, at } = one;
      if (shapes[shape]?.unit !== 1_000_000_000n || /^[^0-9-]|e/.test(given.x)) continue;
      const answer = ask(shape, given, at);
      if (answer.kind === "failed" || answer.until === undefined) continue;
      const end = BigInt(answer.until) * 1_000_000n;
      if (end <= at || end - at > 10n ** 15n) continue;
      const changed = shown(ask(shape, given, end + BigInt(early[shape] ?? 0) * 1_000_000n + 1_000_000n));
      if (changed === shown(answer)) missed.push({ ...told(one), until: answer.until });
    }
    expect(missed).toEqual([]);
  });
});

function partsOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
}

function told({ shape, at, given }: Sample): object {
  return { shape: shapes[shape]?.name, at, ...given };
}
