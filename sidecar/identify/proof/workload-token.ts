import { LRUCache } from "lru-cache";
import { isObject, refuse, type Refusal } from "../../contract.js";
import { isName } from "../token/chain.js";
import { digestToken } from "../token/cache.js";
import { checkLifetime } from "../token/check-token.js";
import { decodeToken, verifySignature } from "../token/jwt.js";
import type { TrustedKey } from "../token/key-set.js";
import { createKeys, type Keys, type KeysParts } from "../token/keys.js";
import { readProofKey, type ProofKey } from "./proof-key.js";
import { readWorkloadId, type WorkloadId } from "./workload-id.js";
import type { TrustDomainConfig } from "./parse-wimse.js";

/** A workload identity token (WIT) that holds; worth nothing until the key is proved. */
export interface WorkloadToken {
  readonly kind: "workload_token";
  readonly workload: WorkloadId;
  readonly domain: TrustDomainConfig;
  /** The key that it is bound to (`cnf.jwk`), and the one algorithm that it may be used with. */
  readonly key: ProofKey;
  readonly alg: string;
  /** Its `jti`, or a digest. */
  readonly id: string;
  readonly issuer: string;
  /** When it was issued, where it says so: epoch milliseconds. */
  readonly issuedAt?: number;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly cached: boolean;
}

const longest = 8_192;
const mostKept = 5_000;

/** Creates the verification of WITs (draft-ietf-wimse-workload-creds-02, section 3.1). */
export function createWorkloadTokens(
  domains: readonly TrustDomainConfig[],
  parts: KeysParts,
): (token: string) => Promise<WorkloadToken | Refusal> {
  const trusted = new Map(
    domains.map((domain) => [domain.name, { domain, keys: createKeys(domain.keys, parts) }] as const),
  );
  const kept = new LRUCache<string, { found: WorkloadToken; key: TrustedKey; keys: Keys }>({ max: mostKept });

  const verify = async (token: string, digest: string): Promise<WorkloadToken | Refusal> => {
    const decoded = decodeToken(token);
    if (decoded.kind === "refusal") return wrong("not a signed JWT");
    const { payload, type } = decoded;
    if (type !== "wit+jwt") return wrong("typ");
    const workload = readWorkloadId(payload["sub"]);
    if (workload === undefined) return wrong("sub");
    // INVARIANT: the trust domain in `sub`, still unverified, only picks whose configured keys must verify it
    const source = trusted.get(workload.trustDomain);
    if (source === undefined) return wrong("trust domain");
    const { domain, keys } = source;
    if (!domain.keys.algorithms.includes(decoded.alg)) return refuse("token_algorithm");
    const key = await keys.find(decoded.kid, decoded.alg);
    if ("kind" in key) return key;
    const refusal = await verifySignature(token, decoded, key);
    if (refusal !== undefined) return refusal;
    const { iss, jti, cnf } = payload;
    if (iss !== undefined && (!isName(iss) || (domain.issuer !== undefined && iss !== domain.issuer))) {
      return refuse("token_issuer");
    }
    const lifetime = checkLifetime(payload, domain.keys, parts.now());
    if (lifetime.kind === "refusal") return lifetime;
    const jwk = isObject(cnf) ? cnf["jwk"] : undefined;
    const alg = isObject(jwk) ? jwk["alg"] : undefined;
    if (typeof alg !== "string") return wrong("cnf");
    const bound = readProofKey(jwk, alg);
    if (typeof bound === "string") return wrong(`cnf: ${bound}`);
    const found: WorkloadToken = {
      ...{ kind: "workload_token", workload, domain, key: bound, alg },
      id: isName(jti) ? jti : `sha256:${digest}`,
      issuer: iss ?? domain.issuer ?? domain.name,
      ...{ expiresAt: lifetime.expiresAt, cached: false },
      ...(lifetime.issuedAt === undefined ? {} : { issuedAt: lifetime.issuedAt }),
    };
    kept.set(digest, { found: { ...found, cached: true }, key, keys });
    return found;
  };

  return async (token) => {
    if (token.length > longest) return wrong("too large");
    const digest = digestToken(token);
    const known = kept.get(digest);
    if (known !== undefined) {
      await known.keys.refresh(parts.now());
      if (known.key.live && parts.now() < known.found.expiresAt) return known.found;
      kept.delete(digest);
    }
    return verify(token, digest);
  };
}

function wrong(what: string): Refusal {
  return refuse("workload_token_invalid", what);
}
