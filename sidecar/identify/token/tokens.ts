/** JWT access tokens of configured issuers. Source: RFC 7519, RFC 8725, RFC 9068. */
import { refuse, type EpochMatch, type Json, type JsonObject, type Refusal } from "../../contract.js";
import { speaksOf } from "../speaks-of.js";
import type { VerifyOutcome } from "../verified.js";
import { createTokenCache, digestToken, type KnownToken } from "./cache.js";
import { isName } from "./chain.js";
import { checkAudience, checkKind, checkLifetime } from "./check-token.js";
import { readBinding } from "./binding.js";
import { leftOut, readSubject } from "./claims.js";
import { createGroups, type Groups } from "./groups.js";
import { decodeToken, verifySignature } from "./jwt.js";
import { createKeys, type Keys } from "./keys.js";
import { lookUp } from "./look-up.js";
import { parseIssuers } from "./parse-issuers.js";
import { defaultLimits, type IdentifyEvent, type Issuer, type TokenParts } from "./types.js";

interface Source {
  readonly issuer: Issuer;
  readonly keys: Keys;
  readonly groups?: Groups;
}

export interface Tokens {
  /** Verifies a token; at once where it is known. Rejects on bugs only. */
  verify(token: string): VerifyOutcome | Promise<VerifyOutcome>;
  /** Fetches all keys in the background, so that the first caller of an issuer doesn't wait, and faults are told early. */
  warm(): void;
  /** Forgets all tokens, or those that may speak of somebody: each is verified anew, and what was under way isn't kept. */
  forget(about?: EpochMatch): void;
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
  const running = new Map<string, Promise<VerifyOutcome>>();
  let epoch = 0;
  const onEvent = guarded(parts.onEvent);
  const trusted = new Map<string, Source[]>();
  for (const issuer of parseIssuers(parts.issuers as unknown as Json)) {
    const given = { ...parts, onEvent, limits, closed: closing.signal };
    const { groups_overage: overage } = issuer;
    const source = {
      issuer,
      keys: createKeys(issuer, given),
      ...(overage === undefined ? {} : { groups: createGroups(overage, issuer.name, given) }),
    };
    trusted.set(issuer.issuer, [...(trusted.get(issuer.issuer) ?? []), source]);
  }

  async function verify(token: string, digest: string): Promise<(KnownToken & { kind: "known" }) | Refusal> {
    const decoded = decodeToken(token);
    if (decoded.kind === "refusal") return decoded;
    const { iss, aud } = decoded.payload;
    // The unverified `iss` and `aud` only pick whose keys must verify it.
    const sources = typeof iss === "string" ? trusted.get(iss) : undefined;
    if (sources === undefined) return refuse("token_issuer");
    const source = sourceFor(sources, aud);
    if (source === undefined) return refuse("token_audience");
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
    const binding = readBinding(payload);
    if (binding.kind === "refusal") return binding;
    const groups = await missingGroups(payload, source);
    if (groups !== undefined && "kind" in groups) return groups;
    const read = readSubject(payload, issuer, parts.now(), groups);
    if (read.kind === "refusal") return read;
    const { jti } = payload;
    const credential = {
      method: "jwt",
      id: isName(jti) ? jti : `sha256:${digest}`,
      issuer: issuer.issuer,
    } as const;
    const { subject } = read;
    const { expiresAt, issuedAt } = lifetime;
    const { boundTo } = binding;
    return {
      kind: "known",
      verified: {
        ...{ kind: "verified", method: "jwt", credential, subject, expiresAt, cached: false },
        ...(boundTo === undefined ? {} : { boundTo }),
        ...(issuedAt === undefined ? {} : { issuedAt }),
      },
      ...{ key, keys },
    };
  }

  /** Many requests that bring the same new token at once are one verification. */
  function verifyOnce(token: string, digest: string): Promise<VerifyOutcome> {
    const before = running.get(digest);
    if (before !== undefined) return before;
    const begun = epoch;
    const fresh = verify(token, digest)
      .then((outcome) => {
        if (outcome.kind === "refusal") return outcome;
        if (epoch === begun) cache.set(digest, outcome, token.length);
        return outcome.verified;
      })
      .finally(() => {
        if (running.get(digest) === fresh) running.delete(digest);
      });
    running.set(digest, fresh);
    return fresh;
  }

  return {
    verify(token) {
      if (token.length > limits.tokenBytes) return refuse("token_malformed");
      const digest = digestToken(token);
      const known = cache.get(digest, parts.now());
      if (known === undefined) return verifyOnce(token, digest);
      const renewal = known.keys.refresh(parts.now());
      if (renewal === undefined && known.key.live) return known.verified;
      return Promise.resolve(renewal).then(
        () => cache.get(digest, parts.now())?.verified ?? verifyOnce(token, digest),
      );
    },
    warm() {
      for (const { keys } of [...trusted.values()].flat()) void keys.refresh(parts.now());
    },
    forget(about) {
      epoch++;
      running.clear();
      if (about === undefined) cache.clear();
      else cache.drop((verified) => speaksOf(verified, about));
      if (about?.task !== undefined || about?.token !== undefined || about?.session !== undefined) return;
      // whose groups they are is known by other names there
      for (const { groups } of [...trusted.values()].flat()) groups?.forget();
    },
    close() {
      closing.abort();
      cache.clear();
    },
  };
}

/** Picks the configuration that a token is for; with several for one issuer, by the one audience that it names. */
function sourceFor(sources: readonly Source[], aud: Json | undefined): Source | undefined {
  const [only, ...others] = sources;
  if (others.length === 0) return only;
  const named = Array.isArray(aud) ? aud : [aud];
  const meant = sources.filter(({ issuer }) =>
    named.some((one) => typeof one === "string" && issuer.audience.includes(one)),
  );
  return meant.length === 1 ? meant[0] : undefined;
}

async function missingGroups(
  payload: JsonObject,
  { issuer, groups }: Source,
): Promise<readonly string[] | Refusal | undefined> {
  if (groups === undefined || !leftOut(payload, issuer).includes("groups")) return undefined;
  // said to be elsewhere, yet here: one of them isn't all
  if (lookUp(payload, issuer.claims.groups ?? []) !== undefined) return refuse("token_claims", "groups");
  return await groups.resolve(payload);
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
