import { createHmac, sign } from "node:crypto";
import type { Credentials } from "../../sidecar/contract.js";
import {
  accessToken,
  bound,
  holder,
  now,
  proof,
  proofHeader,
  proofPayload,
  sha256,
  stranger,
  target,
  thumbprint,
} from "./proof-world.js";
import {
  ec,
  ed,
  eddsa,
  es256,
  hs256,
  jwk,
  rs256,
  rsa,
  token,
  unsigned,
  type Members,
  type Signer,
} from "./world.js";
import { makeKeyPair } from "../key-pair.js";

export interface DpopCase {
  readonly name: string;
  /** Laid over a valid proof's header and payload; `undefined` leaves a member out. */
  readonly header?: Members;
  readonly payload?: Members;
  readonly sign?: Signer;
  /** The access token, where it is another. */
  readonly token?: string;
  /** The whole proof, where it isn't even one. */
  readonly raw?: string;
  readonly target?: Partial<typeof target>;
  readonly expect: string;
}

const { publicKey, privateKey } = makeKeyPair("ec");
const other = { publicKey, privateKey };
const p521 = ec("P-521");
const edPair = ed();
const rsaPair = rsa();
const weakPair = rsa(1024);
const hugePair = { jwk: { kty: "RSA", e: "AQAB", n: Buffer.alloc(1024, 0xff).toString("base64url") } };
const jktOf = (members: Members, names: string[]): string =>
  sha256(JSON.stringify(Object.fromEntries(names.map((name) => [name, members[name]]))));
const boundTo = (jkt: string): string => accessToken({ cnf: { jkt } });
const edToken = boundTo(thumbprint(edPair));
const rsaToken = boundTo(jktOf(jwk(rsaPair), ["e", "kty", "n"]));
const weakToken = boundTo(jktOf(jwk(weakPair), ["e", "kty", "n"]));
const hugeToken = boundTo(jktOf(hugePair.jwk, ["e", "kty", "n"]));
const otherToken = boundTo(thumbprint(other));
const unbound = accessToken();
const holderJwk = jwk(holder);
const der: Signer = (data) => {
  const raw = es256(holder)(data);
  const integer = (bytes: Buffer): Buffer => {
    const padded = (bytes[0] ?? 0) >= 128 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
    return Buffer.concat([Buffer.from([2, padded.length]), padded]);
  };
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
};
const url = (path: string): string => `https://gw.example${path}`;

