/** Transaction tokens: for whom and for what a chain of calls is made. Source: draft-ietf-oauth-transaction-tokens-09. */
import { isObject, refuse, type ChainLink, type JsonObject, type Refusal } from "../../contract.js";
import type { SubjectFacts, VerifyOutcome } from "../verified.js";
import { createTokenCache, digestToken, type KnownToken } from "../token/cache.js";
import { isName } from "../token/chain.js";
import { checkAudience, checkLifetime } from "../token/check-token.js";
import { readSubject } from "../token/claims.js";
import { decodeToken, verifySignature } from "../token/jwt.js";
import { createKeys, type KeysParts } from "../token/keys.js";
import type { TransactionConfig } from "./parse-transaction.js";

export interface TransactionParts extends KeysParts {
  readonly config: TransactionConfig;
}

/**
 * Creates the method for transaction tokens. What it gives needs a workload beside it: a transaction token doesn't
 * authenticate who presents it (section "Transaction Tokens Are Not Authentication Credentials").
 */
export function createTransactions(parts: TransactionParts): (token: string) => Promise<VerifyOutcome> {
  const { issuer, rules } = parts.config;
  const keys = createKeys(rules, parts);
  const cache = createTokenCache(parts.limits);

  const verify = async (token: string): Promise<(KnownToken & { kind: "known" }) | Refusal> => {
    const decoded = decodeToken(token);
    if (decoded.kind === "refusal") return decoded;
    const { type, payload, alg } = decoded;
    if (type !== "txntoken+jwt") return refuse("token_type");
    if (!rules.algorithms.includes(alg)) return refuse("token_algorithm");
    const key = await keys.find(decoded.kid, alg);
    if ("kind" in key) return key;
    const refusal = (await verifySignature(token, decoded, key)) ?? checkAudience(payload, rules);
    if (refusal !== undefined) return refusal;
    const { iss, iat, txn } = payload;
    if (iss !== undefined && issuer !== undefined && iss !== issuer) return refuse("token_issuer");
    if (iat === undefined) return wrong("iat");
    if (!isName(txn)) return wrong("txn");
    if (payload["cnf"] !== undefined) return wrong("cnf");
    const lifetime = checkLifetime(payload, rules, parts.now());
    if (lifetime.kind === "refusal") return lifetime;
    const read = readSubject(payload, rules, parts.now());
    if (read.kind === "refusal") return read;
    const subject = withTransaction(read.subject, payload, rules.issuer);
    if ("kind" in subject) return subject;
    const credential = { method: "transaction_token", id: txn, issuer: rules.issuer } as const;
    const { expiresAt, issuedAt } = lifetime;
    return {
      kind: "known",
      verified: {
        ...{ kind: "verified", method: "transaction_token", credential, subject, expiresAt, cached: false },
        needsWorkload: true,
        ...(issuedAt === undefined ? {} : { issuedAt }),
      },
      ...{ key, keys },
    };
  };

  return async (token) => {
    if (token.length > parts.limits.tokenBytes) return refuse("token_malformed");
    const digest = digestToken(token);
    await keys.refresh(parts.now());
    const known = cache.get(digest, parts.now());
    if (known !== undefined) return known.verified;
    const fresh = await verify(token);
    if (fresh.kind === "refusal") return fresh;
    cache.set(digest, fresh, token.length);
    return fresh.verified;
  };
}

/**
 * Adds what the transaction says: its scopes, its context (`tctx`, in older drafts `azd`; `rctx`) as claims, and the
 * workload that asked for the token (`req_wl`) as the first to act.
 */
function withTransaction(subject: SubjectFacts, payload: JsonObject, issuer: string): SubjectFacts | Refusal {
  // named `purp` before draft 06
  const { scope = payload["purp"], req_wl, rctx, azd, txn } = payload;
  const { tctx = azd } = payload;
  if (
    typeof scope !== "string" ||
    !/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scope)
  ) {
    return wrong("scope");
  }
  if (!isName(req_wl)) return wrong("req_wl");
  if (tctx !== undefined && !isObject(tctx)) return wrong("tctx");
  // two contexts, two readers
  if (azd !== undefined && tctx !== azd) return wrong("azd");
  if (rctx !== undefined && !isObject(rctx)) return wrong("rctx");
  const requester: ChainLink = { type: "workload", id: req_wl, issuer };
  const claims: JsonObject = {
    ...subject.claims,
    ...{ txn: txn ?? null, req_wl },
    ...(tctx === undefined ? {} : { tctx }),
    ...(rctx === undefined ? {} : { rctx }),
  };
  const caller = { type: requester.type, id: requester.id };
  return { ...subject, ...caller, chain: [...subject.chain, requester], claims, scopes: scope.split(" ") };
}

function wrong(what: string): Refusal {
  return refuse("transaction_invalid", what);
}
