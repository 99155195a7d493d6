import type { Credentials } from "../../sidecar/contract.js";
import { accessToken, bound, now, sha256, target } from "./proof-world.js";
import { ec, es256, hs256, jwk, token, unsigned, type Members, type Signer } from "./world.js";
import { goodWit, wpt } from "./wimse.cases.js";

/** Signs transaction tokens. */
export const tts = ec();
const stranger = ec();

export const transaction_tokens = {
  enabled: true,
  issuer: "https://tts.prod.example",
  audience: "prod.example",
  jwks: { keys: [jwk(tts, { kid: "t1" })] },
  algorithms: ["ES256"],
  tenants: ["acme"],
  claims: { groups: ["tctx", "groups"] },
};

export const txnHeader: Members = { typ: "txntoken+jwt", alg: "ES256", kid: "t1" };
export const txnPayload: Members = {
  iss: "https://tts.prod.example",
  aud: "prod.example",
  iat: now - 5,
  exp: now + 60,
  txn: "txn-97053963",
  sub: "sub-of-ann@acme.example",
  scope: "trade.stocks trade.read",
  req_wl: "apigateway.prod.example",
  tctx: { action: "BUY", groups: ["traders"] },
  rctx: { req_ip: "192.0.2.7" },
};
export const txn = (more: Members = {}, head: Members = {}, signer: Signer = es256(tts)): string =>
  token({ ...txnHeader, ...head }, { ...txnPayload, ...more }, signer);

/** Presents a transaction token as it must be: by a workload whose proof names it. */
export function presented(transaction: string): Credentials {
  return { transaction, workload: { token: goodWit, proof: wpt({ tth: sha256(transaction) }) }, target };
}

export interface TransactionCase {
  readonly name: string;
  readonly credentials: Credentials;
  readonly expect: string;
}

const by = (name: string, transaction: string, expect: string): TransactionCase => ({
  name,
  credentials: presented(transaction),
  expect,
});

export const transactionCases: readonly TransactionCase[] = [
  by("a valid token, presented by a workload", txn(), "identified"),
  by("without iss", txn({ iss: undefined }), "identified"),
  by(
    "purp and azd of older drafts",
    txn({ scope: undefined, purp: "trade", tctx: undefined, azd: { a: 1 } }),
    "identified",
  ),
  by("without contexts", txn({ tctx: undefined, rctx: undefined }), "identified"),

  {
    name: "alone: it isn't an authentication",
    credentials: { transaction: txn() },
    expect: "transaction_alone",
  },
  { name: "as an access token", credentials: { bearer: txn() }, expect: "token_issuer" },
  {
    name: "as an access token that names our issuer",
    credentials: { bearer: accessToken({}, { typ: "txntoken+jwt" }) },
    expect: "token_type",
  },
  {
    name: "with a proof that doesn't name it",
    credentials: { ...presented(txn()), workload: { token: goodWit, proof: wpt() } },
    expect: "workload_proof_invalid",
  },
  {
    name: "with a proof for another",
    credentials: { ...presented(txn({ txn: "other" })), transaction: txn() },
    expect: "workload_proof_invalid",
  },
  {
    name: "beside an access token",
    credentials: { ...presented(txn()), bearer: accessToken() },
    expect: "workload_proof_invalid",
  },
  {
    name: "beside an access token that the proof names",
    credentials: { transaction: txn(), bearer: accessToken() },
    expect: "credentials_conflict",
  },

  by("an access token as transaction token", bound, "token_type"),
  by("a workload token as transaction token", goodWit, "token_type"),
  by("not a JWT", "txn", "token_malformed"),
  by("huge", txn({ pad: "x".repeat(20_000) }), "token_malformed"),
  by("typ JWT", txn({}, { typ: "JWT" }), "token_type"),
  by("alg none", txn({}, { alg: "none" }, unsigned), "token_algorithm"),
  by(
    "HS256 by the public key",
    txn({}, { alg: "HS256" }, hs256(JSON.stringify(jwk(tts)))),
    "token_algorithm",
  ),
  by("its key embedded", txn({}, { jwk: jwk(stranger) }, es256(stranger)), "token_malformed"),
  by("another's signature", txn({}, {}, es256(stranger)), "token_signature"),
  by("an unknown key", txn({}, { kid: "t9" }), "token_key_unknown"),
  by("another issuer", txn({ iss: "https://tts.evil.test" }), "token_issuer"),
  by("another trust domain", txn({ aud: "stage.example" }), "token_audience"),
  by("a trust domain that begins alike", txn({ aud: "prod.example.evil.test" }), "token_audience"),
  by("no aud", txn({ aud: undefined }), "token_audience"),
  by("expired", txn({ exp: now }), "token_expired"),
  by("of the future", txn({ iat: now + 31 }), "token_not_yet_valid"),
  by("too long a life", txn({ exp: now + 400 }), "token_lifetime"),
  by("no iat, which would hide its life", txn({ iat: undefined }), "transaction_invalid"),
  by("no txn", txn({ txn: undefined }), "transaction_invalid"),
  by("no scope", txn({ scope: undefined }), "transaction_invalid"),
  by("an empty scope", txn({ scope: "" }), "transaction_invalid"),
  by("scope as a list", txn({ scope: ["trade"] }), "transaction_invalid"),
  by("no req_wl", txn({ req_wl: undefined }), "transaction_invalid"),
  by("tctx as text", txn({ tctx: "BUY" }), "token_claims"),
  by("rctx as text", txn({ rctx: "x" }), "transaction_invalid"),
  by("two contexts", txn({ azd: { action: "SELL" } }), "transaction_invalid"),
  by("bound to a key", txn({ cnf: { jkt: sha256("x") } }), "transaction_invalid"),
  by("no sub", txn({ sub: undefined }), "token_claims"),
];
