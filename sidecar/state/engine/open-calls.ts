/** Calls that this process committed and whose outcome isn't there yet. */
import type { Reservation } from "./engine.js";

export interface OpenCall {
  /** Where something is held for it. */
  readonly prefixes: readonly string[];
  readonly holder?: string;
  readonly reserve: readonly Reservation[];
  readonly keepMs: number;
  /** Epoch milliseconds. */
  readonly until: number;
}

export interface OpenCalls {
  /** @returns the call that was given up for this one, where there are too many */
  add(decisionId: string, call: OpenCall): string | undefined;
  get(decisionId: string): OpenCall | undefined;
  delete(decisionId: string): void;
  /** Those of a holder. */
  of(holder: string): readonly string[];
  /** Those that are too old. */
  due(now: number): readonly string[];
  prefixes(): ReadonlySet<string>;
}

export function createOpenCalls(most: number): OpenCalls {
  const all = new Map<string, OpenCall>();
  const holders = new Map<string, Set<string>>();
  const remove = (id: string): void => {
    const holder = all.get(id)?.holder;
    all.delete(id);
    if (holder === undefined) return;
    const ids = holders.get(holder);
    ids?.delete(id);
    if (ids?.size === 0) holders.delete(holder);
  };
  return {
    add(id, call) {
      all.set(id, call);
      if (call.holder !== undefined) {
        const ids = holders.get(call.holder) ?? new Set();
        holders.set(call.holder, ids.add(id));
      }
      return all.size > most ? all.keys().next().value : undefined;
    },
    get: (id) => all.get(id),
    delete: remove,
    of: (holder) => [...(holders.get(holder) ?? [])],
    due: (now) => [...all].filter(([, { until }]) => until <= now).map(([id]) => id),
    prefixes: () => new Set([...all.values()].flatMap(({ prefixes }) => prefixes)),
  };
}
