/** Finds who has the most, in the same time however many there are. */

/** One that has something; the ranking's own fields are changed by nobody else. */
export interface Holder {
  bytes: number;
  rank: number;
  above: Holder | undefined;
  below: Holder | undefined;
}

/** Steps of a rank within a doubling: two of one rank differ by 1.1 %. */
const steps = 64;
/** Ranks up to 2^48 bytes. */
const ranks = 48 * steps;
/** Of one rank so many are compared. */
const compared = 16;

/** A ranking of holders by their bytes. `of` narrows what comes out to what was put in. */
export interface Ranking<T extends Holder> {
  /** Takes a holder in, or notes that its bytes changed. */
  moved(holder: T): void;
  removed(holder: T): void;
  /**
   * Gives the holder that has the most, or one whose bytes are within 1.1 % of that. INVARIANT: so it has at least 98.9 % of
   * an even share of what all have together.
   */
  largest(): T | undefined;
  clear(): void;
}

/** Creates an empty ranking: a list for each rank. Nothing in it depends on the number of holders. */
export function createRanking<T extends Holder>(): Ranking<T> {
  const lists: (Holder | undefined)[] = new Array<undefined>(ranks).fill(undefined);
  let top = 0;

  const unlink = (holder: Holder): void => {
    const { above, below, rank } = holder;
    if (above === undefined) {
      if (lists[rank] === holder) lists[rank] = below;
    } else above.below = below;
    if (below !== undefined) below.above = above;
    holder.above = holder.below = undefined;
  };
  return {
    moved(holder) {
      const rank = rankOf(holder.bytes);
      if (rank === holder.rank) return;
      if (holder.rank >= 0) unlink(holder);
      const first = lists[rank];
      holder.rank = rank;
      holder.below = first;
      if (first !== undefined) first.above = holder;
      lists[rank] = holder;
      if (rank > top) top = rank;
    },
    removed(holder) {
      if (holder.rank >= 0) unlink(holder);
      holder.rank = -1;
    },
    largest() {
      while (top > 0 && lists[top] === undefined) top--;
      let best = lists[top];
      let next = best?.below;
      for (let n = 1; n < compared && best !== undefined && next !== undefined; n++) {
        if (next.bytes > best.bytes) best = next;
        next = next.below;
      }
      // only what was moved is in the lists
      return best as T | undefined;
    },
    clear() {
      lists.fill(undefined);
      top = 0;
    },
  };
}

function rankOf(bytes: number): number {
  return bytes < 2 ? 0 : Math.min(ranks - 1, Math.floor(Math.log2(bytes) * steps));
}
