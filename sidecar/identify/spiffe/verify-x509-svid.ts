/** X.509-SVIDs. Source: the SPIFFE X509-SVID specification, RFC 5280 section 6. */
import { refuse, type Refusal } from "../../contract.js";
import { readCertificate, type Certificate } from "./certificate.js";
import { keepsConstraints } from "./name-constraints.js";
import { parseSpiffeId, parseWorkloadId, type SpiffeId } from "./spiffe-id.js";

/** The CA certificates of a trust domain; undefined for a domain that isn't configured. */
export type FindAuthorities = (trustDomain: string) => readonly Certificate[] | Refusal | undefined;

/** What the peer was at the time: a client that calls us, or a server that we call. */
export type Purpose = "client" | "server";

export interface VerifiedSvid {
  readonly kind: "svid";
  readonly spiffeId: SpiffeId;
  readonly leaf: Certificate;
  /** Epoch milliseconds: the earliest end of any certificate on the path. */
  readonly expiresAt: number;
}

export const mostCertificates = 8;

const purposes: Record<Purpose, string> = { client: "1.3.6.1.5.5.7.3.2", server: "1.3.6.1.5.5.7.3.1" };
const anyPurpose = "2.5.29.37.0";

/** A chain as it was presented. INVARIANT: read, and nothing of it verified. */
export interface ReadChain {
  readonly kind: "chain";
  readonly certificates: readonly Certificate[];
  /** Whom the leaf says to be. */
  readonly claims: SpiffeId;
}

/** Reads a chain of DER certificates, leaf first, that names one workload. */
export function readChain(
  chain: readonly Uint8Array[],
  read: (der: Uint8Array) => Certificate | undefined = readCertificate,
): ReadChain | Refusal {
  if (chain.length === 0 || chain.length > mostCertificates) {
    return refuse("certificate_malformed", `give 1 to ${mostCertificates}`);
  }
  const certificates: Certificate[] = [];
  for (const der of chain) {
    const one = read(der);
    if (one === undefined) return refuse("certificate_malformed", `certificate ${certificates.length}`);
    certificates.push(one);
  }
  const [leaf] = certificates;
  const claims = leaf === undefined ? undefined : identityOf(leaf);
  return claims === undefined ? refuse("certificate_identity") : { kind: "chain", certificates, claims };
}

/**
 * Verifies a chain of certificates, leaf first: who its leaf is, and that the trust domain's CAs say so.
 * The subject and its CN are never looked at. INVARIANT: possession of the leaf's key is the caller's to prove.
 * @param presented DER, or what {@link readChain} read
 * @param now epoch milliseconds
 */
export function verifyX509Svid(
  presented: readonly Uint8Array[] | ReadChain,
  authoritiesOf: FindAuthorities,
  now: number,
  purpose: Purpose = "client",
): VerifiedSvid | Refusal {
  const chain = "kind" in presented ? presented : readChain(presented);
  if (chain.kind === "refusal") return chain;
  const { certificates, claims: spiffeId } = chain;
  const [leaf] = certificates;
  if (leaf === undefined) return refuse("certificate_malformed");
  const usage = checkLeaf(leaf, purpose);
  if (usage !== undefined) return usage;
  const authorities = authoritiesOf(spiffeId.trustDomain);
  if (authorities === undefined) return refuse("trust_domain_unknown");
  if ("kind" in authorities) return authorities;
  const path = findPath(certificates, authorities, now, purpose);
  if ("kind" in path) return path;
  return { kind: "svid", spiffeId, leaf, expiresAt: Math.min(...path.map(({ notAfter }) => notAfter)) };
}

/** Reads the one identity of a leaf: exactly one URI, and that a workload's SPIFFE id. */
function identityOf({ names }: Certificate): SpiffeId | undefined {
  const uris = names.flatMap(({ uniformResourceIdentifier: uri }) => (uri === undefined ? [] : [uri]));
  return uris.length === 1 && uris[0] !== undefined ? parseWorkloadId(uris[0]) : undefined;
}

