import { refuse, type Refusal } from "../../contract.js";
import type { KeySet, TrustedKey } from "./key-set.js";

export type Pick = TrustedKey | "unknown" | "algorithm";

/** The keys of one issuer that count now. */
export interface KeyRing {
  /** Finds the one key that a token's header may mean. */
  pick(kid: string | undefined, alg: string): Pick;
  /** Takes over a newer set. A key that is in both stays the same object, and live. */
  replace(set: KeySet): { added: number; removed: number };
}

export function createKeyRing(): KeyRing {
  let keys = new Map<string, TrustedKey>();
  return {
    pick(kid, alg) {
      const named = [...keys.values()].filter((key) => kid === undefined || key.kid === kid);
      const [only, ...more] = named.filter((key) => key.usable.has(alg));
      // INVARIANT: one key or none; a signature is never tried against several.
      if (only !== undefined) return more.length === 0 ? only : "unknown";
      return kid !== undefined && named.length > 0 ? "algorithm" : "unknown";
    },
    replace(set) {
      const next = new Map<string, TrustedKey>();
      for (const key of set.keys) next.set(key.fingerprint, keys.get(key.fingerprint) ?? key);
      const removed = [...keys.values()].filter((key) => !next.has(key.fingerprint));
      const added = [...next.keys()].filter((fingerprint) => !keys.has(fingerprint)).length;
      for (const key of removed) key.live = false;
      keys = next;
      return { added, removed: removed.length };
    },
  };
}

/** Turns a key that wasn't found into a refusal; `healthy`: whether the last load went well. */
export function orRefuse(found: Pick, healthy: boolean): TrustedKey | Refusal {
  switch (found) {
    case "unknown":
      return refuse(healthy ? "token_key_unknown" : "issuer_unavailable");
    case "algorithm":
      return refuse("token_algorithm");
    default:
      return found;
  }
}
