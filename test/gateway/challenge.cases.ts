/** What a denial tells a client to come back with. */
import type { Reason } from "../../sidecar/contract.js";

export interface ChallengeCase {
  readonly name: string;
  readonly reasons: readonly Reason[];
  readonly status: number;
  /** The Bearer challenge without `resource_metadata`; undefined: none at all. */
  readonly bearer: string | undefined;
}

const scopeText = "the token's scopes are not enough for this";
const assuranceText = "the user's authentication is not strong or recent enough for this";
const reason = (code: string, properties?: Reason["properties"]): Reason => ({
  code,
  message: "as a policy words it",
  rule: "a.rule",
  ...(properties === undefined ? {} : { properties }),
});

/** The sidecar's own, before any rule was asked. */
const own = (code: string): Reason => ({ code, message: "as the sidecar words it" });

export const cases: readonly ChallengeCase[] = [
  {
    name: "no credentials: where to get some, and no error",
    reasons: [own("unauthenticated")],
    status: 401,
    bearer: "Bearer",
  },
  {
    name: "a token that has ended",
    reasons: [own("token_expired")],
    status: 401,
    bearer: 'Bearer error="invalid_token", error_description="the token has expired"',
  },
  {
    name: "a scope that is missing (RFC 6750)",
    reasons: [reason("insufficient_scope", { scope: "files:write" })],
    status: 403,
    bearer: `Bearer error="insufficient_scope", error_description="${scopeText}", scope="files:write"`,
  },
  {
    name: "scopes of two rules, each named once",
    reasons: [
      reason("insufficient_scope", { scope: "files:write files:read" }),
      reason("insufficient_scope", { scope: "files:read models:use" }),
    ],
    status: 403,
    bearer: `Bearer error="insufficient_scope", error_description="${scopeText}", scope="files:write files:read models:use"`,
  },
  {
    name: "a stronger authentication (RFC 9470)",
    reasons: [reason("insufficient_assurance", { acr_values: "phrh phr" })],
    status: 401,
    bearer: `Bearer error="insufficient_user_authentication", error_description="${assuranceText}", acr_values="phrh phr"`,
  },
  {
    name: "a later authentication, of two the later one",
    reasons: [
      reason("insufficient_assurance", { max_age: 300 }),
      reason("insufficient_assurance", { acr_values: "phr", max_age: 60 }),
    ],
    status: 401,
    bearer: `Bearer error="insufficient_user_authentication", error_description="${assuranceText}", acr_values="phr", max_age="60"`,
  },
  {
    name: "both: one challenge for one new token",
    reasons: [
      reason("insufficient_scope", { scope: "files:write" }),
      reason("insufficient_assurance", { max_age: 0 }),
    ],
    status: 401,
    bearer: `Bearer error="insufficient_user_authentication", error_description="${assuranceText}", scope="files:write", max_age="0"`,
  },
  {
    name: "what another rule denies whatever the token holds: a denial, and no challenge",
    reasons: [reason("insufficient_scope", { scope: "files:write" }), reason("tool_forbidden")],
    status: 403,
    bearer: undefined,
  },
  { name: "a denial", reasons: [reason("tier_not_granted")], status: 403, bearer: undefined },
  {
    name: "a proof that doesn't hold: DPoP's words, not Bearer's",
    reasons: [own("dpop_replayed")],
    status: 401,
    bearer: "Bearer",
  },
];
