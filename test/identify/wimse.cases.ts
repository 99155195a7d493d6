import type { Credentials } from "../../sidecar/contract.js";
import { bound, now, proof, sha256, target } from "./proof-world.js";
import { ec, ed, eddsa, es256, hs256, jwk, token, unsigned, type Members, type Signer } from "./world.js";

/** Signs workload identity tokens of prod.example, and of stage.example. */
export const prod = ec();
export const stage = ec();
/** The workload's own. */
export const own = ec();
const edOwn = ed();
const stranger = ec();
export const ownJwk: Members = jwk(own, { alg: "ES256" });

export const witHeader: Members = { typ: "wit+jwt", alg: "ES256", kid: "p1" };
export const witPayload: Members = {
  iss: "https://identity.prod.example",
  sub: "spiffe://prod.example/ns/agents/sa/planner",
  iat: now - 10,
  exp: now + 600,
  jti: "wit-1",
  cnf: { jwk: ownJwk },
};
export const wit = (more: Members = {}, head: Members = {}, signer: Signer = es256(prod)): string =>
  token({ ...witHeader, ...head }, { ...witPayload, ...more }, signer);
export const goodWit = wit();

export const wptHeader: Members = { typ: "wpt+jwt", alg: "ES256" };
let made = 0;
export const wptPayload = (held = goodWit): Members => ({
  aud: target.url,
  exp: now + 60,
  jti: `wpt-${++made}`,
  wth: sha256(held),
});
export const wpt = (more: Members = {}, held = goodWit): string =>
  token(wptHeader, { ...wptPayload(held), ...more }, es256(own));

/** The configuration that the cases are judged by. */
export const wimse = {
  enabled: true,
  trust_domains: [
    {
      name: "prod.example",
      issuer: "https://identity.prod.example",
      jwks: { keys: [jwk(prod, { kid: "p1" })] },
      algorithms: ["ES256"],
      tenants: ["acme"],
    },
    {
      name: "stage.example",
      jwks: { keys: [jwk(stage, { kid: "s1" })] },
      algorithms: ["ES256"],
      tenants: ["acme", "globex"],
    },
  ],
  audiences: ["urn:countersign:prod"],
};

export interface WimseCase {
  readonly name: string;
  /** The workload identity token, where it is another. */
  readonly wit?: string;
  /** Laid over a valid proof's header and payload; `undefined` leaves a member out. */
  readonly header?: Members;
  readonly payload?: Members;
  readonly sign?: Signer;
  readonly raw?: string;
  /** What else is on the request. */
  readonly beside?: Credentials;
  readonly expect: string;
}

const sub = (text: string): Partial<WimseCase> => ({ wit: wit({ sub: text }) });
const cnf = (value: unknown): Partial<WimseCase> => ({ wit: wit({ cnf: value }) });
const badToken = "workload_token_invalid";
const badProof = "workload_proof_invalid";

