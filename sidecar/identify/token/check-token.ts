import { JsonNumber, refuse, type Json, type JsonObject, type Refusal } from "../../contract.js";
import { holds, keysOf } from "./look-up.js";
import { forbiddenTypes, idTokens, otherTokens } from "./token-types.js";
import type { ClaimRules, Issuer } from "./types.js";

/** Checks that a token is an access token, and all that its issuer's configuration requires of one. */
export function checkKind(type: string, payload: JsonObject, issuer: Issuer): Refusal | undefined {
  if (forbiddenTypes.has(type) || !issuer.types.includes(type)) return refuse("token_type");
  for (const [claim, is] of issuer.id_tokens ? otherTokens : [...otherTokens, ...idTokens]) {
    const value = payload[claim];
    if (value !== undefined && is(value)) return refuse("token_type");
  }
  const lacking = issuer.require.find((one) => !holds(payload, one));
  return lacking === undefined ? undefined : refuse("token_claims", keysOf(lacking.claim).join("."));
}

/** Checks `aud` (RFC 7519 section 4.1.3): one of ours, exactly. */
export function checkAudience(payload: JsonObject, issuer: Pick<Issuer, "audience">): Refusal | undefined {
  const { aud } = payload;
  if (aud === undefined) return refuse("token_audience");
  const named = Array.isArray(aud) ? aud : [aud];
  if (!named.every((one) => typeof one === "string")) return refuse("token_claims", "aud");
  return named.some((one) => issuer.audience.includes(one)) ? undefined : refuse("token_audience");
}

/**
 * Checks `exp`, `nbf`, `iat` and the whole lifetime. The skew forgives a token from a clock ahead of ours;
 * it doesn't lengthen a life, so that `expiresAt` is the end for every later step.
 * @param now epoch milliseconds
 */
export function checkLifetime(
  payload: JsonObject,
  issuer: ClaimRules,
  now: number,
): { kind: "lifetime"; expiresAt: number; issuedAt?: number } | Refusal {
  const times = { exp: seconds(payload["exp"]), nbf: seconds(payload["nbf"]), iat: seconds(payload["iat"]) };
  for (const [name, time] of Object.entries(times)) if (time === "wrong") return refuse("token_claims", name);
  const { exp, nbf, iat } = times as Record<"exp" | "nbf" | "iat", number | undefined>;
  if (exp === undefined) return refuse("token_claims", "exp");
  const clock = now / 1000;
  const ahead = clock + issuer.clock_skew_seconds;
  if (clock >= exp) return refuse("token_expired");
  if ((nbf ?? 0) > ahead || (iat ?? 0) > ahead) return refuse("token_not_yet_valid");
  if (iat !== undefined && iat >= exp) return refuse("token_claims", "exp");
  if (exp - (iat ?? clock) > issuer.max_lifetime_seconds) return refuse("token_lifetime");
  const issued = iat === undefined ? {} : { issuedAt: Math.floor(iat * 1000) };
  return { kind: "lifetime", expiresAt: Math.floor(exp * 1000), ...issued };
}

/** Reads a NumericDate (RFC 7519 section 2). */
function seconds(value: Json | undefined): number | undefined | "wrong" {
  if (value === undefined) return undefined;
  const number = value instanceof JsonNumber ? value.valueOf() : value;
  return typeof number === "number" && number >= 0 && number <= 253_402_300_799 ? number : "wrong";
}
