/** Whatever is done in whatever order: counts are those of a naive model. */
import { expect, test } from "@jest/globals";
import { createMemoryEngine } from "../../../sidecar/state/engine/memory.js";
import type { Reservation } from "../../../sidecar/state/engine/engine.js";
import { sleep } from "../../redis.js";
import { callOf, commitOf, keysOf, lifetime } from "./make.js";

/** Numbers that are the same in each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Line {
  readonly key: string;
  held: number;
  told: number;
}

test.each(Array.from({ length: 12 }, (_, seed) => seed))("sequence %i", async (seed) => {
  const next = random(seed + 1);
  const engine = createMemoryEngine({ now: () => 1_790_000_000_000, graceMs: 0 });
  const amounts: Record<string, number> = { a: 60, b: 25, c: 9 };
  const used: Record<string, number> = { a: 0, b: 0, c: 0 };
  const open = new Map<string, { readonly holder: string; readonly lines: Line[]; lapsed: boolean }>();
  const keys = keysOf();
  const taskTotals = { requests: 0, denials: 0 };

  const reserveOf = (key: string, take: number): Reservation => ({
    name: key,
    key,
    scope: key === "c" ? "fleet" : "tenant",
    unit: "tokens",
    window: lifetime,
    amount: amounts[key] ?? 0,
    take,
  });
  const some = (): string | undefined => [...open.keys()][next(open.size)];

  for (let n = 0; n < 150; n++) {
    switch (next(6)) {
      case 0:
      case 1:
      case 2: {
        const lines = ["a", "b", "c"]
          .filter(() => next(2) === 0)
          .map((key) => ({ key, held: next(9), told: 0 }));
        const holder = `h${next(3)}`;
        const call = callOf({ reserve: lines.map(({ key, held }) => reserveOf(key, held)) });
        const done = engine.commit(commitOf(keys, [call], { holder }));
        const fits = lines.every(
          ({ key, held }) => (used[key] ?? 0) + held <= (amounts[key] ?? 0) || held === 0,
        );
        expect(done.kind === "committed" && done.results[0]?.over === undefined).toBe(fits);
        taskTotals.requests++;
        if (!fits) taskTotals.denials++;
        else {
          for (const { key, held } of lines) used[key] = (used[key] ?? 0) + held;
          open.set(call.decisionId, { holder, lines, lapsed: false });
        }
        break;
      }
      case 3: {
        const id = some();
        if (id === undefined) break;
        const tokens = next(12);
        const known = next(3) > 0;
        engine.settle(id, known ? { units: { tokens }, known } : { units: {}, known });
        for (const line of open.get(id)?.lines ?? []) {
          if (known) used[line.key] = (used[line.key] ?? 0) + tokens - line.held;
        }
        open.delete(id);
        engine.settle(id, { units: { tokens: 1_000 }, known: true });
        break;
      }
      case 4: {
        const id = some();
        if (id === undefined) break;
        const call = open.get(id);
        const tokens = next(6);
        const { kind } = await engine.extend(id, { tokens });
        if (call === undefined || call.lapsed) {
          expect(kind).toBe("unknown");
          break;
        }
        const fits = call.lines.every(
          ({ key }) => tokens === 0 || (used[key] ?? 0) + tokens <= (amounts[key] ?? 0),
        );
        expect(kind).toBe(fits ? "extended" : "over");
        for (const line of call.lines) {
          line.told = line.held;
          if (!fits) continue;
          line.held += tokens;
          used[line.key] = (used[line.key] ?? 0) + tokens;
        }
        break;
      }
      default: {
        if (next(8) > 0) break;
        const holder = `h${next(3)}`;
        engine.gone(holder);
        await sleep(3);
        for (const call of open.values()) {
          if (call.holder !== holder || call.lapsed) continue;
          for (const line of call.lines) {
            used[line.key] = (used[line.key] ?? 0) - line.held + line.told;
            line.held = line.told;
          }
          call.lapsed = true;
        }
      }
    }
    const soft = Object.keys(amounts).map((key) => ({ ...reserveOf(key, 0), soft: true, amount: 1_000_000 }));
    const seen = engine.commit(commitOf(keysOf(), { quiet: true, reserve: soft }, { holder: "test" }));
    const counted =
      seen.kind === "committed" ? seen.results[0]?.limits.map((one) => 1_000_000 - one.remaining) : [];
    expect(counted).toEqual(Object.values(used));
  }
  expect(engine.read(keys).activity).toMatchObject(taskTotals);
  await engine.close();
});
