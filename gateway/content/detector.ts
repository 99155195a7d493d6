/** What turns text into facts: each detector counts kinds of things, and never says what they were. */

/** Where text stands in a request. */
export const roles = ["system", "user", "assistant", "tool", "retrieved", "other"] as const;
export type Role = (typeof roles)[number];

/** Kind → how many. */
export type Counts = Record<string, number>;

export interface Detector {
  readonly name: DetectorName;
  /** Changes whenever the same text may be counted otherwise; it goes into the record. */
  readonly version: string;
  readonly kinds: readonly string[];
  /** It needs no more than the beginning of a text, so many characters. */
  readonly sample?: number;
  /**
   * Counts what begins in `text` from `from` up to, not including, `to`; what is around is context. Takes time linear in the
   * text. `next` is where to go on: after what was counted last.
   */
  scan(
    text: string,
    from: number,
    to: number,
    role: Role,
  ): { readonly counts: Counts; readonly next: number };
}

export const detectorNames = ["pii", "secrets", "injection", "language"] as const;
export type DetectorName = (typeof detectorNames)[number];

/** How much of a text before and after a place decides what is found there, characters. */
export const reach = { before: 128, after: 20_480 } as const;
