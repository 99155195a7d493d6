/** Trust bundles. Source: SPIFFE Trust Domain and Bundle section 4, X509-SVID section 6, JWT-SVID. */
import { createHash, type KeyObject } from "node:crypto";
import { readCertificate, type Certificate } from "./certificate.js";

export interface JwtKey {
  readonly kid: string;
  readonly key: KeyObject;
  /** The algorithms that the key is for, of those of JWT-SVID section 2.1. */
  readonly algorithms: readonly string[];
}

/** What a trust domain's identities are verified with. */
export interface TrustBundle {
  readonly authorities: readonly Certificate[];
  readonly keys: readonly JwtKey[];
  /** Tell whether what was verified before still holds. */
  readonly digests: { readonly x509: string; readonly jwt: string };
  readonly sequence: bigint | undefined;
  readonly refreshHintSeconds: number | undefined;
  /** Entries that aren't understood, or are of no use. */
  readonly skipped: number;
}

/** A bundle that can't be taken over. The message holds no content. */
export class BundleInvalid extends Error {
  override readonly name = "BundleInvalid";
}

export const mostEntries = 128;

/** Makes a bundle of its parts. @throws BundleInvalid where there is nothing in it */
export function makeBundle(
  read: Pick<TrustBundle, "authorities" | "keys" | "skipped">,
  more: Partial<Pick<TrustBundle, "sequence" | "refreshHintSeconds">> = {},
): TrustBundle {
  const { authorities, keys } = read;
  if (authorities.length === 0 && keys.length === 0) throw new BundleInvalid("nothing in it");
  const jwks = keys.map(({ kid, key, algorithms }) => [kid, key.export({ format: "jwk" }), algorithms]);
  return {
    ...read,
    digests: {
      x509: digest(authorities.map(({ thumbprint }) => thumbprint)),
      jwt: digest(jwks),
    },
    sequence: more.sequence,
    refreshHintSeconds: more.refreshHintSeconds,
  };
}

/** Reads certificates of DER, one after the other, as the Workload API gives them. @throws BundleInvalid */
export function readConcatenated(bytes: Uint8Array): Buffer[] {
  const found: Buffer[] = [];
  let rest = Buffer.from(bytes);
  while (rest.length > 0) {
    const length = lengthOf(rest);
    if (length === undefined || length > rest.length || found.length >= mostEntries) {
      throw new BundleInvalid("not certificates of DER");
    }
    found.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return found;
}

/** Reads CA certificates, leaving out what can't be read. */
export function readAuthorities(list: readonly Uint8Array[]): Pick<TrustBundle, "authorities" | "skipped"> {
  const authorities = list.map(readCertificate).filter((one) => one !== undefined && one.ca);
  return { authorities: authorities as Certificate[], skipped: list.length - authorities.length };
}

/** Bytes of the first DER value: its tag, its length and what it holds; undefined where that can't be read. */
function lengthOf(bytes: Buffer): number | undefined {
  const first = bytes[1];
  if (bytes[0] !== 0x30 || first === undefined) return undefined;
  if (first < 0x80) return 2 + first;
  const size = first - 0x80;
  return size >= 1 && size <= 3 && bytes.length >= 2 + size
    ? 2 + size + bytes.readUIntBE(2, size)
    : undefined;
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}
