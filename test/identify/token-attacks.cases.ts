import { sign } from "node:crypto";
import type { ErrorCode } from "../../sidecar/contract.js";
import {
  ec,
  es256,
  header,
  hs256,
  jwk,
  payload,
  rs256,
  rsa,
  start,
  token,
  unsigned,
  type Members,
  type Signer,
} from "./world.js";

export const k1 = ec();
const stranger = ec();
export const r1 = rsa();
const now = start / 1000;
const weak = rsa(1024);
const p256Order = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");
/** A well-formed one, of no key. */
const thumb = Buffer.alloc(32, 1).toString("base64url");
const pem = k1.publicKey.export({ format: "pem", type: "spki" });

export interface TokenCase {
  readonly name: string;
  /** Laid over the valid token's header and payload; `undefined` leaves a member out. */
  readonly header?: Members;
  readonly payload?: Members;
  readonly sign?: Signer;
  /** The whole token, where it isn't even one. */
  readonly raw?: string;
  /** Laid over the issuer's configuration. */
  readonly issuer?: Members;
  readonly expect: ErrorCode | "identified";
}

const actors = (depth: number): Members => ({
  sub: `actor-${depth}`,
  ...(depth > 1 ? { act: actors(depth - 1) } : {}),
});
const text = (value: Members): string => JSON.stringify(value);

