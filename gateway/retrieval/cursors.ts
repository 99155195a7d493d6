/** Cursors, scroll ids and page tokens of stores: sealed to who got them and what for, so that another's leads nowhere. */
export interface Cursors {
  /** What a client gets for a store's cursor; of this caller's, this store's and this collection's. */
  give(cursor: string, collection: string): string;
  /** The store's cursor; undefined where it wasn't given to somebody like this, for this collection. */
  take(sealed: string, collection: string): string | undefined;
}
