/** Signs, for an upstream, who calls and what was decided. Source: RFC 7515, RFC 7519, RFC 8725. */
import type { Assertion, AssertionRequest, ErrorCode } from "../contract.js";
import type { AssertionFacts } from "./claims.js";
import { writeClaims } from "./claims.js";
import type { SigningKey } from "./keys.js";
import { createSignToken } from "./sign.js";

export interface AssertParts {
  readonly issuer: string;
  /** Longest life of an assertion, seconds. */
  readonly lifetime: number;
  /** The audiences that may be asked for; all where absent. */
  readonly audiences?: readonly string[];
  readonly signer: () => SigningKey | undefined;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export type Asserted =
  | { readonly kind: "asserted"; readonly assertion: Assertion; readonly kid: string }
  | { readonly kind: "refused"; readonly code: ErrorCode };

/** Signs an assertion about an allowed call. Throws on bugs only; a refusal is a deny. */
export type Assert = (wanted: AssertionRequest, facts: AssertionFacts) => Asserted;

/** Bytes of the largest assertion: with it, a request's headers stay within the 8 KiB that most servers take. */
const maxToken = 6_144;

/** Creates the signer. */
export function createAssert({ issuer, lifetime, audiences, signer, newId, now }: AssertParts): Assert {
  const allowed = audiences === undefined ? undefined : new Set(audiences);
  const sign = createSignToken(signer);
  return (wanted, facts) => {
    if (signer() === undefined) return { kind: "refused", code: "assertion_unavailable" };
    if (allowed?.has(wanted.audience) === false) return { kind: "refused", code: "assertion_unavailable" };
    const claims = writeClaims(wanted, facts);
    if (claims === undefined) return { kind: "refused", code: "assertion_unavailable" };
    const at = now();
    const iat = Math.floor(at / 1000);
    // INVARIANT: it never outlives what it rests on
    const exp = Math.min(iat + lifetime, Math.floor(facts.identity.expiresAt / 1000));
    if (exp <= iat) return { kind: "refused", code: "token_expired" };
    const id = newId();
    // set last: no configured claim stands in for one of these
    Object.assign(claims, { iss: issuer, aud: wanted.audience, iat, nbf: iat, exp, jti: id });
    const signed = sign(wanted.type ?? "countersign-assertion+jwt", claims);
    if (signed === undefined) return { kind: "refused", code: "assertion_unavailable" };
    const { token, kid } = signed;
    if (token.length > maxToken) return { kind: "refused", code: "assertion_too_large" };
    return { kind: "asserted", assertion: { token, id }, kid };
  };
}
