/** What an enforcement point asks to be signed for an upstream. It names claims and where they come from, never their values. */
import type { Fields, Problems } from "./shape.js";

/** Where a claim's value comes from: a verified fact of the caller or of the decision. */
export const claimSources = [
  "subject.id",
  "subject.type",
  "subject.issuer",
  "caller.id",
  "caller.type",
  "caller.issuer",
  "tenant",
  "groups",
  "roles",
  "department",
  "scopes",
  "assurance",
  "method",
  "device.id",
  "workload.id",
  "authentication.context",
  "authentication.methods",
  "authentication.at",
  "credential.id",
  "chain",
  "act",
  "decision_id",
  "policy_revision",
  "none",
] as const;
/** `claims.NAME`: a claim that the issuer's configuration exposes. */
export type ClaimSource = (typeof claimSources)[number] | `claims.${string}`;

/** JOSE `typ`: a type of its own can't be taken for another token (RFC 8725 section 3.11); some verifiers know `JWT` only. */
export const assertionTypes = ["countersign-assertion+jwt", "JWT"] as const;
export type AssertionType = (typeof assertionTypes)[number];

export interface AssertionRequest {
  readonly audience: string;
  readonly type?: AssertionType;
  /** Claim → source; laid over the default claims, `none` leaves one out. */
  readonly claims?: Readonly<Record<string, ClaimSource>>;
  /** The groups that the upstream may learn of; all where absent. */
  readonly groups?: readonly string[];
}

/** A signed assertion; `id` is its `jti`. INVARIANT: the token is never recorded. */
export interface Assertion {
  readonly token: string;
  readonly id: string;
}

/** Claims that are the signer's own. */
export const ownClaims: ReadonlySet<string> = new Set(["iss", "aud", "iat", "nbf", "exp", "jti"]);

const mostClaims = 32;
const claimName = /^[A-Za-z_][\w.:/-]{0,127}$/;
const subjectSources = /^(?:subject\.id|caller\.id|claims\..+)$/;

/** Parses what is asked for strictly; the caller ends the fields. */
export function parseAssertionRequest(fields: Fields, problems: Problems): AssertionRequest {
  const audience = fields.required("audience");
  if (audience.length > 512) problems.add(fields.at("audience"), "is too long");
  const type = fields.oneOf("type", assertionTypes);
  const groups = fields.strings("groups");
  const claims = fields.has("claims") ? parseClaims(fields.nested("claims"), fields, problems) : undefined;
  return {
    audience,
    ...(type === undefined ? {} : { type }),
    ...(claims === undefined ? {} : { claims }),
    ...(groups === undefined ? {} : { groups }),
  };
}

function parseClaims(claims: Fields, parent: Fields, problems: Problems): Record<string, ClaimSource> {
  const given = parent.raw("claims");
  const names =
    typeof given === "object" && given !== null && !Array.isArray(given) ? Object.keys(given) : [];
  if (names.length > mostClaims) problems.add(parent.at("claims"), `at most ${mostClaims}`);
  const out: Record<string, ClaimSource> = Object.create(null) as Record<string, ClaimSource>;
  for (const name of names.slice(0, mostClaims)) {
    const source = claims.required(name);
    if (!claimName.test(name))
      problems.add(parent.at("claims"), "a claim's name holds letters, digits and _ . : / -");
    else if (ownClaims.has(name)) problems.add(claims.at(name), "is the signer's own");
    else if (!isSource(source))
      problems.add(claims.at(name), "is no source of claims; see docs/identity-assertions.md");
    else if (name === "sub" && !subjectSources.test(source)) {
      problems.add(claims.at(name), "must be subject.id, caller.id or claims.NAME");
    } else out[name] = source;
  }
  return out;
}

function isSource(text: string): text is ClaimSource {
  return (claimSources as readonly string[]).includes(text) || /^claims\.[^\u0000-\u001f]{1,128}$/.test(text);
}
