/** What a decision asks of the engine. */
import type { CallChange, Engine, Reservation, TaskKeys } from "../../sidecar/state/engine/engine.js";

/** One decision; undefined where nothing is waited for. */
export type Step = (engine: Engine) => Promise<unknown> | undefined;

let made = 0;

/** A task of a chain of two, of a user's agent. */
export function taskOf(n: number): TaskKeys {
  return {
    tenant: "acme",
    lineage: [`task-0000000000000000-${n}`],
    holders: [`holder-0000000000000000-${n}`],
    keepMs: 7_200_000,
    stickMs: 900_000,
  };
}

export function callOf(reserve: readonly Reservation[] = [], labels: CallChange["labels"] = {}): CallChange {
  return {
    decisionId: `00000000-0000-4000-8000-${String(++made).padStart(12, "0")}`,
    ...{ allow: true, at: Date.now(), action: "tool.call", resource: "tool:web/fetch" },
    ...{ server: "web", tool: `web/tool-${made % 8}`, labels, unlabel: [], reserve },
  };
}

/** Two limits: tokens of a user in an hour, and requests of a tenant in a minute. */
function reservations(n: number): Reservation[] {
  const scope = "tenant";
  return [
    {
      ...{ name: "user-tokens", key: `user-tokens:${n}`, scope, unit: "tokens" },
      ...{ window: { kind: "sliding", ms: 3_600_000 }, amount: 2 ** 40, take: 1_500 },
    },
    {
      ...{ name: "tenant-requests", key: "tenant-requests:acme", scope, unit: "requests" },
      ...{ window: { kind: "fixed", ms: 60_000 }, amount: 2 ** 40, take: 1 },
    },
  ];
}

const actual = { units: { requests: 1, input_tokens: 700, output_tokens: 300 }, known: true };
const holder = "gateway";
let turn = 0;

/** The steps, by what they are; each goes over so many tasks. */
export function stepsOf(tasks: number): readonly (readonly [name: string, step: Step])[] {
  const keys = Array.from({ length: tasks }, (_, n) => taskOf(n));
  const next = (): TaskKeys => keys[turn++ % tasks] ?? taskOf(0);
  return [
    [
      "read only",
      (engine) => {
        const snapshot = engine.read(next());
        return snapshot instanceof Promise ? snapshot : undefined;
      },
    ],
    [
      "a step of a task, not waited for",
      (engine) => {
        engine.note({ keys: next(), rests: {}, calls: [callOf()] });
        // as many as are answered
        return engine.state === "alone" ? undefined : new Promise((resolve) => setImmediate(resolve));
      },
    ],
    [
      "a decision that rests on labels and activity",
      async (engine) => {
        const task = next();
        for (;;) {
          const snapshot = await engine.read(task);
          if (snapshot === "unavailable") throw new Error(snapshot);
          const call = callOf();
          const done = await engine.commit({
            keys: task,
            rests: snapshot.seen,
            calls: [{ ...call, quiet: false }],
          });
          if (done.kind === "committed") return;
          if (done.kind !== "stale") throw new Error(done.kind);
        }
      },
    ],
    [
      "the same with two limits, settled",
      async (engine) => {
        const n = turn;
        const task = next();
        for (;;) {
          const snapshot = await engine.read(task);
          if (snapshot === "unavailable") throw new Error(snapshot);
          const call = callOf(reservations(n % tasks));
          const done = await engine.commit({ keys: task, rests: snapshot.seen, calls: [call], holder });
          if (done.kind === "stale") continue;
          if (done.kind !== "committed") throw new Error(done.kind);
          engine.settle(call.decisionId, actual);
          return;
        }
      },
    ],
  ];
}
