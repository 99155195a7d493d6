/** Keeps items in order in a ring that grows up to a size; `push` and `shift` take constant time. */
export interface Queue<Item> {
  push(item: Item): void;
  shift(): Item | undefined;
  size(): number;
}

/** Creates a queue for about `most` items; it grows by doubling and may pass `most` by its caller's choice. */
export function createQueue<Item>(most: number): Queue<Item> {
  let ring = new Array<Item | undefined>(Math.min(256, Math.max(2, most)));
  let first = 0;
  let count = 0;
  return {
    push(item) {
      if (count === ring.length) {
        const bigger = new Array<Item | undefined>(ring.length * 2);
        for (let i = 0; i < count; i++) bigger[i] = ring[(first + i) % ring.length];
        ring = bigger;
        first = 0;
      }
      ring[(first + count) % ring.length] = item;
      count++;
    },
    shift() {
      if (count === 0) return undefined;
      const item = ring[first];
      ring[first] = undefined;
      first = (first + 1) % ring.length;
      count--;
      return item;
    },
    size: () => count,
  };
}
