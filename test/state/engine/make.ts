/** What tests of the engine ask for. */
import type {
  CallChange,
  Commit,
  Reservation,
  TaskKeys,
  Window,
} from "../../../sidecar/state/engine/engine.js";
import type { LabelOrigin } from "../../../sidecar/contract.js";

let made = 0;

export function keysOf(changes: Partial<TaskKeys> = {}): TaskKeys {
  return {
    tenant: "acme",
    lineage: [`t-${++made}`],
    holders: [],
    keepMs: 3_600_000,
    stickMs: 600_000,
    ...changes,
  };
}

export function callOf(changes: Partial<CallChange> = {}): CallChange {
  return {
    decisionId: `d-${++made}`,
    allow: true,
    at: 1_700_000_000_000,
    action: "tool.call",
    resource: "tool:web/fetch",
    labels: {},
    unlabel: [],
    reserve: [],
    ...changes,
  };
}

export function commitOf(
  keys: TaskKeys,
  call: Partial<CallChange> | readonly CallChange[] = {},
  changes: Partial<Commit> = {},
): Commit {
  const calls = Array.isArray(call) ? (call as readonly CallChange[]) : [callOf(call as Partial<CallChange>)];
  return { keys, rests: {}, calls, holder: "gateway-1", ...changes };
}

export const minute: Window = { kind: "fixed", ms: 60_000 };
export const lifetime: Window = { kind: "lifetime" };

export function reserveOf(changes: Partial<Reservation> = {}): Reservation {
  return {
    name: "budget",
    key: `k-${++made}`,
    scope: "tenant",
    unit: "tokens",
    window: lifetime,
    amount: 10,
    take: 1,
    ...changes,
  };
}

export function originOf(task: string): LabelOrigin {
  return {
    decision_id: "d-0",
    rules: ["r1"],
    action: "tool.call",
    resource: "tool:web/fetch",
    at: "2026-11-21T00:00:00Z",
    task,
  };
}

export function labelsOf(...names: string[]): Record<string, LabelOrigin> {
  return Object.fromEntries(names.map((name) => [name, originOf("t")]));
}
