import type { DecisionCache } from "../decide/cache/layered.js";
import type { Documents } from "./documents.js";

/**
 * Keeps a result out of the cache where the data changed between its lookup, which may wait for Redis, and its
 * evaluation: it would stand under a key that names data from before the change.
 *
 * INVARIANT: a key begins with the digest of the data that it was made from (`activate.ts`); evaluating and storing
 * happen in one turn, in which no change comes in between.
 */
export function currentOnly(cache: DecisionCache, documents: Documents): DecisionCache {
  return {
    ...cache,
    store(key, value, entrypoint) {
      if (documents.isCurrent(key.slice(0, 64))) cache.store(key, value, entrypoint);
    },
  };
}