export const tokenCases: readonly TokenCase[] = [
  { name: "a valid token", expect: "identified" },
  { name: "typ with its full media type", header: { typ: "application/AT+JWT" }, expect: "identified" },
  { name: "audience among several", payload: { aud: ["other", "countersign"] }, expect: "identified" },
  {
    name: "RS256 where configured",
    header: { alg: "RS256", kid: "r1" },
    sign: rs256(r1),
    issuer: { algorithms: ["ES256", "RS256"] },
    expect: "identified",
  },
  { name: "no kid and one key that fits", header: { kid: undefined }, expect: "identified" },
  { name: "fractional times", payload: { iat: now - 0.5, exp: now + 0.25 }, expect: "identified" },
  { name: "iat within the skew", payload: { iat: now + 29 }, expect: "identified" },
  {
    name: "no typ where configured",
    header: { typ: undefined },
    issuer: { types: [""] },
    expect: "identified",
  },
  {
    name: "any tenant where configured",
    payload: { tenant: "tenant-else" },
    issuer: { tenants: ["*"] },
    expect: "identified",
  },
  { name: "four actors", payload: { act: actors(4) }, expect: "identified" },
  {
    name: "a foreign actor issuer where configured",
    payload: { act: { sub: "a", iss: "https://two.test" } },
    issuer: { actor_issuers: ["https://two.test"] },
    expect: "identified",
  },

  // not a JWT
  { name: "nothing", raw: "", expect: "unauthenticated" },
  { name: "an opaque token", raw: "0123456789abcdef-opaque", expect: "token_malformed" },
  { name: "a JWE's five parts", raw: "e30.e30.e30.e30.e30", expect: "token_malformed" },
  { name: "padding", raw: `${token(header, payload, es256(k1))}=`, expect: "token_malformed" },
  {
    name: "white space at the end",
    raw: `${token(header, payload, es256(k1))}\n`,
    expect: "token_malformed",
  },
  { name: "a lone surrogate", raw: "\ud800.\ud800.\ud800", expect: "token_malformed" },
  { name: "over 16 KB", payload: { filler: "f".repeat(16_384) }, expect: "token_malformed" },
  { name: "header not JSON", raw: token("{", payload, es256(k1)), expect: "token_malformed" },
  { name: "header an array", raw: token("[]", payload, es256(k1)), expect: "token_malformed" },
  { name: "payload not an object", raw: token(header, "[]", es256(k1)), expect: "token_malformed" },
  {
    name: "a claim twice",
    raw: token(header, text(payload).replace("{", '{"tenant":"globex",'), es256(k1)),
    expect: "token_malformed",
  },
  {
    name: "alg twice",
    raw: token(text(header).replace("{", '{"alg":"none",'), payload, es256(k1)),
    expect: "token_malformed",
  },
  { name: "no alg", header: { alg: undefined }, expect: "token_malformed" },
  { name: "kid a number", header: { kid: 1 }, expect: "token_malformed" },
  { name: "typ a list", header: { typ: ["at+jwt"] }, expect: "token_malformed" },
  { name: "crit unknown", header: { crit: ["x"], x: 1 }, expect: "token_malformed" },
  { name: "crit b64", header: { crit: ["b64"], b64: true }, expect: "token_malformed" },
  { name: "crit empty", header: { crit: [] }, expect: "token_malformed" },
  {
    name: "an embedded key that signed it",
    header: { kid: undefined, jwk: jwk(stranger) },
    sign: es256(stranger),
    expect: "token_malformed",
  },
  { name: "an embedded key beside a good signature", header: { jwk: jwk(k1) }, expect: "token_malformed" },
  { name: "jku", header: { jku: "https://evil.test/jwks" }, expect: "token_malformed" },
  { name: "x5u", header: { x5u: "https://evil.test/cert" }, expect: "token_malformed" },
  { name: "x5c", header: { x5c: ["MIIB"] }, expect: "token_malformed" },
  {
    name: "nested past the limit",
    raw: token(header, `{"a":${"[".repeat(40)}${"]".repeat(40)}}`, es256(k1)),
    expect: "token_malformed",
  },

  // algorithms and keys
  { name: "alg none", header: { alg: "none" }, sign: unsigned, expect: "token_algorithm" },
  { name: "alg None", header: { alg: "None" }, sign: unsigned, expect: "token_algorithm" },
  { name: "alg none with a signature", header: { alg: "none" }, expect: "token_algorithm" },
  {
    name: "HS256 by the public key's PEM",
    header: { alg: "HS256" },
    sign: hs256(pem),
    expect: "token_algorithm",
  },
  {
    name: "HS256 by the public key's JWK",
    header: { alg: "HS256" },
    sign: hs256(text(jwk(k1))),
    expect: "token_algorithm",
  },
  { name: "HS256 by an empty secret", header: { alg: "HS256" }, sign: hs256(""), expect: "token_algorithm" },
  {
    name: "an algorithm that isn't the issuer's",
    header: { alg: "RS256", kid: "r1" },
    sign: rs256(r1),
    expect: "token_algorithm",
  },
  {
    name: "an algorithm that isn't the key's",
    header: { alg: "RS256" },
    sign: rs256(r1),
    issuer: { algorithms: ["ES256", "RS256"] },
    expect: "token_algorithm",
  },
  {
    name: "an algorithm that isn't in the key's alg",
    header: { alg: "PS256", kid: "r1" },
    sign: rs256(r1),
    issuer: { algorithms: ["PS256", "RS256"] },
    expect: "token_algorithm",
  },
  { name: "another's signature", sign: es256(stranger), expect: "token_signature" },
  { name: "an empty signature", sign: unsigned, expect: "token_signature" },
  { name: "a signature of zeros", sign: () => Buffer.alloc(64), expect: "token_signature" },
  { name: "an unknown kid", header: { kid: "k9" }, expect: "token_key_unknown" },
  {
    name: "no kid and several keys that fit",
    header: { kid: undefined },
    issuer: { jwks: { keys: [jwk(k1), jwk(stranger)] } },
    expect: "token_key_unknown",
  },
  {
    name: "a kid that stands for an encryption key",
    issuer: { jwks: { keys: [jwk(k1, { kid: "k1", use: "enc" })] } },
    expect: "token_key_unknown",
  },
  {
    name: "a key that isn't for verifying",
    issuer: { jwks: { keys: [jwk(k1, { kid: "k1", key_ops: ["sign"] })] } },
    expect: "token_key_unknown",
  },
  {
    name: "an RSA key of 1024 bits",
    header: { alg: "RS256" },
    sign: rs256(weak),
    issuer: { algorithms: ["RS256"], jwks: { keys: [jwk(weak, { kid: "k1" })] } },
    expect: "token_key_unknown",
  },

  // issuer, audience, time, type
  { name: "a foreign issuer", payload: { iss: "https://foreign.test" }, expect: "token_issuer" },
  { name: "the issuer and a slash", payload: { iss: "https://issuer.test/" }, expect: "token_issuer" },
  { name: "no issuer", payload: { iss: undefined }, expect: "token_issuer" },
  { name: "issuer a list", payload: { iss: ["https://issuer.test"] }, expect: "token_issuer" },
  { name: "another audience", payload: { aud: "countersign-2" }, expect: "token_audience" },
  { name: "no audience", payload: { aud: undefined }, expect: "token_audience" },
  { name: "an empty list of audiences", payload: { aud: [] }, expect: "token_audience" },
  { name: "audience in other case", payload: { aud: "Countersign" }, expect: "token_audience" },
  { name: "audience an object", payload: { aud: { countersign: true } }, expect: "token_claims" },
  { name: "audiences of mixed types", payload: { aud: ["countersign", 1] }, expect: "token_claims" },
  { name: "expired now", payload: { exp: now }, expect: "token_expired" },
  { name: "expired long ago", payload: { iat: 1, exp: 2 }, expect: "token_expired" },
  { name: "no exp", payload: { exp: undefined }, expect: "token_claims" },
  { name: "exp a string", payload: { exp: String(now + 600) }, expect: "token_claims" },
  { name: "exp null", payload: { exp: null }, expect: "token_claims" },
  {
    name: "exp beyond any number",
    raw: token(header, text(payload).replace(/"exp":\d+/, '"exp":1e400'), es256(k1)),
    expect: "token_claims",
  },
  { name: "nbf ahead of the skew", payload: { nbf: now + 31 }, expect: "token_not_yet_valid" },
  { name: "iat ahead of the skew", payload: { iat: now + 31 }, expect: "token_not_yet_valid" },
  { name: "nbf a string", payload: { nbf: "0" }, expect: "token_claims" },
  { name: "iat negative", payload: { iat: -1 }, expect: "token_claims" },
  {
    name: "too long a life by iat",
    payload: { iat: now - 86_000, exp: now + 600 },
    expect: "token_lifetime",
  },
  {
    name: "too long a life without iat",
    payload: { iat: undefined, exp: now + 86_401 },
    expect: "token_lifetime",
  },
  { name: "another typ", header: { typ: "dpop+jwt" }, expect: "token_type" },
  { name: "typ application/x/at+jwt", header: { typ: "application/x/at+jwt" }, expect: "token_type" },
  { name: "no typ", header: { typ: undefined }, expect: "token_type" },
  {
    name: "an ID token by at_hash",
    header: { typ: "JWT" },
    payload: { at_hash: "hash-a" },
    expect: "token_type",
  },
  {
    name: "an ID token by c_hash",
    header: { typ: "JWT" },
    payload: { c_hash: "hash-c" },
    expect: "token_type",
  },
  {
    name: "an ID token by s_hash",
    header: { typ: "JWT" },
    payload: { s_hash: "hash-s" },
    expect: "token_type",
  },
  {
    name: "an ID token by Keycloak's typ",
    header: { typ: "JWT" },
    payload: { typ: "ID" },
    expect: "token_type",
  },
  {
    name: "a refresh token by Keycloak's typ",
    header: { typ: "JWT" },
    payload: { typ: "Refresh" },
    expect: "token_type",
  },
  {
    name: "an ID token by Cognito's token_use",
    header: { typ: "JWT" },
    payload: { token_use: "id" },
    expect: "token_type",
  },
  { name: "a token bound to a key", payload: { cnf: { jkt: "thumb-1" } }, expect: "token_binding" },

  {
    name: "bound to a key by an unknown confirmation",
    payload: { cnf: { kid: "k" } },
    expect: "token_binding",
  },
  { name: "bound to an embedded key", payload: { cnf: { jwk: jwk(stranger) } }, expect: "token_binding" },
  { name: "bound to nothing", payload: { cnf: {} }, expect: "token_binding" },
  { name: "bound to null", payload: { cnf: null }, expect: "token_binding" },
  {
    name: "bound to a key and to something else",
    payload: { cnf: { jkt: thumb, x: 1 } },
    expect: "token_binding",
  },
  { name: "bound to a short thumbprint", payload: { cnf: { jkt: thumb.slice(1) } }, expect: "token_binding" },
  {
    name: "bound to a thumbprint of two spellings",
    payload: { cnf: { jkt: `${thumb.slice(1)}B` } },
    expect: "token_binding",
  },
  { name: "bound to a key, as a bearer", payload: { cnf: { jkt: thumb } }, expect: "token_binding" },
  {
    name: "bound to a certificate, without one",
    payload: { cnf: { "x5t#S256": thumb } },
    expect: "token_binding",
  },
  {
    name: "bound to both, with neither",
    payload: { cnf: { "x5t#S256": thumb, jkt: thumb } },
    expect: "token_binding",
  },

  // claims
  { name: "a tenant of another issuer", payload: { tenant: "globex" }, expect: "token_tenant" },
  { name: "a tenant called *", payload: { tenant: "*" }, expect: "token_tenant" },
  { name: "no tenant", payload: { tenant: undefined }, expect: "token_claims" },
  { name: "tenant a list", payload: { tenant: ["acme"] }, expect: "token_claims" },
  { name: "tenant empty", payload: { tenant: "" }, issuer: { tenants: ["*"] }, expect: "token_claims" },
  { name: "no sub", payload: { sub: undefined }, expect: "token_claims" },
  { name: "sub a number", payload: { sub: 7 }, expect: "token_claims" },
  { name: "sub with a line break", payload: { sub: "sub-a\nsub-b" }, expect: "token_claims" },
  { name: "sub of 513 characters", payload: { sub: "s".repeat(513) }, expect: "token_claims" },
  { name: "groups a string", payload: { groups: "group-red" }, expect: "token_claims" },
  { name: "groups null", payload: { groups: null }, expect: "token_claims" },
  { name: "groups with a number", payload: { groups: ["group-red", 1] }, expect: "token_claims" },
  { name: "groups an object", payload: { groups: { "group-red": true } }, expect: "token_claims" },
  { name: "roles a string", payload: { roles: "role-reader" }, expect: "token_claims" },
  { name: "department a list", payload: { department: ["dept-research"] }, expect: "token_claims" },
  { name: "department null", payload: { department: null }, expect: "token_claims" },
  { name: "device a string", payload: { device: "device-7" }, expect: "token_claims" },
  { name: "device.managed a string", payload: { device: { managed: "true" } }, expect: "token_claims" },
  { name: "device.compliant a number", payload: { device: { compliant: 1 } }, expect: "token_claims" },
  { name: "device.id a number", payload: { device: { id: 7 } }, expect: "token_claims" },
  { name: "an unknown subject type", payload: { sub_type: "root" }, expect: "token_claims" },
  { name: "subject type null", payload: { sub_type: null }, expect: "token_claims" },
  {
    name: "a path through a string",
    payload: { realm: "realm-x" },
    issuer: { claims: { tenant: "tenant", roles: "realm.roles" } },
    expect: "token_claims",
  },
  { name: "five actors", payload: { act: actors(5) }, expect: "token_claims" },
  {
    name: "an actor where none may be",
    payload: { act: actors(1) },
    issuer: { actor_depth: 0 },
    expect: "token_claims",
  },
  { name: "act a string", payload: { act: "actor-1" }, expect: "token_claims" },
  { name: "act null", payload: { act: null }, expect: "token_claims" },
  { name: "act a list", payload: { act: [actors(1)] }, expect: "token_claims" },
  { name: "act without sub", payload: { act: { type: "agent" } }, expect: "token_claims" },
  {
    name: "act of an unknown type",
    payload: { act: { sub: "actor-1", type: "root" } },
    expect: "token_claims",
  },
  {
    name: "an inner act malformed",
    payload: { act: { sub: "actor-2", act: { sub: 1 } } },
    expect: "token_claims",
  },
  {
    name: "an actor of an issuer that it may not name",
    payload: { act: { sub: "actor-1", iss: "https://two.test" } },
    expect: "token_claims",
  },

  // what else a JWT may be: even where the configuration allows its shape
  ...[
    ...[
      "oauth-id-jag+jwt",
      "txntoken+jwt",
      "txn_token+jwt",
      "wit+jwt",
      "wpt+jwt",
      "logout+jwt",
      "secevent+jwt",
    ],
    ...["token-introspection+jwt", "oauth-authz-req+jwt", "client-authentication+jwt", "kb+jwt", "vc+jwt"],
    ...["entity-statement+jwt", "application/DPoP+JWT", "OAUTH-ID-JAG+JWT"],
  ].map((typ): TokenCase => ({ name: `typ ${typ}`, header: { typ }, expect: "token_type" })),
  ...(
    [
      ["an ID token by nonce", { nonce: "nonce-1" }],
      ["a logout token by events", { events: { "http://schemas.openid.net/event/backchannel-logout": {} } }],
      ["a DPoP proof by htm", { htm: "POST" }],
      ["a DPoP proof by htu", { htu: "https://countersign.test/" }],
      ["a transaction token by tctx", { tctx: { a: 1 } }],
      ["a transaction token by rctx", { rctx: { a: 1 } }],
      ["an offline token by Keycloak's typ", { typ: "Offline" }],
    ] as const
  ).map(([name, payload]): TokenCase => ({
    name: `${name}, typ JWT`,
    header: { typ: "JWT" },
    payload,
    expect: "token_type",
  })),
  {
    name: "an ID token where those are accepted",
    header: { typ: "JWT" },
    payload: { at_hash: "hash-a", nonce: "nonce-1" },
    issuer: { id_tokens: true },
    expect: "identified",
  },
  {
    name: "a refresh token where ID tokens are accepted",
    header: { typ: "JWT" },
    payload: { typ: "Refresh" },
    issuer: { id_tokens: true },
    expect: "token_type",
  },

  // what the configuration requires
  { name: "a required claim", issuer: { require: [{ claim: "roles" }] }, expect: "identified" },
  {
    name: "a required claim that is absent",
    issuer: { require: [{ claim: "azp" }] },
    expect: "token_claims",
  },
  {
    name: "a required claim that is null",
    payload: { azp: null },
    issuer: { require: [{ claim: "azp" }] },
    expect: "token_claims",
  },
  {
    name: "a required value",
    payload: { azp: "client-a" },
    issuer: { require: [{ claim: "azp", values: ["client-a", "client-b"] }] },
    expect: "identified",
  },
  {
    name: "a required value by its beginning",
    payload: { azp: "client-ab" },
    issuer: { require: [{ claim: "azp", values: ["client-a"] }] },
    expect: "token_claims",
  },
  {
    name: "a required truth told as text",
    payload: { email_verified: "true" },
    issuer: { require: [{ claim: "email_verified", values: [true] }] },
    expect: "token_claims",
  },
  {
    name: "a forbidden claim that is null",
    payload: { x: null },
    issuer: { require: [{ claim: "x", absent: true }] },
    expect: "token_claims",
  },
  {
    name: "a required claim in the prototype",
    issuer: { require: [{ claim: "constructor" }] },
    expect: "token_claims",
  },
  {
    name: "the other of two required claims",
    payload: { appid: "app-1" },
    issuer: { require: [{ claim: "azp", or: "appid" }] },
    expect: "identified",
  },

  // trust domains
  {
    name: "a SPIFFE id of the issuer's trust domain",
    payload: { sub: "spiffe://corp.test/agent/7" },
    issuer: { trust_domains: ["corp.test"] },
    expect: "identified",
  },
  {
    name: "a SPIFFE id where no trust domain is the issuer's",
    payload: { sub: "spiffe://corp.test/agent/7" },
    expect: "token_trust_domain",
  },
  ...[
    ["a SPIFFE id of another trust domain", "spiffe://evil.test/agent", "token_trust_domain"],
    ["a trust domain by its beginning", "spiffe://corp.test.evil/agent", "token_trust_domain"],
    ["a trust domain by its end", "spiffe://evilcorp.test/agent", "token_trust_domain"],
    ["a trust domain in capitals", "spiffe://CORP.test/agent", "token_claims"],
    ["the scheme in capitals", "SPIFFE://corp.test/agent", "token_claims"],
    ["a SPIFFE id behind a blank", " spiffe://evil.test/agent", "token_claims"],
    ["a SPIFFE id with a user", "spiffe://corp.test@evil.test/agent", "token_claims"],
    ["a SPIFFE id with a port", "spiffe://corp.test:8443/agent", "token_claims"],
    ["a SPIFFE id with dots", "spiffe://corp.test/../evil", "token_claims"],
    ["a SPIFFE id with an escape", "spiffe://corp.test/%2e%2e/evil", "token_claims"],
    ["a SPIFFE id with a query", "spiffe://corp.test/agent?admin", "token_claims"],
    ["a SPIFFE id with a slash at its end", "spiffe://corp.test/agent/", "token_claims"],
    ["a SPIFFE id with two slashes", "spiffe://corp.test//agent", "token_claims"],
  ].map(([name = "", sub, expect]): TokenCase => ({
    name,
    payload: { sub },
    issuer: { trust_domains: ["corp.test"] },
    expect: expect as TokenCase["expect"],
  })),
  {
    name: "an actor with a SPIFFE id of another trust domain",
    payload: { act: { sub: "spiffe://evil.test/agent" } },
    issuer: { trust_domains: ["corp.test"] },
    expect: "token_trust_domain",
  },
  {
    name: "an actor of another issuer with a SPIFFE id of a trust domain that isn't ours to name",
    payload: { act: { sub: "spiffe://evil.test/agent", iss: "https://two.test" } },
    issuer: { trust_domains: ["corp.test"], actor_issuers: ["https://two.test"] },
    expect: "token_trust_domain",
  },
  {
    name: "an actor with a SPIFFE id of the issuer's trust domain",
    payload: { act: { sub: "spiffe://corp.test/agent" } },
    issuer: { trust_domains: ["corp.test"] },
    expect: "identified",
  },

  // chains that loop
  {
    name: "an actor who acts for itself",
    payload: { act: { sub: "sub-of-ann@acme.example" } },
    expect: "actor_loop",
  },
  {
    name: "an actor twice",
    payload: { act: { sub: "actor-1", act: { sub: "actor-2", act: { sub: "actor-1" } } } },
    expect: "actor_loop",
  },
  {
    name: "a hundred actors",
    raw: token(
      header,
      text(payload).replace(/\}$/, `${',"act":{"sub":"a"'.repeat(12)}${"}".repeat(13)}`),
      es256(k1),
    ),
    expect: "token_claims",
  },

  // scopes and the human's authentication
  { name: "scopes as words", payload: { scope: "scope-read scope-write" }, expect: "identified" },
  { name: "scopes as a list", payload: { scp: ["scope-read"] }, expect: "identified" },
  {
    name: "scopes twice, the same",
    payload: { scope: "s-1 s-2", scp: ["s-2", "s-1"] },
    expect: "identified",
  },
  {
    name: "scopes twice, not the same",
    payload: { scope: "s-1", scp: ["s-1", "s-admin"] },
    expect: "token_claims",
  },
  { name: "scopes an object", payload: { scope: { read: true } }, expect: "token_claims" },
  { name: "scopes null", payload: { scp: null }, expect: "token_claims" },
  { name: "scopes with a number", payload: { scp: ["scope-read", 1] }, expect: "token_claims" },
  { name: "acr a number", payload: { acr: 2 }, expect: "token_claims" },
  { name: "amr a string", payload: { amr: "mfa" }, expect: "token_claims" },
  { name: "auth_time a string", payload: { auth_time: "now" }, expect: "token_claims" },
  { name: "auth_time to come", payload: { auth_time: now + 3_600 }, expect: "token_claims" },
  {
    name: "auth_time past",
    payload: { auth_time: now - 3_600, acr: "urn:2", amr: ["pwd"] },
    expect: "identified",
  },

  // claims that stand elsewhere
  {
    name: "groups elsewhere",
    payload: { groups: undefined, _claim_names: { groups: "src1" } },
    expect: "groups_unavailable",
  },
  {
    name: "groups elsewhere, too",
    payload: { _claim_names: { groups: "src1" } },
    expect: "groups_unavailable",
  },
  { name: "groups left out", payload: { groups: undefined, hasgroups: true }, expect: "groups_unavailable" },
  {
    name: "groups left out, said as text",
    payload: { groups: undefined, hasgroups: "true" },
    expect: "groups_unavailable",
  },
  {
    name: "roles elsewhere",
    payload: { roles: undefined, _claim_names: { roles: "src1" } },
    expect: "token_claims",
  },
  { name: "claim names no object", payload: { _claim_names: "groups" }, expect: "token_claims" },
  {
    name: "a claim elsewhere that isn't mapped",
    payload: { _claim_names: { photo: "src1" } },
    expect: "identified",
  },

  // names for tenants
  {
    name: "a tenant by its name there",
    payload: { tenant: "org-17" },
    issuer: { tenant_names: { "org-17": "acme" } },
    expect: "identified",
  },
  {
    name: "a tenant by its name here, which isn't its name there",
    issuer: { tenant_names: { "org-17": "acme" } },
    expect: "token_tenant",
  },
  {
    name: "a tenant called constructor",
    payload: { tenant: "constructor" },
    issuer: { tenant_names: { "org-17": "acme" }, tenants: ["*"] },
    expect: "token_tenant",
  },

  // look-alikes of the issuer and the audience
  ...[
    ["in other case", "https://ISSUER.test"],
    ["with its port", "https://issuer.test:443"],
    ["with a Cyrillic letter", "https://i\u0455suer.test"],
    ["with a full-width letter", "https://\uff49ssuer.test"],
    ["with a soft hyphen", "https://iss\u00aduer.test"],
    ["with a zero-width space", "https://issuer.test\u200b"],
    ["with a blank", "https://issuer.test "],
    ["with a NUL", "https://issuer.test\u0000"],
    ["by plain HTTP", "http://issuer.test"],
    ["with a user", "https://issuer.test@evil.test"],
    ["with a fragment", "https://issuer.test#evil"],
    ["with a query", "https://issuer.test?x"],
    ["by its beginning", "https://issuer.test.evil.test"],
    ["in the prototype", "__proto__"],
  ].map(([name = "", iss]): TokenCase => ({
    name: `the issuer ${name}`,
    payload: { iss },
    expect: "token_issuer",
  })),
  ...[
    ["by its beginning", "counter"],
    ["with more", "countersign.evil"],
    ["with a slash", "countersign/"],
    ["with a Cyrillic letter", "c\u043euntersign"],
    ["in a list of its beginnings", ["counter", "countersign "]],
    ["in a nested list", [["countersign"]]],
    ["in an object of a list", [{ 0: "countersign" }]],
  ].map(([name, aud], i): TokenCase => ({
    name: `the audience ${String(name)}`,
    payload: { aud },
    expect: i < 5 ? "token_audience" : "token_claims",
  })),

  // kid
  ...[
    ["traversal", "../../../../dev/null"],
    ["a URL", "https://evil.test/jwks#k1"],
    ["SQL", "k1' UNION SELECT 'secret"],
    ["a command", "k1; cat /etc/passwd"],
    ["a NUL behind the right one", "k1\u0000"],
    ["a blank behind the right one", "k1 "],
    ["other case", "K1"],
    ["the prototype", "__proto__"],
    ["a method's name", "toString"],
    ["nothing", ""],
    ["10,000 characters", "k".repeat(10_000)],
  ].map(([name = "", kid]): TokenCase => ({
    name: `kid ${name}`,
    header: { kid },
    expect: "token_key_unknown",
  })),
  { name: "kid null", header: { kid: null }, expect: "token_malformed" },
  { name: "kid a list", header: { kid: ["k1"] }, expect: "token_malformed" },

  // signatures
  {
    name: "ECDSA in DER",
    sign: (data) => sign("sha256", Buffer.from(data), { key: k1.privateKey, dsaEncoding: "der" }),
    expect: "token_signature",
  },
  { name: "ECDSA r of zero", sign: (data) => zeroed(es256(k1)(data), 0), expect: "token_signature" },
  { name: "ECDSA s of zero", sign: (data) => zeroed(es256(k1)(data), 32), expect: "token_signature" },
  {
    name: "ECDSA r and s of the group's order",
    sign: () => Buffer.concat([p256Order, p256Order]),
    expect: "token_signature",
  },
  {
    name: "ECDSA with a byte more",
    sign: (data) => Buffer.concat([es256(k1)(data), Buffer.alloc(1)]),
    expect: "token_signature",
  },
  {
    name: "ECDSA with a byte less",
    sign: (data) => es256(k1)(data).subarray(0, 63),
    expect: "token_signature",
  },
  { name: "a signature of one zero", sign: () => Buffer.alloc(1), expect: "token_signature" },
  {
    name: "the payload as its signature",
    sign: (data) => Buffer.from(data.split(".")[1] ?? ""),
    expect: "token_signature",
  },
  {
    name: "stripped: no third part",
    raw: token(header, payload, es256(k1)).split(".").slice(0, 2).join("."),
    expect: "token_malformed",
  },
  {
    name: "stripped: the signature of another token",
    sign: () => es256(k1)(token(header, { ...payload, sub: "else" }, unsigned).slice(0, -1)),
    expect: "token_signature",
  },
  {
    name: "a base64url of two spellings",
    raw: respelled(token(header, payload, es256(k1))),
    expect: "token_malformed",
  },
  { name: "alg nOnE with none", header: { alg: "nOnE" }, sign: unsigned, expect: "token_algorithm" },
  { name: "alg an empty text", header: { alg: "" }, sign: unsigned, expect: "token_algorithm" },
  { name: "alg es256", header: { alg: "es256" }, expect: "token_algorithm" },
  { name: "alg ES256K", header: { alg: "ES256K" }, expect: "token_algorithm" },
  { name: "alg a list", header: { alg: ["ES256"] }, expect: "token_malformed" },
  { name: "alg of the prototype", header: { alg: "constructor" }, expect: "token_algorithm" },
  { name: "x5t#S256 alone", header: { "x5t#S256": "thumb" }, expect: "identified" },
  { name: "a compressed payload", header: { zip: "DEF" }, expect: "identified" },

  // sizes
  {
    name: "3,000 groups",
    payload: { groups: Array.from({ length: 1_500 }, (_, i) => `g${i}`) },
    expect: "identified",
  },
  { name: "a group of 600 characters", payload: { groups: ["g".repeat(600)] }, expect: "token_claims" },
  {
    name: "objects nested past the limit",
    raw: token(header, `{"a":${'{"a":'.repeat(20)}1${"}".repeat(21)}`, es256(k1)),
    expect: "token_malformed",
  },
  {
    name: "a claim twice by an escape",
    raw: token(header, text(payload).replace("{", '{"ten\\u0061nt":"globex",'), es256(k1)),
    expect: "token_malformed",
  },
  {
    name: "a nested claim twice",
    raw: token(
      header,
      text(payload).replace('"id":"device-7"', '"id":"device-7","id":"device-8"'),
      es256(k1),
    ),
    expect: "token_malformed",
  },
  {
    name: "not UTF-8",
    raw: rawPayload(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    expect: "token_malformed",
  },
  {
    name: "a byte order mark",
    raw: token(header, `\ufeff${text(payload)}`, es256(k1)),
    expect: "token_malformed",
  },
  {
    name: "JSON behind JSON",
    raw: token(header, `${text(payload)}{}`, es256(k1)),
    expect: "token_malformed",
  },
  { name: "a payload of null", raw: token(header, "null", es256(k1)), expect: "token_malformed" },

  // times
  { name: "exp in milliseconds", payload: { exp: start + 600_000 }, expect: "token_claims" },
  { name: "exp a list", payload: { exp: [now + 600] }, expect: "token_claims" },
  { name: "exp negative", payload: { exp: -1 }, expect: "token_claims" },
  { name: "iat after exp", payload: { iat: now + 20, exp: now + 10 }, expect: "token_claims" },
];

function zeroed(signature: Buffer, from: number): Buffer {
  return signature.fill(0, from, from + 32);
}

/** The same bytes by another last letter, whose unused bits aren't zero. */
function respelled(good: string): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return good.slice(0, -1) + (letters[letters.indexOf(good.slice(-1)) + 1] ?? "");
}

function rawPayload(bytes: Buffer): string {
  const data = `${Buffer.from(text(header)).toString("base64url")}.${bytes.toString("base64url")}`;
  return `${data}.${es256(k1)(data).toString("base64url")}`;
}

export function tokenOf(one: TokenCase): string {
  if (one.raw !== undefined) return one.raw;
  return token({ ...header, ...one.header }, { ...payload, ...one.payload }, one.sign ?? es256(k1));
}
