/** Knows whether everything that ends the reuse of a decision is heard of now. */
import type { EpochChange, FenceChange } from "../../sidecar/contract.js";

export interface HearingParts {
  /** Told what was kept counts no more: all of it, or what is known by one of these handles. */
  readonly drop: (handles?: readonly string[]) => void;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
}

export interface Hearing {
  /** Whether decisions may be given again now. */
  readonly hears: () => boolean;
  /** Grows with each change: what was asked before one isn't kept after it. */
  readonly turn: () => number;
  /** Takes a change of epochs, policies or data. */
  epochs(change: EpochChange): void;
  /** Takes a change of fences; each is a sign of life, too. */
  fences(change: FenceChange): void;
  /** The link is gone. */
  lost(): void;
}

/** The sidecar gives a sign of life each second; after so many milliseconds without one, it counts as gone. */
const silentMs = 2_500;

/** INVARIANT: in doubt nothing is heard, and nothing is kept. */
export function createHearing({ drop, clock }: HearingParts): Hearing {
  let isTold = false;
  let isStale = false;
  let turn = 0;
  let beatAt = -Infinity;
  const changed = (handles?: readonly string[]): void => {
    turn++;
    drop(handles);
  };
  return {
    hears: () => isTold && !isStale && clock() - beatAt <= silentMs,
    turn: () => turn,
    epochs({ kind, handles }) {
      if (kind === "listening") isTold = true;
      if (kind === "deaf") isTold = false;
      changed(kind === "bumped" ? handles : undefined);
    },
    fences({ kind }) {
      beatAt = clock();
      if (kind === "stale") isStale = true;
      if (kind === "fresh" || kind === "all") isStale = false;
      if (kind !== "added" && kind !== "lifted") changed();
    },
    lost() {
      isTold = false;
      changed();
    },
  };
}
