/** JWT access tokens of configured issuers. Source: RFC 7519, RFC 8725, RFC 9068. */
import { refuse, type Json, type Refusal } from "../../contract.js";
import type { VerifyOutcome } from "../verified.js";
import { createTokenCache, digestToken, type KnownToken } from "./cache.js";
import { isName } from "./chain.js";
import { checkAudience, checkKind, checkLifetime } from "./check-token.js";
import { readSubject } from "./claims.js";
import { decodeToken, verifySignature } from "./jwt.js";
import { createKeys, type Keys } from "./keys.js";
import { parseIssuers } from "./parse-issuers.js";
import { defaultLimits, type IdentifyEvent, type Issuer, type TokenParts } from "./types.js";

export interface Tokens {
  /** Verifies a token. Rejects on bugs only. */
  verify(token: string): Promise<VerifyOutcome>;
  /** Stops fetches under way and forgets all tokens. */
  close(): void;
}

/**
 * Creates the method for tokens.
 * @throws IssuersInvalid with every problem of the configuration
 */
export function createTokens(parts: TokenParts): Tokens {
  const limits = { ...defaultLimits, ...parts.limits };
  const closing = new AbortController();
  const cache = createTokenCache(limits);
  const onEvent = guarded(parts.onEvent);
  const trusted = new Map<string, { issuer: Issuer; keys: Keys }>();
  for (const issuer of parseIssuers(parts.issuers as unknown as Json)) {
    const keys = createKeys(issuer, { ...parts, onEvent, limits, closed: closing.signal });
    trusted.set(issuer.issuer, { issuer, keys });
  }

  async function verify(token: string, digest: string): Promise<(KnownToken & { kind: "known" }) | Refusal> {
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
    const read = readSubject(payload, issuer);
    if (read.kind === "refusal") return read;
    const { jti } = payload;
    const credential = {
      method: "jwt",
      id: isName(jti) ? jti : `sha256:${digest}`,
      issuer: issuer.issuer,
    } as const;
    const { subject } = read;
    const { expiresAt } = lifetime;
    return {
      kind: "known",
      verified: { kind: "verified", method: "jwt", credential, subject, expiresAt, cached: false },
      ...{ key, keys },
    };
  }

  return {
    async verify(token) {
      if (token.length > limits.tokenBytes) return refuse("token_malformed");
      const digest = digestToken(token);
      const known = cache.get(digest, parts.now());
      if (known !== undefined) {
        const renewal = known.keys.refresh(parts.now());
        if (renewal === undefined && known.key.live) return known.verified;
        await renewal;
        const still = cache.get(digest, parts.now());
        if (still !== undefined) return still.verified;
      }
      const fresh = await verify(token, digest);
      if (fresh.kind === "refusal") return fresh;
      cache.set(digest, fresh, token.length);
      return fresh.verified;
    },
    close() {
      closing.abort();
      cache.clear();
    },
  };
}

/** INVARIANT: a listener that throws can't change who someone is. */
function guarded(listener: TokenParts["onEvent"]): (event: IdentifyEvent) => void {
  return (event) => {
    try {
      listener?.(event);
    } catch {
      // the listener's own fault, and its own to report
    }
  };
}
