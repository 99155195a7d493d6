/** Policies that read the clock, over HTTP: what is bounded is kept until its boundary and not longer, what isn't is never kept. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";

const rego = `package hours

# METADATA
# entrypoint: true
open if {
	here := [time.now_ns(), "Europe/Zurich"]
	not time.weekday(here) in {"Saturday", "Sunday"}
	[hour, _, _] := time.clock(here)
	hour >= 8
	hour < 18
}

# METADATA
# entrypoint: true
state := "open" if open
else := "closed"

# METADATA
# entrypoint: true
token := {"valid": valid}

default valid := false

valid if {
	now := time.now_ns() / 1000000000
	now >= input.nbf
	now < input.exp
}

# METADATA
# entrypoint: true
stamped := {"at": time.now_ns()}

# METADATA
# entrypoint: true
# custom:
#   cache:
#     ttl: 20
wished := {"at": time.now_ns()}
`;

let now = Date.parse("2026-01-05T09:00:00Z");
let folder: string;
let sidecar: Sidecar;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-clock-"));
  await writeFile(join(folder, "hours.rego"), rego);
  sidecar = await startSidecar({
    bundles: [`hours=${folder}`],
    addresses: ["127.0.0.1:0"],
    diagnosticAddresses: ["127.0.0.1:0"],
    config: { decision_logs: { console: false }, cache: { ttl: 86_400, deny_ttl: 86_400 } },
    sets: [],
    watch: false,
    log: { level: "error", format: "json" },
    version: "test",
    now: () => now,
  });
});
afterAll(async () => {
  await sidecar.close();
  await rm(folder, { recursive: true, force: true });
});

async function ask(path: string, at: string | number, input: object = {}): Promise<unknown> {
  now = typeof at === "number" ? at : Date.parse(at);
  const answer = await fetch(`${sidecar.addresses[0] ?? ""}/v1/data/hours/${path}`, {
    method: "POST",
    body: JSON.stringify({ input: { ...input, trace: Math.random() } }),
  });
  return ((await answer.json()) as { result?: unknown }).result;
}

/** Lookups in memory that found something, and those that didn't, since the last time it was asked. */
async function lookups(): Promise<{ hits: number; misses: number }> {
  const text = await sidecar.metrics.text();
  const count = (result: string): number =>
    text
      .split("\n")
      .filter((line) => /^countersign_cache_total\{/.test(line) && line.includes('"l1"'))
      .filter((line) => line.includes(`"${result}"`))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  const found = { hits: count("hit") - told.hits, misses: count("miss") - told.misses };
  told.hits += found.hits;
  told.misses += found.misses;
  return found;
}
const told = { hits: 0, misses: 0 };

describe("over HTTP", () => {
  test("working hours are kept within the hour and change at their boundary", async () => {
    await lookups();
    expect(await ask("state", "2026-01-05T16:00:00.000Z")).toBe("open");
    // the cache ends a life early by up to a tenth, so that not all end together
    expect(await ask("state", "2026-01-05T16:53:59.999Z")).toBe("open");
    expect(await lookups()).toEqual({ hits: 1, misses: 1 });
    expect(await ask("state", "2026-01-05T16:59:59.999Z")).toBe("open");
    await lookups();
    expect(await ask("state", "2026-01-05T17:00:00.000Z")).toBe("closed");
    expect(await ask("state", "2026-01-05T17:30:00.000Z")).toBe("closed");
    expect(await lookups()).toEqual({ hits: 1, misses: 1 });
  });

  test("on the day on which the clocks change, by local time", async () => {
    // Monday after the change: 08:00 is 06:00 in UTC, on Friday before it was 07:00
    expect(await ask("state", "2026-03-27T06:59:59.999Z")).toBe("closed");
    expect(await ask("state", "2026-03-27T07:00:00.000Z")).toBe("open");
    expect(await ask("state", "2026-03-29T00:30:00.000Z")).toBe("closed");
    expect(await ask("state", "2026-03-30T05:59:59.999Z")).toBe("closed");
    expect(await ask("state", "2026-03-30T06:00:00.000Z")).toBe("open");
  });

  test("a token's window flips exactly at its ends", async () => {
    const window = { nbf: 1_790_000_000, exp: 1_790_003_600 };
    await lookups();
    expect(await ask("token", 1_789_999_000_000, window)).toEqual({ valid: false });
    expect(await ask("token", 1_789_999_899_000, window)).toEqual({ valid: false });
    expect(await lookups()).toEqual({ hits: 1, misses: 1 });
    expect(await ask("token", 1_789_999_999_998, window)).toEqual({ valid: false });
    expect(await ask("token", 1_789_999_999_999, window)).toEqual({ valid: false });
    expect(await ask("token", 1_790_000_000_000, window)).toEqual({ valid: true });
    // at the boundary itself nothing is kept
    expect(await ask("token", 1_790_000_000_001, window)).toEqual({ valid: true });
    await lookups();
    expect(await ask("token", 1_790_003_200_000, window)).toEqual({ valid: true });
    expect(await lookups()).toEqual({ hits: 1, misses: 0 });
    expect(await ask("token", 1_790_003_599_998, window)).toEqual({ valid: true });
    expect(await ask("token", 1_790_003_599_999, window)).toEqual({ valid: true });
    expect(await ask("token", 1_790_003_600_000, window)).toEqual({ valid: false });
    expect(await ask("token", 1_790_009_600_000, window)).toEqual({ valid: false });
  });

  test("what was kept isn't used where the clock was set back", async () => {
    const window = { nbf: 1_800_000_000, exp: 1_800_003_600 };
    expect(await ask("token", 1_800_000_001_000, window)).toEqual({ valid: true });
    expect(await ask("token", 1_799_999_999_000, window)).toEqual({ valid: false });
    expect(await ask("token", 1_800_000_001_000, window)).toEqual({ valid: true });
    expect(await ask("state", "2027-02-01T17:00:01Z")).toBe("closed");
    expect(await ask("state", "2027-02-01T16:59:59Z")).toBe("open");
    expect(await ask("wished", 1_800_000_001_000)).toEqual({ at: 1_800_000_001_000_000_000 });
    expect(await ask("wished", 1_800_000_000_000)).toEqual({ at: 1_800_000_000_000_000_000 });
  });

  test("what has no bound is kept where METADATA says for how long, and else never", async () => {
    await lookups();
    const at = 1_810_000_000_000;
    expect(await ask("stamped", at)).toEqual({ at: at * 1e6 });
    expect(await ask("stamped", at + 1)).toEqual({ at: (at + 1) * 1e6 });
    expect(await lookups()).toEqual({ hits: 0, misses: 0 });
    expect(await ask("wished", at + 2)).toEqual({ at: (at + 2) * 1e6 });
    expect(await ask("wished", at + 17_999)).toEqual({ at: (at + 2) * 1e6 });
    expect(await ask("wished", at + 20_002)).toEqual({ at: (at + 20_002) * 1e6 });
  });
});
