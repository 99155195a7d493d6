/** How many calls a second the engine holds against a limit, and settles. */
import { randomUUID } from "node:crypto";
import type { Engine, Reservation } from "../../sidecar/state/engine/engine.js";

export interface Throughput {
  /** Calls held and settled, a second. */
  readonly rate: number;
  /** Beyond the amount. */
  readonly overshoot: number;
}

const reservation = (amount: number): Reservation => ({
  ...{
    name: "bench",
    key: randomUUID(),
    scope: "tenant",
    unit: "tokens",
    window: { kind: "fixed", ms: 3_600_000 },
  },
  ...{ amount, take: 10 },
});

/** @param atOnce calls under way */
export async function holdAndSettle(engine: Engine, calls: number, atOnce: number): Promise<Throughput> {
  // the last tenth is over
  const reserve = [reservation(calls * 9)];
  let left = calls;
  let held = 0;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const decisionId = randomUUID();
      const at = Date.now();
      const committed = await engine.commit({
        keys: { tenant: "t", lineage: [randomUUID()], holders: [], keepMs: 60_000, stickMs: 60_000 },
        rests: {},
        holder: "bench",
        calls: [
          {
            ...{ decisionId, allow: true, at, action: "model.invoke", resource: "model:m" },
            ...{ labels: {}, unlabel: [], reserve },
          },
        ],
      });
      if (committed.kind !== "committed") throw new Error(`the engine is ${committed.kind}`);
      if (committed.results[0]?.over !== undefined) continue;
      held += 10;
      engine.settle(decisionId, { units: { tokens: 10 }, known: true });
    }
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: atOnce }, one));
  const seconds = (performance.now() - from) / 1000;
  return { rate: Math.round(calls / seconds), overshoot: Math.max(0, held - calls * 9) };
}
