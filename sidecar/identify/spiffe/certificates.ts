import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { refuse, type Refusal } from "../../contract.js";
import type { Verified, VerifyOutcome } from "../verified.js";
import { readCertificate, type Certificate } from "./certificate.js";
import type { TrustDomains } from "./trust-domains.js";
import { mostCertificates, readChain, verifyX509Svid, type ReadChain } from "./verify-x509-svid.js";

/** Verifies a chain, leaf first, base64 of DER, as a client's. Rejects on bugs only. */
export type VerifyCertificates = (certificates: readonly string[]) => Promise<VerifyOutcome>;

export interface CertificatesParts {
  readonly trustDomains: TrustDomains;
  readonly now: () => number;
  readonly cacheEntries: number;
}

interface Known {
  readonly verified: Verified;
  readonly trustDomain: string;
  /** Of the authorities that it was verified with. */
  readonly digest: string;
}

const mostIssuers = 256;
/** Longest certificate in base64. */
const mostLetters = 22_000;

/**
 * Creates the method for X.509-SVIDs.
 * INVARIANT: what was verified before counts for the very same chain only, until the first of its certificates ends,
 * and while the trust domain's authorities are the same.
 */
export function createCertificates({ trustDomains, now, cacheEntries }: CertificatesParts): {
  readonly verify: VerifyCertificates;
  clear(): void;
} {
  const cache = new LRUCache<string, Known>({ max: cacheEntries });
  // few intermediates stand behind many leaves: what was read of one is the same each time
  const issuers = new LRUCache<string, Certificate>({ max: mostIssuers });

  function readOne(der: Uint8Array): Certificate | undefined {
    const key = createHash("sha256").update(der).digest("base64");
    const known = issuers.get(key) ?? readCertificate(der);
    if (known?.ca === true) issuers.set(key, known);
    return known;
  }

  function fromCache(key: string, at: number): Verified | undefined {
    const known = cache.get(key);
    if (known === undefined) return undefined;
    const bundle = trustDomains.bundle(known.trustDomain, at);
    const holds = !("kind" in bundle) && bundle.digests.x509 === known.digest;
    if (holds && at <= known.verified.expiresAt) return known.verified;
    cache.delete(key);
    return undefined;
  }

  return {
    async verify(certificates) {
      if (certificates.length === 0 || certificates.length > mostCertificates) {
        return refuse("certificate_malformed", `give 1 to ${mostCertificates}`);
      }
      if (certificates.some((one) => one.length > mostLetters)) return refuse("certificate_malformed");
      const key = createHash("sha256").update(certificates.join(".")).digest("base64");
      const before = cache.get(key)?.trustDomain;
      if (before !== undefined) {
        // awaited only where there is something to wait for: the common case stays in this turn
        const renewal = trustDomains.refresh(before, now());
        if (renewal !== undefined) await renewal;
        const known = fromCache(key, now());
        if (known !== undefined) return known;
      }
      const chain = certificates.map(decode);
      if (chain.some((der) => der === undefined)) return refuse("certificate_malformed", "base64");
      const read = readChain(chain as Buffer[], readOne);
      if (read.kind === "refusal") return read;
      const fresh = await verifyChain(read, trustDomains, now);
      if (fresh.kind === "refusal") return fresh;
      const { verified } = fresh;
      cache.set(key, { ...fresh, verified: { ...verified, cached: true } });
      return verified;
    },
    clear() {
      cache.clear();
      issuers.clear();
    },
  };
}

async function verifyChain(
  chain: ReadChain,
  trustDomains: TrustDomains,
  now: () => number,
): Promise<(Known & { kind: "known" }) | Refusal> {
  // The unverified id only picks whose bundle must be fresh.
  await trustDomains.refresh(chain.claims.trustDomain, now());
  let digest = "";
  const svid = verifyX509Svid(
    chain,
    (name) => {
      const bundle = trustDomains.bundle(name, now());
      if ("kind" in bundle) return bundle;
      digest = bundle.digests.x509;
      return bundle.authorities;
    },
    now(),
  );
  if (svid.kind === "refusal") return svid;
  const { spiffeId, leaf, expiresAt } = svid;
  const x5t = leaf.thumbprint;
  const verified: Verified = {
    kind: "verified",
    method: "x509_svid",
    credential: { method: "x509_svid", id: x5t, issuer: `spiffe://${spiffeId.trustDomain}` },
    workload: trustDomains.workload(spiffeId),
    proves: { x5t },
    expiresAt,
    cached: false,
  };
  return { kind: "known", verified, trustDomain: spiffeId.trustDomain, digest };
}

/** Decodes base64 in its one canonical spelling. */
function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
