/** Bounded records by id that end with time. */

/** INVARIANT: to make room it forgets only what has ended, or what was put there as slight. */
export interface Shelf<T> {
  get(id: string): T | undefined;
  /** Puts a record; a slight one may be forgotten for another's sake, the oldest first. */
  set(id: string, record: T, slight: boolean): void;
  /** Whether there is room for so many more. */
  room(more: number, now: number): boolean;
  delete(id: string): void;
  entries(): IterableIterator<[string, T]>;
  readonly size: number;
}

/** Records that are looked at with each request for room. */
const swept = 4;

/** Creates an empty shelf. */
export function createShelf<T extends { readonly expires: number }>(most: number): Shelf<T> {
  const kept = new Map<string, T>();
  const slights = new Map<string, T>();
  let cursor = kept.entries();
  let fullAt = -Infinity;

  const sweep = (looks: number, now: number): void => {
    for (let n = 0; n < looks; n++) {
      const next = cursor.next();
      if (next.done === true) {
        cursor = kept.entries();
        return;
      }
      const [id, { expires }] = next.value;
      if (expires <= now) kept.delete(id);
    }
  };
  const sweepSlights = (looks: number, now: number): void => {
    for (const [id, { expires }] of slights) {
      if (looks-- <= 0 || expires > now) return;
      slights.delete(id);
    }
  };

  return {
    get: (id) => kept.get(id) ?? slights.get(id),
    set(id, record, slight) {
      if (slight) {
        kept.delete(id);
        slights.set(id, record);
      } else {
        slights.delete(id);
        kept.set(id, record);
      }
    },
    room(more, now) {
      sweep(swept, now);
      sweepSlights(swept, now);
      if (kept.size + slights.size + more <= most) return true;
      for (const id of slights.keys()) {
        slights.delete(id);
        if (kept.size + slights.size + more <= most) return true;
      }
      // all of it at most once a second: it may be much
      if (now >= fullAt && now - fullAt < 1_000) return false;
      fullAt = now;
      cursor = kept.entries();
      sweep(most, now);
      return kept.size + slights.size + more <= most;
    },
    delete(id) {
      kept.delete(id);
      slights.delete(id);
    },
    entries: () => new Map([...slights, ...kept]).entries(),
    get size() {
      return kept.size + slights.size;
    },
  };
}
