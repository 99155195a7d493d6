import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Verified } from "../verified.js";
import type { TrustedKey } from "./key-set.js";
import type { Keys } from "./keys.js";

/** A token that was verified, with the key that it stands and falls with. */
export interface KnownToken {
  readonly verified: Verified;
  readonly key: TrustedKey;
  readonly keys: Keys;
}

export interface TokenCache {
  get(digest: string, now: number): KnownToken | undefined;
  set(digest: string, known: KnownToken, tokenBytes: number): void;
  /** Forgets those of which this holds. */
  drop(holds: (verified: Verified) => boolean): void;
  clear(): void;
}

/** Names a token by its SHA-256 in base64url, so that no token is kept. */
export function digestToken(token: string): string {
  return hash("sha256", token, "base64url");
}

/**
 * Creates the bounded cache of verified tokens.
 * INVARIANT: an entry is given only before the token's `exp` and while its key is in the issuer's set.
 */
export function createTokenCache(limits: { cacheEntries: number; cacheBytes: number }): TokenCache {
  const entries = new LRUCache<string, KnownToken>({ max: limits.cacheEntries, maxSize: limits.cacheBytes });
  return {
    get(digest, now) {
      const found = entries.get(digest);
      if (found === undefined) return undefined;
      if (found.key.live && now < found.verified.expiresAt) return found;
      entries.delete(digest);
      return undefined;
    },
    set(digest, known, tokenBytes) {
      entries.set(digest, { ...known, verified: { ...known.verified, cached: true } }, { size: tokenBytes });
    },
    drop(holds) {
      for (const [digest, { verified }] of [...entries.entries()])
        if (holds(verified)) entries.delete(digest);
    },
    clear() {
      entries.clear();
    },
  };
}