export const wimseCases: readonly WimseCase[] = [
  { name: "a valid token with its proof", expect: "identified" },
  { name: "a wimse URI", ...sub("wimse://prod.example/planner"), expect: "identified" },
  { name: "without iss", wit: wit({ iss: undefined }), expect: "identified" },
  { name: "without jti", wit: wit({ jti: undefined }), expect: "identified" },
  {
    name: "a proof for a configured name of ours",
    payload: { aud: "urn:countersign:prod" },
    expect: "identified",
  },
  { name: "a proof for a list of one", payload: { aud: [target.url] }, expect: "identified" },
  {
    name: "Ed25519",
    wit: wit({ cnf: { jwk: jwk(edOwn, { alg: "EdDSA" }) } }),
    header: { alg: "EdDSA" },
    sign: eddsa(edOwn),
    expect: "identified",
  },

  // the token
  { name: "no token", wit: "", expect: badToken },
  { name: "an access token as workload token", wit: bound, expect: badToken },
  { name: "a huge token", wit: wit({ pad: "x".repeat(9_000) }), expect: badToken },
  { name: "typ JWT", wit: wit({}, { typ: "JWT" }), expect: badToken },
  { name: "typ of its proof", wit: wit({}, { typ: "wpt+jwt" }), expect: badToken },
  { name: "its key embedded", wit: wit({}, { jwk: jwk(stranger) }, es256(stranger)), expect: badToken },
  { name: "alg none", wit: wit({}, { alg: "none" }, unsigned), expect: "token_algorithm" },
  {
    name: "HS256 by the public key",
    wit: wit({}, { alg: "HS256" }, hs256(JSON.stringify(jwk(prod)))),
    expect: "token_algorithm",
  },
  { name: "another's signature", wit: wit({}, {}, es256(stranger)), expect: "token_signature" },
  { name: "a key that nobody has", wit: wit({}, { kid: "p9" }), expect: "token_key_unknown" },
  {
    name: "a trust domain signed by another's key",
    wit: wit({ sub: "spiffe://stage.example/x" }, { kid: "p1" }),
    expect: "token_key_unknown",
  },
  {
    name: "a trust domain's token by another's key of the same name",
    wit: wit({ sub: "spiffe://stage.example/x" }, { kid: "s1" }, es256(prod)),
    expect: "token_signature",
  },
  { name: "another issuer", wit: wit({ iss: "https://identity.evil.test" }), expect: "token_issuer" },
  { name: "an issuer that isn't text", wit: wit({ iss: 7 }), expect: "token_issuer" },
  { name: "expired", wit: wit({ exp: now }), expect: "token_expired" },
  { name: "without an end", wit: wit({ exp: undefined }), expect: "token_claims" },
  { name: "of the future", wit: wit({ iat: now + 31 }), expect: "token_not_yet_valid" },
  { name: "for longer than a day", wit: wit({ exp: now + 86_401 }), expect: "token_lifetime" },
  { name: "no sub", wit: wit({ sub: undefined }), expect: badToken },
  { name: "an unknown trust domain", ...sub("spiffe://evil.test/ns/agents"), expect: badToken },
  { name: "a trust domain that begins alike", ...sub("spiffe://prod.example.evil.test/x"), expect: badToken },
  { name: "a trust domain in capitals", ...sub("spiffe://PROD.example/x"), expect: badToken },
  { name: "a trust domain with a port", ...sub("spiffe://prod.example:8080/x"), expect: badToken },
  { name: "a trust domain with a user", ...sub("spiffe://evil@prod.example/x"), expect: badToken },
  { name: "a trust domain without a path", ...sub("spiffe://prod.example"), expect: badToken },
  { name: "dot segments", ...sub("spiffe://prod.example/a/../b"), expect: badToken },
  { name: "an escape", ...sub("spiffe://prod.example/a%2fb"), expect: badToken },
  { name: "an empty segment", ...sub("spiffe://prod.example/a//b"), expect: badToken },
  { name: "a query", ...sub("spiffe://prod.example/a?b"), expect: badToken },
  { name: "another scheme", ...sub("https://prod.example/a"), expect: badToken },
  {
    name: "two identifiers",
    wit: wit({ sub: ["spiffe://prod.example/a", "spiffe://prod.example/b"] }),
    expect: badToken,
  },
  { name: "no cnf", ...cnf(undefined), expect: badToken },
  { name: "cnf by thumbprint", ...cnf({ jkt: sha256("x") }), expect: badToken },
  { name: "cnf without alg", ...cnf({ jwk: jwk(own) }), expect: badToken },
  {
    name: "cnf for an algorithm of secrets",
    ...cnf({ jwk: { kty: "oct", k: "c2VjcmV0", alg: "HS256" } }),
    expect: badToken,
  },
  { name: "cnf with alg none", ...cnf({ jwk: { ...ownJwk, alg: "none" } }), expect: badToken },
  { name: "cnf for another key type", ...cnf({ jwk: { ...ownJwk, alg: "RS256" } }), expect: badToken },
  {
    name: "cnf with the private key",
    ...cnf({ jwk: { ...own.privateKey.export({ format: "jwk" }), alg: "ES256" } }),
    expect: badToken,
  },

  // the proof
  { name: "no proof", raw: "", expect: badProof },
  { name: "a DPoP proof", raw: proof(), expect: badProof },
  { name: "typ JWT in the proof", header: { typ: "JWT" }, expect: badProof },
  { name: "the proof's own key", header: { jwk: jwk(stranger) }, sign: es256(stranger), expect: badProof },
  { name: "a proof by another algorithm than cnf's", header: { alg: "ES384" }, expect: badProof },
  { name: "a proof with alg none", header: { alg: "none" }, sign: unsigned, expect: badProof },
  { name: "a proof by another key", sign: es256(stranger), expect: badProof },
  { name: "its own key in the proof, though it is the right one", header: { jwk: ownJwk }, expect: badProof },
  { name: "a proof by the key of the token's issuer", sign: es256(prod), expect: badProof },
  { name: "a signature of zeros", sign: () => Buffer.alloc(64), expect: badProof },
  { name: "no aud", payload: { aud: undefined }, expect: badProof },
  { name: "another path", payload: { aud: "https://gw.example/v1/models" }, expect: badProof },
  { name: "another host", payload: { aud: "https://evil.test/v1/chat/completions" }, expect: badProof },
  { name: "another port", payload: { aud: "https://gw.example:8443/v1/chat/completions" }, expect: badProof },
  { name: "aud with a query", payload: { aud: `${target.url}?a=1` }, expect: badProof },
  { name: "several audiences", payload: { aud: [target.url, "https://evil.test/"] }, expect: badProof },
  { name: "no exp", payload: { exp: undefined }, expect: badProof },
  { name: "an exp that has passed", payload: { exp: now }, expect: badProof },
  { name: "an exp too far ahead", payload: { exp: now + 131 }, expect: badProof },
  { name: "an iat ahead", payload: { iat: now + 11 }, expect: badProof },
  { name: "no jti in the proof", payload: { jti: undefined }, expect: badProof },
  { name: "a huge jti", payload: { jti: "j".repeat(257) }, expect: badProof },
  { name: "no wth", payload: { wth: undefined }, expect: badProof },
  { name: "wth of another token", payload: { wth: sha256(wit({ jti: "wit-2" })) }, expect: badProof },
  { name: "ath without an access token", payload: { ath: sha256("x") }, expect: badProof },
  { name: "tth without a transaction token", payload: { tth: sha256("x") }, expect: badProof },
  {
    name: "oth of a header that isn't known",
    payload: { oth: { "x-other": sha256("x") } },
    expect: badProof,
  },
  { name: "oth null", payload: { oth: null }, expect: badProof },
  {
    name: "an access token that the proof doesn't name",
    beside: { bearer: "ey.ey.x" },
    expect: "token_malformed",
  },
];

export function credentialsOf(one: WimseCase): Credentials {
  const held = one.wit ?? goodWit;
  const made = { ...wptPayload(held), ...one.payload };
  const written = one.raw ?? token({ ...wptHeader, ...one.header }, made, one.sign ?? es256(own));
  return { workload: { token: held, proof: written }, target, ...one.beside };
}
