/**
 * Options of an `LRUCache` that holds so many entries, and takes room as they come: `max` takes it all at once, which was most of
 * what a gateway's start cost.
 */
export const atMost = (entries: number) => ({ maxSize: entries, sizeCalculation: () => 1 });