export const dpopCases: readonly DpopCase[] = [
  { name: "a valid proof", expect: "identified" },
  { name: "typ with its full media type", header: { typ: "application/dpop+jwt" }, expect: "identified" },
  { name: "a kid beside the jwk", header: { kid: "mine" }, expect: "identified" },
  {
    name: "Ed25519",
    header: { alg: "EdDSA", jwk: jwk(edPair) },
    token: edToken,
    sign: eddsa(edPair),
    expect: "identified",
  },
  {
    name: "RS256",
    header: { alg: "RS256", jwk: jwk(rsaPair) },
    token: rsaToken,
    sign: rs256(rsaPair),
    expect: "identified",
  },
  { name: "iat within the skew", payload: { iat: now + 9 }, expect: "identified" },
  { name: "iat just young enough", payload: { iat: now - 60 }, expect: "identified" },
  {
    name: "a request with a query",
    target: { url: url("/v1/chat/completions?a=1#b") },
    expect: "identified",
  },
  {
    name: "htu with the default port",
    payload: { htu: "https://gw.example:443/v1/chat/completions" },
    expect: "identified",
  },
  {
    name: "htu with host and scheme in capitals",
    payload: { htu: "HTTPS://GW.Example/v1/chat/completions" },
    expect: "identified",
  },
  {
    name: "htu with an unreserved escape",
    payload: { htu: url("/v1/ch%61t/completions") },
    expect: "identified",
  },
  {
    name: "htu with dot segments",
    payload: { htu: url("/v1/x/../chat/./completions") },
    expect: "identified",
  },
  { name: "an exp that hasn't passed", payload: { exp: now + 1 }, expect: "identified" },

  // the form
  { name: "nothing", raw: "", expect: "dpop_invalid" },
  { name: "not a JWT", raw: "proof", expect: "dpop_invalid" },
  { name: "two proofs in one header", raw: `${proof()}, ${proof()}`, expect: "dpop_invalid" },
  { name: "an access token as its own proof", raw: bound, expect: "dpop_invalid" },
  { name: "too large", payload: { pad: "x".repeat(9_000) }, expect: "dpop_invalid" },
  { name: "no typ", header: { typ: undefined }, expect: "dpop_invalid" },
  { name: "typ JWT", header: { typ: "JWT" }, expect: "dpop_invalid" },
  { name: "typ at+jwt", header: { typ: "at+jwt" }, expect: "dpop_invalid" },
  { name: "typ of another proof", header: { typ: "wpt+jwt" }, expect: "dpop_invalid" },
  { name: "a critical extension", header: { crit: ["exp"], exp: now + 60 }, expect: "dpop_invalid" },
  { name: "b64 false", header: { b64: false, crit: ["b64"] }, expect: "dpop_invalid" },
  { name: "duplicate claims", raw: duplicate(), expect: "dpop_invalid" },

  // algorithm and key
  { name: "alg none", header: { alg: "none" }, sign: unsigned, expect: "dpop_invalid" },
  { name: "alg none with a signature", header: { alg: "none" }, expect: "dpop_invalid" },
  {
    name: "HS256 with the public key as secret",
    header: { alg: "HS256" },
    sign: hs256(JSON.stringify(holderJwk)),
    expect: "dpop_invalid",
  },
  {
    name: "a symmetric jwk",
    header: { alg: "HS256", jwk: { kty: "oct", k: "c2VjcmV0" } },
    sign: hs256("secret"),
    expect: "dpop_invalid",
  },
  {
    name: "an algorithm that isn't configured",
    header: { alg: "ES512", jwk: jwk(p521) },
    token: boundTo(thumbprint(p521)),
    sign: (data) => sign("sha512", Buffer.from(data), { key: p521.privateKey, dsaEncoding: "ieee-p1363" }),
    expect: "dpop_invalid",
  },
  { name: "alg of another key type", header: { alg: "RS256" }, expect: "dpop_invalid" },
  { name: "alg of another curve", header: { alg: "ES384" }, expect: "dpop_invalid" },
  {
    name: "an RSA key said to be EC",
    header: { jwk: { ...jwk(rsaPair), kty: "EC" } },
    expect: "dpop_invalid",
  },
  {
    name: "a private jwk",
    header: { jwk: holder.privateKey.export({ format: "jwk" }) },
    expect: "dpop_invalid",
  },
  {
    name: "a jwk with an empty private member",
    header: { jwk: { ...holderJwk, d: "" } },
    expect: "dpop_invalid",
  },
  { name: "no jwk", header: { jwk: undefined }, expect: "dpop_invalid" },
  { name: "jwk null", header: { jwk: null }, expect: "dpop_invalid" },
  { name: "jwk as text", header: { jwk: JSON.stringify(holderJwk) }, expect: "dpop_invalid" },
  { name: "a kid instead of the jwk", header: { jwk: undefined, kid: "k1" }, expect: "dpop_invalid" },
  {
    name: "jku instead of the jwk",
    header: { jwk: undefined, jku: "https://evil.test/keys" },
    expect: "dpop_invalid",
  },
  { name: "embedded certificates", header: { x5c: ["MIIB"] }, expect: "dpop_invalid" },
  {
    name: "a certificate in the jwk",
    header: { jwk: { ...holderJwk, x5c: ["MIIB"] } },
    expect: "dpop_invalid",
  },
  { name: "a jwk for another alg", header: { jwk: { ...holderJwk, alg: "ES384" } }, expect: "dpop_invalid" },
  { name: "a jwk for encryption", header: { jwk: { ...holderJwk, use: "enc" } }, expect: "dpop_invalid" },
  {
    name: "a point that isn't on the curve",
    header: { jwk: { ...holderJwk, y: holderJwk["x"] } },
    token: boundTo(jktOf({ ...holderJwk, y: holderJwk["x"] }, ["crv", "kty", "x", "y"])),
    expect: "dpop_invalid",
  },
  {
    name: "an RSA key of 1,024 bits",
    header: { alg: "RS256", jwk: jwk(weakPair) },
    token: weakToken,
    sign: rs256(weakPair),
    expect: "dpop_invalid",
  },
  {
    name: "an RSA key of 8,192 bits",
    header: { alg: "RS256", ...hugePair },
    token: hugeToken,
    sign: () => Buffer.alloc(1024),
    expect: "dpop_invalid",
  },

  // the signature
  { name: "no signature", sign: unsigned, expect: "dpop_invalid" },
  { name: "another key's signature", sign: es256(stranger), expect: "dpop_invalid" },
  { name: "a signature of zeros", sign: () => Buffer.alloc(64), expect: "dpop_invalid" },
  { name: "a signature in DER", sign: der, expect: "dpop_invalid" },
  {
    name: "a signature with a byte more",
    sign: (data) => Buffer.concat([es256(holder)(data), Buffer.alloc(1)]),
    expect: "dpop_invalid",
  },

  // the request
  { name: "htm of another method", payload: { htm: "GET" }, expect: "dpop_invalid" },
  { name: "htm in lower case", payload: { htm: "post" }, expect: "dpop_invalid" },
  { name: "htm as a list", payload: { htm: ["POST"] }, expect: "dpop_invalid" },
  { name: "no htm", payload: { htm: undefined }, expect: "dpop_invalid" },
  { name: "no htu", payload: { htu: undefined }, expect: "dpop_invalid" },
  { name: "htu of another path", payload: { htu: url("/v1/models") }, expect: "dpop_invalid" },
  {
    name: "htu of another port",
    payload: { htu: "https://gw.example:8443/v1/chat/completions" },
    expect: "dpop_invalid",
  },
  {
    name: "htu of the other scheme",
    payload: { htu: "http://gw.example/v1/chat/completions" },
    expect: "dpop_invalid",
  },
  {
    name: "htu of the other scheme with our port",
    payload: { htu: "http://gw.example:443/v1/chat/completions" },
    expect: "dpop_invalid",
  },
  {
    name: "htu with the path in capitals",
    payload: { htu: url("/V1/chat/completions") },
    expect: "dpop_invalid",
  },
  {
    name: "htu with a slash at its end",
    payload: { htu: url("/v1/chat/completions/") },
    expect: "dpop_invalid",
  },
  { name: "htu with a query", payload: { htu: url("/v1/chat/completions?a=1") }, expect: "dpop_invalid" },
  { name: "htu with an empty query", payload: { htu: url("/v1/chat/completions?") }, expect: "dpop_invalid" },
  { name: "htu with a fragment", payload: { htu: url("/v1/chat/completions#x") }, expect: "dpop_invalid" },
  {
    name: "htu with the request's own query",
    payload: { htu: url("/v1/chat/completions?a=1") },
    target: { url: url("/v1/chat/completions?a=1") },
    expect: "dpop_invalid",
  },
  {
    name: "htu with a user",
    payload: { htu: "https://gw.example@evil.test/v1/chat/completions" },
    expect: "dpop_invalid",
  },
  {
    name: "htu of a host that begins alike",
    payload: { htu: "https://gw.example.evil.test/v1/chat/completions" },
    expect: "dpop_invalid",
  },
  {
    name: "htu with a dot after the host",
    payload: { htu: "https://gw.example./v1/chat/completions" },
    expect: "dpop_invalid",
  },
  {
    name: "htu with backslashes",
    payload: { htu: "https:\\\\gw.example\\v1\\chat\\completions" },
    expect: "dpop_invalid",
  },
  {
    name: "htu with a tab that a browser drops",
    payload: { htu: "https://gw.exa\tmple/v1/chat/completions" },
    expect: "dpop_invalid",
  },
  { name: "htu with a blank before it", payload: { htu: ` ${target.url}` }, expect: "dpop_invalid" },
  {
    name: "htu with a full-width letter",
    payload: { htu: "https://ｇw.example/v1/chat/completions" },
    expect: "dpop_invalid",
  },
  {
    name: "htu with an escaped slash",
    payload: { htu: url("/v1%2Fchat/completions") },
    expect: "dpop_invalid",
  },
  {
    name: "htu without a scheme",
    payload: { htu: "//gw.example/v1/chat/completions" },
    expect: "dpop_invalid",
  },
  { name: "htu as a list", payload: { htu: [target.url] }, expect: "dpop_invalid" },

  // the times
  { name: "iat of a future beyond the skew", payload: { iat: now + 11 }, expect: "dpop_invalid" },
  { name: "iat too old", payload: { iat: now - 61 }, expect: "dpop_invalid" },
  { name: "no iat", payload: { iat: undefined }, expect: "dpop_invalid" },
  { name: "iat as text", payload: { iat: String(now) }, expect: "dpop_invalid" },
  { name: "iat in milliseconds", payload: { iat: now * 1000 }, expect: "dpop_invalid" },
  { name: "an exp that has passed", payload: { exp: now }, expect: "dpop_invalid" },
  { name: "an nbf ahead", payload: { nbf: now + 11 }, expect: "dpop_invalid" },

  // the id
  { name: "no jti", payload: { jti: undefined }, expect: "dpop_invalid" },
  { name: "an empty jti", payload: { jti: "" }, expect: "dpop_invalid" },
  { name: "a jti that isn't text", payload: { jti: 7 }, expect: "dpop_invalid" },
  { name: "a huge jti", payload: { jti: "j".repeat(257) }, expect: "dpop_invalid" },

  // the token
  { name: "no ath", payload: { ath: undefined }, expect: "dpop_invalid" },
  { name: "ath of another token", payload: { ath: sha256(unbound) }, expect: "dpop_invalid" },
  {
    name: "ath in hex",
    payload: { ath: Buffer.from(sha256(bound), "base64url").toString("hex") },
    expect: "dpop_invalid",
  },
  { name: "ath with padding", payload: { ath: `${sha256(bound)}=` }, expect: "dpop_invalid" },
  { name: "a proof by a key that the token isn't bound to", token: otherToken, expect: "token_binding" },
  {
    name: "one's own key and signature for another's token",
    header: { jwk: jwk(stranger) },
    sign: es256(stranger),
    expect: "token_binding",
  },
  { name: "a bearer token under the DPoP scheme", token: unbound, expect: "dpop_invalid" },
  {
    name: "an expired token with a good proof",
    token: accessToken({ cnf: { jkt: thumbprint(holder) }, exp: now }),
    expect: "token_expired",
  },
  {
    name: "a token bound to a key and a certificate, without the certificate",
    token: accessToken({ cnf: { jkt: thumbprint(holder), "x5t#S256": sha256("cert") } }),
    expect: "token_binding",
  },
];

export function credentialsOf(one: DpopCase): Credentials {
  const access = one.token ?? bound;
  const made = { ...proofPayload(access), ...one.payload };
  const written = one.raw ?? token({ ...proofHeader, ...one.header }, made, one.sign ?? es256(holder));
  return { dpop: { token: access, proof: written }, target: { ...target, ...one.target } };
}

/** A payload with two `htu`, of which one reader takes the first and another the last. */
function duplicate(): string {
  const twice = JSON.stringify({ ...proofPayload(), htu: target.url }).replace(
    `"htu":`,
    `"htu":"https://evil.test/","htu":`,
  );
  return token(JSON.stringify(proofHeader), twice, es256(holder));
}

/** A nonce of the right form that isn't ours. */
export function forgedNonce(nonce: string): string {
  const turn = nonce.split(".")[0] ?? "";
  const mac = createHmac("sha256", "guess")
    .update(`dpop-nonce:${parseInt(turn, 36)}`)
    .digest();
  return `${turn}.${mac.subarray(0, 18).toString("base64url")}`;
}
