/** Certificates that openssl wouldn't write: taken apart, changed, and signed again by a CA that was won over. */
import { sign } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  Certificate,
  Extension,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  NameConstraints,
  type TBSCertificate,
} from "@peculiar/asn1-x509";
import type { Issued } from "./ca.js";

/** Changes what is signed, and signs it with the CA's key. */
export function forge(
  { der }: Pick<Issued, "der">,
  by: Issued,
  change: (tbs: TBSCertificate) => void,
): Buffer {
  const certificate = AsnConvert.parse(der, Certificate);
  change(certificate.tbsCertificate);
  const signature = sign("sha256", Buffer.from(AsnConvert.serialize(certificate.tbsCertificate)), by.keyPem);
  const forged = new Certificate({
    tbsCertificate: certificate.tbsCertificate,
    signatureAlgorithm: certificate.signatureAlgorithm,
    signatureValue: Uint8Array.from(signature).buffer,
  });
  return Buffer.from(AsnConvert.serialize(forged));
}

/** Changes bytes of the whole certificate in place, and signs what is signed again. */
export function forgeBytes(issued: Pick<Issued, "der">, by: Issued, change: (bytes: Buffer) => void): Buffer {
  return forge(issued, by, (tbs) => {
    for (const extension of tbs.extensions ?? []) {
      const bytes = Buffer.from(extension.extnValue.buffer);
      change(bytes);
      extension.extnValue = new OctetString(Uint8Array.from(bytes));
    }
  });
}

const subjectAltName = "2.5.29.17";

/** Puts another subject alternative name beside the one that is there. */
export function addNames(tbs: TBSCertificate, from: Pick<Issued, "der">): void {
  const other = AsnConvert.parse(from.der, Certificate).tbsCertificate.extensions ?? [];
  const names = other.find(({ extnID }) => extnID === subjectAltName);
  if (names !== undefined) tbs.extensions?.push(names);
}

/** Permits URI names of a host, at a distance that nobody uses (RFC 5280 section 4.2.1.10). */
export function constrain(tbs: TBSCertificate, host: string, minimum: number): void {
  const base = new GeneralName({ uniformResourceIdentifier: host });
  const trees = new GeneralSubtrees([new GeneralSubtree({ base, minimum })]);
  const value = AsnConvert.serialize(new NameConstraints({ permittedSubtrees: trees }));
  const extension = { extnID: "2.5.29.30", critical: true, extnValue: new OctetString(value) };
  tbs.extensions?.push(new Extension(extension));
}
