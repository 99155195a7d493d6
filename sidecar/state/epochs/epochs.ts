/** Epochs of who asks: bumped to end what was kept for them. */
import type { EpochMatch, Handle } from "../../contract.js";

/** One bump. */
export interface Bump {
  /** Greater than those of all bumps before it. */
  readonly number: number;
  readonly match: EpochMatch;
  readonly reason: string;
  /** Who: an operator's id, `signal:<transmitter>`, `task`. */
  readonly by: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

export type BumpResult =
  | { readonly kind: "done"; readonly bump: Bump }
  /** It holds here, and isn't written yet where the fleet reads it; that is tried again. */
  | { readonly kind: "unwritten"; readonly bump: Bump };

/** What changed: bumps; or it can't be said what, and nothing that was kept counts; or whether all bumps are heard of. */
export type EpochsChanged =
  | { readonly kind: "bumped"; readonly bumps: readonly Bump[] }
  | { readonly kind: "missed" | "listening" | "deaf" };

export interface Epochs {
  /**
   * Gives the epoch of who is known by these handles: the greatest number of the bumps that reach any of them, 0 where none
   * does. Frozen arrays are remembered. INVARIANT: once a bump is known here, it is a number that was never given before.
   */
  of(handles: readonly Handle[]): number;
  /** Whether any was ever bumped, as far as is known here; while not, all epochs are 0. */
  any(): boolean;
  /** Bumps one; resolves once it holds here, and is written where the fleet reads it. */
  bump(match: EpochMatch, reason: string, by: string): Promise<BumpResult>;
  /** Whether each bump is heard of as it happens; what isn't a function of its key is reused only then. */
  listening(): boolean;
  /** Tells of each change; gives what ends that. */
  subscribe(listener: (change: EpochsChanged) => void): () => void;
  /** The bumps that still hold. */
  list(): readonly Bump[];
  close(): Promise<void>;
}
