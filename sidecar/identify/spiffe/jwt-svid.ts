/** JWT-SVIDs. Source: the SPIFFE JWT-SVID specification. */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { refuse, type Json, type Refusal } from "../../contract.js";
import { decodeToken } from "../token/jwt.js";
import type { Verified, VerifyOutcome } from "../verified.js";
import type { JwtKey, TrustBundle } from "./bundle.js";
import { checkClaims, checkHeader, checkTimes, verifySignature } from "./check-jwt-svid.js";
import { parseWorkloadId, type SpiffeId } from "./spiffe-id.js";
import type { TrustDomains } from "./trust-domains.js";
import type { SpiffeConfig } from "./types.js";

export interface JwtSvidParts {
  readonly trustDomains: TrustDomains;
  readonly config: Pick<SpiffeConfig, "audience" | "maxLifetimeSeconds" | "clockSkewSeconds">;
  readonly now: () => number;
  readonly cacheEntries: number;
}

interface Known {
  readonly verified: Verified;
  readonly trustDomain: string;
  /** Of the keys that it was verified with. */
  readonly digest: string;
}

/** Section 2.1. */
const algorithms = new Set([
  ...["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"],
]);
const mostBytes = 16 * 1024;

/**
 * Creates the method for JWT-SVIDs: bearer tokens whose subject is a workload of a configured trust domain.
 * Refuses other tokens with `token_issuer`: nobody is configured who speaks for them.
 */
export function createJwtSvids({ trustDomains, config, now, cacheEntries }: JwtSvidParts): {
  verify(token: string): Promise<VerifyOutcome>;
  clear(): void;
} {
  const cache = new LRUCache<string, Known>({ max: cacheEntries });

  function fromCache(digest: string, at: number): Verified | undefined {
    const known = cache.get(digest);
    if (known === undefined) return undefined;
    const bundle = trustDomains.bundle(known.trustDomain, at);
    const holds = !("kind" in bundle) && bundle.digests.jwt === known.digest;
    if (holds && at < known.verified.expiresAt) return known.verified;
    cache.delete(digest);
    return undefined;
  }

  async function verify(token: string, digest: string): Promise<(Known & { kind: "known" }) | Refusal> {
    const decoded = decodeToken(token);
    if (decoded.kind === "refusal") return decoded;
    const { payload, alg, kid } = decoded;
    // The unverified subject only picks whose keys must verify it.
    const id = typeof payload["sub"] === "string" ? parseWorkloadId(payload["sub"]) : undefined;
    if (id === undefined) return refuse("token_issuer");
    if (!trustDomains.has(id.trustDomain)) return refuse("trust_domain_unknown");
    if (!algorithms.has(alg)) return refuse("token_algorithm");
    await trustDomains.refresh(id.trustDomain, now());
    const bundle = trustDomains.bundle(id.trustDomain, now());
    if ("kind" in bundle) return bundle;
    const key = pickKey(bundle, kid, alg);
    if ("kind" in key) return key;
    const refusal =
      checkHeader(token) ?? (await verifySignature(token, key, alg)) ?? checkClaims(decoded, config.audience);
    if (refusal !== undefined) return refusal;
    const expiresAt = checkTimes(payload, config, now());
    if (typeof expiresAt !== "number") return expiresAt;
    const verified = describe(id, trustDomains, {
      digest,
      expiresAt,
      jti: payload["jti"],
      iat: payload["iat"],
    });
    if (verified.kind === "refusal") return verified;
    return { kind: "known", verified, trustDomain: id.trustDomain, digest: bundle.digests.jwt };
  }

  return {
    async verify(token) {
      if (token.length > mostBytes) return refuse("token_malformed");
      if (config.audience.length === 0) return refuse("token_issuer");
      const digest = createHash("sha256").update(token).digest("base64url");
      const before = cache.get(digest)?.trustDomain;
      if (before !== undefined) {
        await trustDomains.refresh(before, now());
        const known = fromCache(digest, now());
        if (known !== undefined) return known;
      }
      const fresh = await verify(token, digest);
      if (fresh.kind === "refusal") return fresh;
      cache.set(digest, { ...fresh, verified: { ...fresh.verified, cached: true } });
      return fresh.verified;
    },
    clear() {
      cache.clear();
    },
  };
}

/** INVARIANT: one key or none; a signature is never tried against several. */
function pickKey({ keys }: TrustBundle, kid: string | undefined, alg: string): JwtKey | Refusal {
  const named = keys.filter((key) => kid === undefined || key.kid === kid);
  const [only, ...more] = named.filter((key) => key.algorithms.includes(alg));
  if (only !== undefined && more.length === 0) return only;
  return refuse(kid !== undefined && named.length > 0 ? "token_algorithm" : "token_key_unknown");
}

/** Makes the workload the subject: its trust domain, or the beginning of its path, must stand for one tenant. */
function describe(
  id: SpiffeId,
  trustDomains: TrustDomains,
  {
    digest,
    expiresAt,
    jti,
    iat,
  }: { digest: string; expiresAt: number; jti: Json | undefined; iat: Json | undefined },
): Verified | Refusal {
  const workload = trustDomains.workload(id);
  const [tenant, ...others] = workload.tenants;
  if (tenant === undefined || tenant === "*" || others.length > 0) return refuse("token_tenant");
  const issuer = `spiffe://${id.trustDomain}`;
  const link = { type: "workload", id: id.id, issuer } as const;
  const name = typeof jti === "string" && /^[\x21-\x7e]{1,128}$/.test(jti) ? jti : `sha256:${digest}`;
  return {
    kind: "verified",
    method: "jwt_svid",
    credential: { method: "jwt_svid", id: name, issuer },
    subject: { ...link, tenant, groups: [], roles: [], chain: [link], claims: {} },
    workload,
    ...(iat === undefined ? {} : { issuedAt: Math.floor(Number(iat) * 1_000) }),
    expiresAt,
    cached: false,
  };
}
