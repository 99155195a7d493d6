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
];

export function tokenOf(one: TokenCase): string {
  if (one.raw !== undefined) return one.raw;
  return token({ ...header, ...one.header }, { ...payload, ...one.payload }, one.sign ?? es256(k1));
}
