/** Attacks on X.509-SVIDs as data: what the attacker presents, and the code that refuses it. */
import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate } from "@peculiar/asn1-x509";
import type { ErrorCode } from "../../../sidecar/contract.js";
import { authorityLines, svidLines, type Ca, type Issued } from "./ca.js";
import { addNames, constrain, forge, forgeBytes } from "./forge.js";

export interface Pki {
  readonly ca: Ca;
  /** The authority in the bundle of `acme.example`. */
  readonly root: Issued;
  readonly intermediate: Issued;
  /** The authority in the bundle of `other.example`. */
  readonly otherRoot: Issued;
  /** In nobody's bundle. */
  readonly strangerRoot: Issued;
}

export const workload = "spiffe://acme.example/ns/prod/sa/agent";
export const day = 86_400_000;

export function createPki(ca: Ca): Pki {
  const root = ca.issue({ extensions: authorityLines, subject: "/CN=acme root" });
  const named = [...authorityLines, "subjectAltName=URI:spiffe://acme.example"];
  return {
    ca,
    root,
    intermediate: ca.issue({ by: root, extensions: named, subject: "/CN=acme intermediate" }),
    otherRoot: ca.issue({ extensions: authorityLines, subject: "/CN=other root" }),
    strangerRoot: ca.issue({ extensions: authorityLines, subject: "/CN=acme root" }),
  };
}

export interface CertificateCase {
  readonly name: string;
  readonly present: (pki: Pki) => readonly Buffer[];
  readonly code: ErrorCode;
  /** Milliseconds from now. */
  readonly later?: number;
}

const swap = (lines: readonly string[], name: string, line: string): string[] =>
  lines.flatMap((one) => (one.startsWith(`${name}=`) ? (line === "" ? [] : [line]) : [one]));
const good = svidLines(workload);
/** A leaf by the root whose extensions differ in one line. */
const leaf =
  (name: string, line: string, more: readonly string[] = []) =>
  ({ ca, root }: Pki): Buffer[] => [
    ca.issue({ by: root, extensions: [...swap(good, name, line), ...more] }).der,
  ];
const withNames = (...names: string[]): ((pki: Pki) => Buffer[]) =>
  leaf("subjectAltName", names.length === 0 ? "" : `subjectAltName=${names.join(",")}`);
/** A chain through an intermediate whose extensions are these. */
const through =
  (extensions: readonly string[], names: readonly string[] = [`URI:${workload}`], subject = "/O=test") =>
  ({ ca, root }: Pki): Buffer[] => {
    const by = ca.issue({ by: root, extensions, subject: "/CN=constrained" });
    const lines = swap(good, "subjectAltName", `subjectAltName=critical,${names.join(",")}`);
    return [ca.issue({ by, extensions: lines, subject }).der, by.der];
  };

const put = (bytes: Buffer, at: string, byte: number): void => {
  const found = bytes.indexOf(at);
  if (found >= 0) bytes[found] = byte;
};

/** Look-alikes and malformed ids; none of them may be read as a workload of `acme.example`. */
export const badIds = [
  ["upper-case trust domain", "spiffe://Acme.example/agent"],
  ["upper-case scheme", "SPIFFE://acme.example/agent"],
  ["port", "spiffe://acme.example:443/agent"],
  ["empty port", "spiffe://acme.example:/agent"],
  ["user", "spiffe://root@acme.example/agent"],
  ["query", "spiffe://acme.example/agent?as=admin"],
  ["fragment", "spiffe://acme.example/agent#admin"],
  ["percent encoding in the path", "spiffe://acme.example/%61gent"],
  ["percent encoding in the trust domain", "spiffe://acme%2eexample/agent"],
  ["empty segment", "spiffe://acme.example//agent"],
  ["trailing slash", "spiffe://acme.example/agent/"],
  ["dot segment", "spiffe://acme.example/./agent"],
  ["dot-dot segment", "spiffe://acme.example/ns/../agent"],
  ["no path", "spiffe://acme.example"],
  ["root path", "spiffe://acme.example/"],
  ["no trust domain", "spiffe:///agent"],
  ["another scheme", "https://acme.example/agent"],
  ["one slash", "spiffe:/acme.example/agent"],
  ["backslash", "spiffe://acme.example\\agent"],
  ["space", "spiffe://acme.example/a gent"],
  ["a cyrillic letter", "spiffe://\u0430cme.example/agent"],
  ["too long", `spiffe://acme.example/${"a".repeat(2_048)}`],
] as const;

