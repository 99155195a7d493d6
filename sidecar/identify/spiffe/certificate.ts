/** What path validation needs to know of a certificate, read from its DER (RFC 5280). */
import { createHash, X509Certificate } from "node:crypto";
import type { Extension, GeneralName, Name, NameConstraints } from "@peculiar/asn1-x509";
import { loadCertificates } from "../../net/load.js";

export interface Certificate {
  readonly der: Buffer;
  readonly x509: X509Certificate;
  /** SHA-256 of the DER in base64url (RFC 8705 `x5t#S256`). */
  readonly thumbprint: string;
  /** Epoch milliseconds; both ends belong to the life. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly selfIssued: boolean;
  readonly hasSubject: boolean;
  readonly names: readonly GeneralName[];
  readonly ca: boolean;
  readonly pathLength: number | undefined;
  readonly keyUsage: ReadonlySet<KeyUsageName> | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly constraints: NameConstraints | undefined;
  /** Whether the signature on it is of a kind that is still good. */
  readonly signedWell: boolean;
  /** Whether its key is of a kind and size that is still good. */
  readonly strongKey: boolean;
}

export type KeyUsageName = "digitalSignature" | "keyCertSign" | "cRLSign";

/** ECDSA and RSA PKCS#1 with SHA-2 (RFC 5758, RFC 4055), Ed25519 (RFC 8410). */
const signatures = new Set([
  ...["1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"],
  ...["1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13"],
  "1.3.101.112",
]);
const curves = new Set(["prime256v1", "secp384r1", "secp521r1"]);

const basicConstraints = "2.5.29.19";
const keyUsage = "2.5.29.15";
const extendedKeyUsage = "2.5.29.37";
const subjectAltName = "2.5.29.17";
const nameConstraints = "2.5.29.30";
/** Says under which policies it was issued; none is asked for here. */
const certificatePolicies = "2.5.29.32";
const understood = new Set([
  ...[basicConstraints, keyUsage, extendedKeyUsage, subjectAltName, nameConstraints, certificatePolicies],
]);

const mostBytes = 16_384;

/** Reads one certificate of strict DER; undefined where it isn't one, or demands what isn't understood. */
export function readCertificate(bytes: Uint8Array): Certificate | undefined {
  if (bytes.length > mostBytes) return undefined;
  const der = Buffer.from(bytes);
  try {
    const x509 = new X509Certificate(der);
    // INVARIANT: both libraries read the same bytes: nothing follows them, and nothing is spelled in another way.
    if (!x509.raw.equals(der)) return undefined;
    const { asn1, x509: syntax } = loadCertificates();
    const { tbsCertificate: tbs, signatureAlgorithm } = asn1.AsnConvert.parse(der, syntax.Certificate);
    const extensions = indexExtensions(tbs.extensions ?? []);
    if (tbs.version !== 2 || extensions === undefined) return undefined;
    const basic = readExtension(extensions, basicConstraints, syntax.BasicConstraints);
    const names = readExtension(extensions, subjectAltName, syntax.SubjectAlternativeName) ?? [];
    const usage = readExtension(extensions, keyUsage, syntax.KeyUsage);
    const extended = readExtension(extensions, extendedKeyUsage, syntax.ExtendedKeyUsage);
    return {
      ...{ der, x509 },
      thumbprint: createHash("sha256").update(der).digest("base64url"),
      notBefore: tbs.validity.notBefore.getTime().getTime(),
      notAfter: tbs.validity.notAfter.getTime().getTime(),
      selfIssued: nameBytes(tbs.subject).equals(nameBytes(tbs.issuer)),
      hasSubject: tbs.subject.length > 0,
      names: [...names],
      ca: basic?.cA ?? false,
      pathLength: basic?.pathLenConstraint,
      keyUsage: usage === undefined ? undefined : usagesOf(usage.toNumber()),
      extendedKeyUsage: extended === undefined ? undefined : [...extended],
      constraints: readExtension(extensions, nameConstraints, syntax.NameConstraints),
      signedWell: signatures.has(signatureAlgorithm.algorithm),
      strongKey: isStrong(x509),
    };
  } catch {
    return undefined; // not a certificate, as one of the libraries sees it
  }
}

/** Lists the extensions by their OIDs; undefined where one stands twice or is critical and unknown. */
function indexExtensions(list: readonly Extension[]): Map<string, Extension> | undefined {
  const index = new Map(list.map((extension) => [extension.extnID, extension]));
  if (index.size !== list.length) return undefined;
  return list.some(({ critical, extnID }) => critical && !understood.has(extnID)) ? undefined : index;
}

function readExtension<T>(
  extensions: ReadonlyMap<string, Extension>,
  oid: string,
  syntax: new () => T,
): T | undefined {
  const found = extensions.get(oid);
  return found === undefined
    ? undefined
    : loadCertificates().asn1.AsnConvert.parse(found.extnValue.buffer, syntax);
}

function usagesOf(flags: number): Set<KeyUsageName> {
  const names = ["digitalSignature", "keyCertSign", "cRLSign"] as const;
  const { KeyUsageFlags } = loadCertificates().x509;
  return new Set(names.filter((name) => (flags & KeyUsageFlags[name]) !== 0));
}

function nameBytes(name: Name): Buffer {
  return Buffer.from(loadCertificates().asn1.AsnSerializer.serialize(name));
}

function isStrong({ publicKey }: X509Certificate): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey;
  if (type === "rsa") {
    const bits = details?.modulusLength ?? 0;
    return bits >= 2_048 && bits <= 8_192;
  }
  return type === "ec" ? curves.has(details?.namedCurve ?? "") : type === "ed25519";
}
