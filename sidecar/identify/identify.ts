import { refuse, type Credentials, type Json, type Refusal } from "../contract.js";
import { createTokenCache, digestToken, type Verified } from "./cache.js";
import { checkAudience, checkKind, checkLifetime } from "./check-token.js";
import { readIdentity } from "./claims.js";
import { decodeToken, verifySignature } from "./jwt.js";
import { createKeys, type Keys } from "./keys.js";
import { parseIssuers } from "./parse-issuers.js";
import {
  defaultLimits,
  type IdentifyEvent,
  type IdentifyOutcome,
  type IdentifyParts,
  type Issuer,
} from "./types.js";

export interface Identifier {
  /** Tells who presents these credentials, or why that isn't known. Never rejects. */
  identify(credentials: Credentials): Promise<IdentifyOutcome>;
  /** Stops fetches under way and forgets all tokens. */
  close(): void;
}

/**
 * Creates the step that turns credentials into an identity.
 * @throws IssuersInvalid with every problem of the configuration
 */
export function createIdentifier(parts: IdentifyParts): Identifier {
  const limits = { ...defaultLimits, ...parts.limits };
  const closing = new AbortController();
  const cache = createTokenCache(limits);
  const onEvent = guarded(parts.onEvent);
  const trusted = new Map<string, { issuer: Issuer; keys: Keys }>();
  for (const issuer of parseIssuers(parts.issuers as unknown as Json)) {
    const keys = createKeys(issuer, { ...parts, onEvent, limits, closed: closing.signal });
    trusted.set(issuer.issuer, { issuer, keys });
  }

  async function verify(token: string): Promise<(Verified & { kind: "verified" }) | Refusal> {
    const decoded = decodeToken(token);
    if (decoded.kind === "refusal") return decoded;
    const { iss } = decoded.payload;
    // The unverified `iss` only picks whose keys must verify it.
    const source = typeof iss === "string" ? trusted.get(iss) : undefined;
    if (source === undefined) return refuse("token_issuer");
    const { issuer, keys } = source;
    if (!issuer.algorithms.includes(decoded.alg)) return refuse("token_algorithm");

    const key = await keys.find(decoded.kid, decoded.alg);
    if ("kind" in key) return key;
    const { type, payload } = decoded;
    const refusal =
      (await verifySignature(token, decoded, key)) ??
      checkKind(type, payload, issuer) ??
      checkAudience(payload, issuer);
    if (refusal !== undefined) return refusal;
    const lifetime = checkLifetime(payload, issuer, parts.now());
    if (lifetime.kind === "refusal") return lifetime;
    const read = readIdentity(payload, issuer, lifetime.expiresAt);
    if (read.kind === "refusal") return read;
    return { kind: "verified", identity: read.identity, key, keys };
  }

  async function identifyToken(token: string): Promise<IdentifyOutcome> {
    const digest = digestToken(token);
    const known = cache.get(digest, parts.now());
    if (known !== undefined) {
      const renewal = known.keys.refresh(parts.now());
      if (renewal === undefined && known.key.live) {
        return { kind: "identified", identity: known.identity, cached: true };
      }
      await renewal;
      const still = cache.get(digest, parts.now());
      if (still !== undefined) return { kind: "identified", identity: still.identity, cached: true };
    }
    const verified = await verify(token);
    if (verified.kind === "refusal") return verified;
    cache.set(digest, verified, token.length);
    return { kind: "identified", identity: verified.identity, cached: false };
  }

  return {
    async identify({ bearer }) {
      if (typeof bearer !== "string" || bearer === "") return refuse("unauthenticated");
      if (bearer.length > limits.tokenBytes) return refuse("token_malformed");
      try {
        return await identifyToken(bearer);
      } catch (error) {
        onEvent({ kind: "internal_error", error: errorName(error) });
        return refuse("internal_error");
      }
    },
    close() {
      closing.abort();
      cache.clear();
    },
  };
}

/** INVARIANT: a listener that throws can't change who someone is. */
function guarded(listener: IdentifyParts["onEvent"]): (event: IdentifyEvent) => void {
  return (event) => {
    try {
      listener?.(event);
    } catch {
      // the listener's own fault, and its own to report
    }
  };
}

/** The error's class only: a message could quote the token. */
function errorName(error: unknown): string {
  const name = (error as { name?: unknown } | null)?.name;
  return typeof name === "string" ? name : "unknown";
}
