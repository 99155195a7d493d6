import type { Json } from "../../contract.js";

/**
 * Media types of JWTs that are never access tokens, whatever is configured: each is made for another reader, and
 * often by somebody else than the issuer. Source: IANA's media types, and the drafts that will register there.
 */
export const forbiddenTypes: ReadonlySet<string> = new Set([
  "oauth-id-jag+jwt", // identity assertion authorization grant: for an authorization server
  "txntoken+jwt", // transaction tokens: a method of their own
  "txn_token+jwt",
  "dpop+jwt", // proofs: RFC 9449
  "wit+jwt", // WIMSE workload tokens and proofs: a method of their own
  "wimse-id+jwt",
  "wpt+jwt",
  "logout+jwt", // OpenID Connect Back-Channel Logout 1.0
  "secevent+jwt", // RFC 8417
  "token-introspection+jwt", // RFC 9701
  "oauth-authz-req+jwt", // RFC 9101
  "client-authentication+jwt",
  "authorization-grant+jwt",
  "oauth-client-attestation+jwt",
  "oauth-client-attestation-pop+jwt",
  "entity-statement+jwt", // OpenID Federation 1.0
  "trust-mark+jwt",
  "resolve-response+jwt",
  "keybinding+jwt",
  "kb+jwt", // SD-JWT key binding
  "dc+sd-jwt",
  "vc+sd-jwt",
  "vc+jwt",
  "vp+jwt",
  "openid4vci-proof+jwt",
  "statuslist+jwt",
  "passport", // RFC 8225
]);

type Mark = readonly [claim: string, is: (value: Json) => boolean];

/** Payload members that no access token has, by who issues such. */
export const otherTokens: readonly Mark[] = [
  ["typ", (value) => typeof value === "string" && /^(?:refresh|offline|logout)$/i.test(value)], // Keycloak
  ["events", () => true], // security events and logout tokens (RFC 8417 section 2.2)
  ["htm", () => true], // DPoP proofs (RFC 9449 section 4.2)
  ["htu", () => true],
  ["wth", () => true], // WIMSE proofs
  ["tctx", () => true], // transaction tokens
  ["rctx", () => true],
];

/** Payload members that only an ID token has. */
export const idTokens: readonly Mark[] = [
  ["at_hash", () => true], // OpenID Connect Core section 3.1.3.6
  ["c_hash", () => true], // section 3.3.2.11
  ["s_hash", () => true], // FAPI 1.0 part 2
  ["nonce", () => true], // OpenID Connect Core section 2
  ["typ", (value) => typeof value === "string" && /^id$/i.test(value)], // Keycloak
  ["token_use", (value) => value === "id"], // Cognito
];