export const cases: readonly CertificateCase[] = [
  ...badIds
    // openssl writes no URI with such letters; the parser is tested with them
    .filter(([, id]) => !/[\u0080-\uffff]/.test(id))
    .map(([name, id]): CertificateCase => ({
      name: `SPIFFE id with ${name}`,
      present: ({ ca, root }) => {
        const lines = [...swap(good, "subjectAltName", "subjectAltName=critical,@names"), "[names]"];
        return [ca.issue({ by: root, extensions: [...lines, `URI.1=${id.replace(/[\\#$]/g, "\\$&")}`] }).der];
      },
      code: "certificate_identity",
    })),
  {
    name: "two URI names",
    present: withNames(`URI:${workload}`, "URI:spiffe://acme.example/admin"),
    code: "certificate_identity",
  },
  {
    name: "the same URI name twice",
    present: withNames(`URI:${workload}`, `URI:${workload}`),
    code: "certificate_identity",
  },
  {
    name: "a URI that isn't SPIFFE beside the id",
    present: withNames(`URI:${workload}`, "URI:https://acme.example/"),
    code: "certificate_identity",
  },
  { name: "no URI name", present: withNames("DNS:agent.acme.example"), code: "certificate_identity" },
  { name: "no names at all", present: withNames(), code: "certificate_identity" },
  { name: "the id in a DNS name", present: withNames(`DNS:${workload}`), code: "certificate_identity" },
  {
    name: "the id in the CN only",
    present: ({ ca, root }) => [
      ca.issue({
        by: root,
        subject: "/CN=spiffe:\\/\\/acme.example\\/agent",
        extensions: swap(good, "subjectAltName", ""),
      }).der,
    ],
    code: "certificate_identity",
  },
  {
    name: "a name that spells another name in Node's text",
    present: leaf("subjectAltName", "subjectAltName=critical,@names", [
      "[names]",
      `DNS.1=a, URI:${workload}`,
    ]),
    code: "certificate_identity",
  },
  {
    name: "a leaf that is a CA",
    present: leaf("basicConstraints", "basicConstraints=critical,CA:TRUE"),
    code: "certificate_usage",
  },
  {
    name: "a leaf that may sign certificates",
    present: leaf("keyUsage", "keyUsage=critical,digitalSignature,keyCertSign"),
    code: "certificate_usage",
  },
  {
    name: "a leaf that may sign CRLs",
    present: leaf("keyUsage", "keyUsage=critical,digitalSignature,cRLSign"),
    code: "certificate_usage",
  },
  { name: "no key usage", present: leaf("keyUsage", ""), code: "certificate_usage" },
  {
    name: "key usage without digitalSignature",
    present: leaf("keyUsage", "keyUsage=critical,keyEncipherment"),
    code: "certificate_usage",
  },
  {
    name: "a server's certificate",
    present: leaf("extendedKeyUsage", "extendedKeyUsage=serverAuth"),
    code: "certificate_usage",
  },
  {
    name: "a certificate for signing code",
    present: leaf("extendedKeyUsage", "extendedKeyUsage=codeSigning"),
    code: "certificate_usage",
  },
  { name: "the authority itself", present: ({ root }) => [root.der], code: "certificate_identity" },
  {
    name: "an intermediate with an id",
    present: ({ intermediate }) => [intermediate.der],
    code: "certificate_identity",
  },
  {
    name: "self-signed",
    present: ({ ca }) => [ca.issue({ extensions: good }).der],
    code: "certificate_untrusted",
  },
  {
    name: "by an unknown CA of the same name",
    present: ({ ca, strangerRoot: by }) => [ca.issue({ by, extensions: good }).der, by.der],
    code: "certificate_untrusted",
  },
  {
    name: "by the authority of another trust domain",
    present: ({ ca, otherRoot: by }) => [ca.issue({ by, extensions: good }).der, by.der],
    code: "certificate_untrusted",
  },
  {
    name: "of a trust domain that isn't configured",
    present: ({ ca, root: by }) => [
      ca.issue({ by, extensions: svidLines("spiffe://evil.example/agent") }).der,
    ],
    code: "trust_domain_unknown",
  },
  {
    name: "of a trust domain whose name begins with ours",
    present: ({ ca, root: by }) => [
      ca.issue({ by, extensions: svidLines("spiffe://acme.example.evil/agent") }).der,
    ],
    code: "trust_domain_unknown",
  },
  {
    name: "of the other trust domain, by our authority",
    present: ({ ca, root: by }) => [
      ca.issue({ by, extensions: svidLines("spiffe://other.example/agent") }).der,
    ],
    code: "certificate_untrusted",
  },
  {
    name: "signed by another workload's SVID",
    present: ({ ca, root }) => {
      const by = ca.issue({ by: root, extensions: good, subject: "/CN=workload" });
      return [ca.issue({ by, extensions: svidLines("spiffe://acme.example/admin") }).der, by.der];
    },
    code: "certificate_untrusted",
  },
  {
    name: "an intermediate that isn't a CA but may sign",
    present: through(["basicConstraints=critical,CA:FALSE", "keyUsage=critical,keyCertSign"]),
    code: "certificate_untrusted",
  },
  {
    name: "an intermediate without basic constraints",
    present: through(["keyUsage=critical,keyCertSign"]),
    code: "certificate_untrusted",
  },
  {
    name: "an intermediate that may not sign certificates",
    present: through(["basicConstraints=critical,CA:TRUE", "keyUsage=critical,digitalSignature"]),
    code: "certificate_untrusted",
  },
  {
    name: "an intermediate without key usage",
    present: through(["basicConstraints=critical,CA:TRUE"]),
    code: "certificate_untrusted",
  },
  {
    name: "an intermediate with a workload's id",
    present: through([...authorityLines, "subjectAltName=URI:spiffe://acme.example/ca"]),
    code: "certificate_untrusted",
  },
  {
    name: "an intermediate for servers only",
    present: through([...authorityLines, "extendedKeyUsage=serverAuth"]),
    code: "certificate_untrusted",
  },
  {
    name: "an expired intermediate",
    present: ({ ca, root }) => {
      const by = ca.issue({ by: root, extensions: authorityLines, subject: "/CN=short", days: 1 });
      return [ca.issue({ by, extensions: good, days: 20 }).der, by.der];
    },
    code: "certificate_expired",
    later: 2 * day,
  },
  {
    name: "an expired leaf",
    present: ({ ca, root: by }) => [ca.issue({ by, extensions: good, days: 1 }).der],
    code: "certificate_expired",
    later: 2 * day,
  },
  {
    name: "an expired authority",
    present: ({ ca, root: by }) => [ca.issue({ by, extensions: good, days: 90 }).der],
    code: "certificate_expired",
    later: 60 * day,
  },
  {
    name: "not valid yet",
    present: ({ ca, root: by }) => [ca.issue({ by, extensions: good }).der],
    code: "certificate_not_yet_valid",
    later: -day,
  },
  {
    name: "a path longer than allowed",
    present: ({ ca, root }) => {
      const lines = ["basicConstraints=critical,CA:TRUE,pathlen:0", ...authorityLines.slice(1)];
      const first = ca.issue({ by: root, extensions: lines, subject: "/CN=no more" });
      const by = ca.issue({ by: first, extensions: authorityLines, subject: "/CN=one more" });
      return [ca.issue({ by, extensions: good }).der, by.der, first.der];
    },
    code: "certificate_untrusted",
  },
  {
    name: "outside the URI names that its CA may give",
    present: through([...authorityLines, "nameConstraints=critical,permitted;URI:other.example"]),
    code: "certificate_untrusted",
  },
  {
    name: "below a domain where its CA may give names of",
    present: through([...authorityLines, "nameConstraints=critical,permitted;URI:.acme.example"]),
    code: "certificate_untrusted",
  },
  {
    name: "a URI name that its CA may not give",
    present: through([...authorityLines, "nameConstraints=critical,excluded;URI:acme.example"]),
    code: "certificate_untrusted",
  },
  {
    name: "a DNS name that its CA may not give",
    present: through(
      [...authorityLines, "nameConstraints=critical,permitted;DNS:acme.example"],
      [`URI:${workload}`, "DNS:bank.example"],
    ),
    code: "certificate_untrusted",
  },
  {
    name: "a name of a form whose constraints aren't understood",
    present: through(
      [...authorityLines, "nameConstraints=critical,permitted;email:acme.example"],
      [`URI:${workload}`, "email:ann@acme.example"],
    ),
    code: "certificate_untrusted",
  },
  {
    name: "a subject under constraints of directory names",
    present: through([
      ...authorityLines,
      "nameConstraints=critical,permitted;dirName:tree",
      "[tree]",
      "O=test",
    ]),
    code: "certificate_untrusted",
  },
  {
    name: "a critical extension that isn't understood",
    present: leaf("", "", ["1.2.3.4=critical,ASN1:UTF8String:x"]),
    code: "certificate_malformed",
  },
  {
    name: "a signature with SHA-1",
    present: ({ ca, root: by }) => [ca.issue({ by, extensions: good, digest: "sha1" }).der],
    code: "certificate_untrusted",
  },
  {
    name: "a short RSA key",
    present: ({ ca, root: by }) => [ca.issue({ by, extensions: good, rsa: 1024 }).der],
    code: "certificate_untrusted",
  },
  {
    name: "a curve that isn't accepted",
    present: ({ ca, root: by }) => [ca.issue({ by, extensions: good, curve: "secp256k1" }).der],
    code: "certificate_untrusted",
  },
  {
    name: "the intermediate left out",
    present: ({ ca, intermediate: by }) => [ca.issue({ by, extensions: good }).der],
    code: "certificate_untrusted",
  },
  {
    name: "one byte of the signature changed",
    present: ({ ca, root: by }) => {
      const { der } = ca.issue({ by, extensions: good });
      const last = der.length - 1;
      der[last] = (der[last] ?? 0) ^ 1;
      return [der];
    },
    code: "certificate_untrusted",
  },
  {
    name: "one letter of the id changed",
    present: ({ ca, root: by }) => {
      const { der } = ca.issue({ by, extensions: good });
      der[der.indexOf("agent")] = 0x41;
      return [der];
    },
    code: "certificate_untrusted",
  },
  {
    name: "a workload's certificate behind one's own",
    present: ({ ca, root: by }) => [
      ca.issue({ extensions: good }).der,
      ca.issue({ by, extensions: good }).der,
      by.der,
    ],
    code: "certificate_untrusted",
  },
  {
    name: "by the authority's key under another name",
    present: ({ ca, root: by, otherRoot }) => {
      const other = AsnConvert.parse(otherRoot.der, Certificate).tbsCertificate.subject;
      return [
        forge(ca.issue({ by, extensions: good }), by, (tbs) => {
          tbs.issuer = other;
        }),
      ];
    },
    code: "certificate_untrusted",
  },
  {
    name: "by an intermediate with a short key",
    present: ({ ca, root }) => {
      const by = ca.issue({ by: root, extensions: authorityLines, subject: "/CN=weak", rsa: 1024 });
      return [ca.issue({ by, extensions: good }).der, by.der];
    },
    code: "certificate_untrusted",
  },
  {
    name: "two extensions of names, the second with another id",
    present: ({ ca, root: by }) => {
      const other = ca.issue({ by, extensions: svidLines("spiffe://acme.example/admin") });
      return [forge(ca.issue({ by, extensions: good }), by, (tbs) => addNames(tbs, other))];
    },
    code: "certificate_malformed",
  },
  {
    name: "the same extension twice",
    present: ({ ca, root: by }) => {
      const issued = ca.issue({ by, extensions: good });
      return [forge(issued, by, (tbs) => addNames(tbs, issued))];
    },
    code: "certificate_malformed",
  },
  {
    name: "extensions in a certificate of version 1",
    present: ({ ca, root: by }) => [
      forge(ca.issue({ by, extensions: good }), by, (tbs) => {
        tbs.version = 0;
      }),
    ],
    code: "certificate_malformed",
  },
  {
    name: "a byte above ASCII in the trust domain",
    present: ({ ca, root: by }) => [
      forgeBytes(ca.issue({ by, extensions: good }), by, (bytes) => put(bytes, "acme.example", 0xe0)),
    ],
    code: "certificate_identity",
  },
  {
    name: "a NUL in the trust domain",
    present: ({ ca, root: by }) => [
      forgeBytes(ca.issue({ by, extensions: good }), by, (bytes) => put(bytes, ".example", 0)),
    ],
    code: "certificate_identity",
  },
  {
    name: "a line feed in the path",
    present: ({ ca, root: by }) => [
      forgeBytes(ca.issue({ by, extensions: good }), by, (bytes) => put(bytes, "agent", 0x0a)),
    ],
    code: "certificate_identity",
  },
  {
    name: "a name constraint at a distance",
    present: ({ ca, root }) => {
      const ours = ca.issue({ by: root, extensions: authorityLines, subject: "/CN=far" });
      const der = forge(ours, root, (tbs) => constrain(tbs, "acme.example", 1));
      const leafDer = ca.issue({ by: ours, extensions: good }).der;
      return [leafDer, der];
    },
    code: "certificate_untrusted",
  },
  {
    name: "larger than is read",
    present: ({ ca, root: by }) => [
      ca.issue({ by, extensions: [...good, `1.2.3.4=ASN1:UTF8String:${"x".repeat(17_000)}`] }).der,
    ],
    code: "certificate_malformed",
  },
  {
    name: "bytes after the certificate",
    present: ({ ca, root: by }) => [Buffer.concat([ca.issue({ by, extensions: good }).der, Buffer.of(0)])],
    code: "certificate_malformed",
  },
  {
    name: "PEM instead of DER",
    present: ({ ca, root: by }) => [Buffer.from(ca.issue({ by, extensions: good }).pem)],
    code: "certificate_malformed",
  },
  { name: "no certificate", present: () => [], code: "certificate_malformed" },
  { name: "text", present: () => [Buffer.from("certificate")], code: "certificate_malformed" },
  {
    name: "nine certificates",
    present: ({ root }) => Array.from({ length: 9 }, () => root.der),
    code: "certificate_malformed",
  },
  { name: "too large", present: () => [Buffer.alloc(20_000, 0x30)], code: "certificate_malformed" },
];
