/** The fences in force, and what is to be done about them. */
import type { ActiveFence, ErrorCode, FenceChange, FenceMatch, Handle } from "../../contract.js";

export interface Fence extends ActiveFence {
  /** Grows with each change of this fence; of two records of one fence the higher counts. */
  readonly version: number;
  readonly state: "active" | "lifted";
  readonly reason: string;
  /** Who set it: an operator's id, `rule:<name>`, `policy:<rule id>`, `signal:<transmitter>`. */
  readonly by: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Who lifted it, or asked for it where a second person must agree. */
  readonly lift?: { readonly by: string; readonly at: number; readonly agreed?: string };
}

export interface NewFence {
  readonly match: FenceMatch;
  readonly reason: string;
  readonly by: string;
  /** Seconds; absent: until lifted. */
  readonly seconds?: number;
  /** Epoch milliseconds: what was issued since isn't reached. */
  readonly issued_before?: number;
}

/** {@link Fences.mark} where nothing is fenced off. */
export const nothingFenced = 0;

export interface Fences {
  /**
   * Names what is fenced off now: while it stays the same, {@link check} finds nothing that it didn't find before for the same
   * handles. {@link nothingFenced}: it finds nothing at all. Undefined: it must be asked each time.
   */
  mark(): number | undefined;
  /**
   * Finds what cuts a call off, in a time that doesn't depend on how many fences there are. `fences_stale`: whether there
   * is one can't be known now, and the configuration says to deny then.
   */
  check(handles: readonly Handle[]): ActiveFence | "fences_stale" | undefined;
  /** Adds one; resolves once it is in force here and written where the fleet reads it. */
  add(fence: NewFence): Promise<FenceResult>;
  /** Lifts one, or notes that one asked for it where a second must agree. */
  lift(id: string, by: string): Promise<FenceResult>;
  list(): readonly Fence[];
  /** Tells of each change, and at once of all that are in force, and whether that is all; gives what ends that. */
  subscribe(listener: (change: FenceChange) => void): () => void;
  close(): Promise<void>;
}

export type FenceResult =
  | { readonly kind: "done" | "waits"; readonly fence: Fence }
  /** It is in force here, but could not be written. */
  | { readonly kind: "unwritten"; readonly fence: Fence }
  | { readonly kind: "refused"; readonly code: ErrorCode };
