/** Epochs of one sidecar alone. */
import type { Epochs, EpochsChanged } from "./epochs.js";
import { createSweep } from "./sweep.js";
import { createEpochTable } from "./table.js";

export interface MemoryEpochsParts {
  /** Longest life of anything that is kept, milliseconds. */
  readonly longestMs: number;
  /** Most bumps that are told apart. */
  readonly most: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
}

/**
 * Creates epochs that end with the process: so does all that was kept in its memory, so that what a restart forgets reaches
 * nothing.
 */
export function createMemoryEpochs({ longestMs, most, now, clock }: MemoryEpochsParts): Epochs {
  const table = createEpochTable();
  const { sweep } = createSweep({ table, longestMs, clock });
  const listeners = new Set<(change: EpochsChanged) => void>();
  return {
    of: table.of,
    any: () => table.highest > 0,
    bump(asked, reason, by) {
      const at = now();
      if (table.size >= most) sweep(at);
      // one too many is one of everything: it costs time, and forgets all others
      const match = table.size >= most ? { everything: "*" } : asked;
      const bump = { number: table.highest + 1, match, reason, by, at };
      table.take(bump);
      if (match.everything !== undefined) sweep(at);
      for (const listener of listeners) {
        try {
          listener({ kind: "bumped", bumps: [bump] });
        } catch {
          // INVARIANT: the fault of one keeps a bump from nobody else
        }
      }
      return Promise.resolve({ kind: "done", bump });
    },
    listening: () => true,
    subscribe(listener) {
      listeners.add(listener);
      listener({ kind: "listening" });
      return () => listeners.delete(listener);
    },
    list: () => [...table.all()],
    close: () => Promise.resolve(),
  };
}
