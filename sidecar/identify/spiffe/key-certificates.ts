import { refuse } from "../../contract.js";
import type { VerifyOutcome } from "../verified.js";
import { readCertificate } from "./certificate.js";
import { mostCertificates } from "./verify-x509-svid.js";

const clientAuth = "1.3.6.1.5.5.7.3.2";

/**
 * Verifies certificates that name no workload: the leaf proves its key, for tokens that are bound to it, and nothing
 * else. Who issued it doesn't matter, as the token's issuer saw that very certificate (RFC 8705 sections 2.2 and 3).
 * INVARIANT: a certificate that so much as looks like a workload's is never taken by its key alone.
 */
export function verifyKeyCertificate(certificates: readonly string[], now: number): VerifyOutcome {
  const [first = ""] = certificates;
  const der = Buffer.from(first, "base64");
  const leaf = der.toString("base64") === first ? readCertificate(der) : undefined;
  if (leaf === undefined || certificates.length > mostCertificates) return refuse("certificate_malformed");
  const uris = leaf.names.flatMap(({ uniformResourceIdentifier: uri }) => (uri === undefined ? [] : [uri]));
  if (uris.some((uri) => /^\s*spiffe/i.test(uri))) return refuse("certificate_identity");
  if (leaf.ca) return refuse("certificate_usage", "the leaf is a CA");
  if (leaf.keyUsage?.has("digitalSignature") === false) return refuse("certificate_usage", "key usage");
  if (leaf.extendedKeyUsage?.includes(clientAuth) === false) {
    return refuse("certificate_usage", "extended key usage");
  }
  if (!leaf.strongKey) return refuse("certificate_untrusted", "its key is weak");
  if (now > leaf.notAfter) return refuse("certificate_expired");
  if (now < leaf.notBefore) return refuse("certificate_not_yet_valid");
  const x5t = leaf.thumbprint;
  return {
    kind: "verified",
    method: "x5t",
    credential: { method: "x5t", id: x5t },
    proves: { x5t },
    expiresAt: leaf.notAfter,
    cached: false,
  };
}
