/** Certificates made by openssl: roots, intermediates, SVIDs, and what an attacker would make. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeKeyPair } from "../../key-pair.js";

export interface Issued {
  readonly pem: string;
  readonly der: Buffer;
  readonly keyPem: string;
  /** PKCS#8 */
  readonly keyDer: Buffer;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Wanted {
  /** Who signs; itself where nobody does. */
  readonly by?: Issued;
  /** Lines of openssl's extension file. */
  readonly extensions?: readonly string[];
  readonly subject?: string;
  readonly days?: number;
  readonly digest?: string;
  readonly curve?: string;
  /** Bits of an RSA key, instead of a curve. */
  readonly rsa?: number;
}

export interface Ca {
  readonly directory: string;
  issue(wanted: Wanted): Issued;
  /** A file with these contents. */
  file(name: string, text: string): string;
  remove(): void;
}

export const authorityLines = [
  "basicConstraints=critical,CA:TRUE",
  "keyUsage=critical,keyCertSign,cRLSign",
  "subjectKeyIdentifier=hash",
];
/** The lines of a good SVID. */
export const svidLines = (id: string): string[] => [
  "basicConstraints=critical,CA:FALSE",
  "keyUsage=critical,digitalSignature",
  "extendedKeyUsage=serverAuth,clientAuth",
  `subjectAltName=critical,URI:${id}`,
];

export function createCa(): Ca {
  const directory = mkdtempSync(join(tmpdir(), "spiffe-"));
  let count = 0;
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    directory,
    file,
    issue({ by, extensions = [], subject = "/O=test", days = 30, digest = "sha256", curve, rsa }) {
      count += 1;
      const { privateKey, publicKey } =
        rsa === undefined
          ? makeKeyPair("ec", { curve: curve ?? "P-256" })
          : makeKeyPair("rsa", { bits: rsa });
      const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      const keyFile = file(`${count}.key`, keyPem);
      const publicFile = file(`${count}.pub`, publicKey.export({ type: "spki", format: "pem" }).toString());
      const extFile = file(`${count}.ext`, extensions.join("\n"));
      const certFile = join(directory, `${count}.pem`);
      const signer = by === undefined ? ["-key", keyFile] : ["-CA", by.certFile, "-CAkey", by.keyFile];
      const key = by === undefined ? [] : ["-force_pubkey", publicFile];
      execFileSync(
        "openssl",
        [
          ...["x509", "-new", "-subj", subject, ...key, ...signer, "-days", String(days), `-${digest}`],
          ...["-extfile", extFile, "-out", certFile, "-set_serial", String(1000 + count)],
        ],
        { stdio: "pipe" },
      );
      const pem = readFileSync(certFile, "utf8");
      const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ""), "base64");
      const keyDer = privateKey.export({ type: "pkcs8", format: "der" });
      return { pem, der, keyPem, keyDer, certFile, keyFile };
    },
    remove() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const digestOf = (der: Buffer, encoding: "hex" | "base64url"): string =>
  createHash("sha256").update(der).digest(encoding);