function checkLeaf({ ca, keyUsage, extendedKeyUsage }: Certificate, purpose: Purpose): Refusal | undefined {
  if (ca) return refuse("certificate_usage", "the leaf is a CA");
  if (keyUsage?.has("digitalSignature") !== true) return refuse("certificate_usage", "key usage");
  if (keyUsage.has("keyCertSign") || keyUsage.has("cRLSign")) return refuse("certificate_usage", "key usage");
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.includes(purposes[purpose])) {
    return refuse("certificate_usage", "extended key usage");
  }
  return undefined;
}

/**
 * Walks the chain in the order in which it came, up to the first certificate of which an authority completes a path.
 * INVARIANT: signatures are verified from the authority down: none by a key that nobody has vouched for yet, which
 * might be of the sender's making, and costly.
 */
function findPath(
  chain: readonly Certificate[],
  authorities: readonly Certificate[],
  now: number,
  purpose: Purpose,
): readonly Certificate[] | Refusal {
  let refusal: Refusal | undefined;
  for (const [depth, top] of chain.entries()) {
    const below = chain[depth - 1];
    if (below !== undefined && !names(below, top)) break;
    for (const authority of authorities) {
      const path = [...chain.slice(0, depth + 1), authority];
      if (!isSigned(path)) continue;
      const wrong = checkPath(path, now, purpose);
      if (wrong === undefined) return path;
      refusal ??= wrong;
    }
  }
  return refusal ?? refuse("certificate_untrusted");
}

/** Tells whether each is issued by the next, from the last one down. */
function isSigned(path: readonly Certificate[]): boolean {
  return path
    .slice(0, -1)
    .reverse()
    .every((one, i) => {
      const issuer = path[path.length - 1 - i];
      return issuer !== undefined && isIssuedBy(one, issuer);
    });
}

/** Tells whether a certificate names the issuer, whoever signed it. */
function names(certificate: Certificate, issuer: Certificate): boolean {
  return certificate.x509.checkIssued(issuer.x509);
}

/** Tells whether a certificate names the issuer, and its signature verifies by the issuer's key. */
function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (!certificate.signedWell || !issuer.strongKey || !certificate.strongKey) return false;
  try {
    return names(certificate, issuer) && certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false; // a key of another kind than the signature
  }
}

/** Checks what a path of signatures says besides, from the leaf to the authority. */
function checkPath(path: readonly Certificate[], now: number, purpose: Purpose): Refusal | undefined {
  for (const [depth, certificate] of path.entries()) {
    if (now > certificate.notAfter) return refuse("certificate_expired", place(depth));
    if (now < certificate.notBefore) return refuse("certificate_not_yet_valid", place(depth));
    if (depth === 0) continue;
    const below = path.slice(0, depth);
    if (!certificate.ca || certificate.keyUsage?.has("keyCertSign") !== true) {
      return refuse("certificate_untrusted", `${place(depth)} may not issue certificates`);
    }
    const between = below.slice(1).filter(({ selfIssued }) => !selfIssued).length;
    if (certificate.pathLength !== undefined && between > certificate.pathLength) {
      return refuse("certificate_untrusted", `${place(depth)} allows no path of this length`);
    }
    const usages = certificate.extendedKeyUsage;
    if (usages !== undefined && !usages.includes(purposes[purpose]) && !usages.includes(anyPurpose)) {
      return refuse("certificate_untrusted", `${place(depth)} is for another use`);
    }
    if (isWorkload(certificate)) {
      return refuse("certificate_untrusted", `${place(depth)} is a workload's`);
    }
    if (!below.every((one) => keepsConstraints(one, certificate))) {
      return refuse("certificate_untrusted", `${place(depth)} allows no such name`);
    }
  }
  return undefined;
}

/** The SPIFFE id of a CA has no path (X509-SVID section 3.2). */
function isWorkload({ names }: Certificate): boolean {
  return names.some(({ uniformResourceIdentifier: uri }) => {
    return uri !== undefined && uri.startsWith("spiffe:") && parseSpiffeId(uri)?.path !== "";
  });
}

function place(depth: number): string {
  return depth === 0 ? "the leaf" : `the issuer ${depth} above the leaf`;
}
