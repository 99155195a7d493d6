/** What enforcement points that reuse decisions are told. */
import type { EpochChange } from "../contract.js";
import { bumpedHandles } from "../contract.js";
import type { Epochs } from "../state/epochs/epochs.js";

export interface News {
  /** Tells of each change, and at once whether all are heard of here; gives what ends that. */
  subscribe(listener: (change: EpochChange) => void): () => void;
  /** Says that decisions may be others now: policies, data, or what credentials are verified by. */
  changed(): void;
}

export function createNews(epochs: Pick<Epochs, "subscribe">): News {
  const listeners = new Set<(change: EpochChange) => void>();
  const tell = (change: EpochChange): void => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch {
        // INVARIANT: the fault of one keeps news from nobody else, and stops no change
      }
    }
  };
  let last: EpochChange = { kind: "deaf", handles: [] };
  epochs.subscribe((change) => {
    if (change.kind === "bumped") {
      const handles = change.bumps.flatMap(({ match }) => bumpedHandles(match));
      tell({ kind: "bumped", handles });
    } else if (change.kind === "missed") tell({ kind: "changed", handles: [] });
    else tell((last = { kind: change.kind, handles: [] }));
  });
  return {
    subscribe(listener) {
      listeners.add(listener);
      listener(last);
      return () => listeners.delete(listener);
    },
    changed() {
      tell({ kind: "changed", handles: [] });
    },
  };
}
