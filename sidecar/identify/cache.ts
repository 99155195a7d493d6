import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Identity } from "../contract.js";
import type { TrustedKey } from "./key-set.js";
import type { Keys } from "./keys.js";

/** A verified token's identity, with the key that it stands and falls with. */
export interface Verified {
  readonly identity: Identity;
  readonly key: TrustedKey;
  readonly keys: Keys;
}

export interface TokenCache {
  get(digest: string, now: number): Verified | undefined;
  set(digest: string, verified: Verified, tokenBytes: number): void;
  clear(): void;
}

/** Names a token by its SHA-256, so that no token is kept. */
export function digestToken(token: string): string {
  return hash("sha256", token, "base64");
}

/**
 * Creates the bounded cache of verified tokens.
 * INVARIANT: an entry is given only before the token's `exp` and while its key is in the issuer's set.
 */
export function createTokenCache(limits: { cacheEntries: number; cacheBytes: number }): TokenCache {
  const entries = new LRUCache<string, Verified>({ max: limits.cacheEntries, maxSize: limits.cacheBytes });
  return {
    get(digest, now) {
      const found = entries.get(digest);
      if (found === undefined) return undefined;
      if (found.key.live && now < found.identity.expiresAt) return found;
      entries.delete(digest);
      return undefined;
    },
    set(digest, verified, tokenBytes) {
      entries.set(digest, verified, { size: tokenBytes });
    },
    clear() {
      entries.clear();
    },
  };
}
