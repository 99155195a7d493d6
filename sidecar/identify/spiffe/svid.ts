import { createPrivateKey, type KeyObject } from "node:crypto";
import { readConcatenated } from "./bundle.js";
import { readCertificate } from "./certificate.js";
import { parseWorkloadId } from "./spiffe-id.js";
import type { X509SvidMessage } from "./workload-proto.js";

/** A key pair in use: PEM, the leaf first. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  /** Another one for another pair. */
  readonly version: string;
}

/** Our own X.509-SVID. */
export interface Svid extends KeyPair {
  readonly spiffeId: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/**
 * Reads the first SVID of a message, or the one of the wanted id; undefined where there is none.
 * @throws Error where it is not what it says to be
 */
export function readSvid(message: X509SvidMessage, wanted?: string): Svid | undefined {
  const found = message.svids.find(({ spiffe_id }) => wanted === undefined || spiffe_id === wanted);
  if (found === undefined) return undefined;
  const chain = readConcatenated(found.x509_svid).map(readCertificate);
  const [leaf] = chain;
  const id = parseWorkloadId(found.spiffe_id);
  const named = leaf?.names.some(({ uniformResourceIdentifier: uri }) => uri === id?.id);
  if (leaf === undefined || id === undefined || named !== true || chain.includes(undefined)) {
    throw new Error("not an SVID");
  }
  const key: KeyObject = createPrivateKey({ key: found.x509_svid_key, format: "der", type: "pkcs8" });
  if (!leaf.x509.checkPrivateKey(key)) throw new Error("the key is another one's");
  return {
    spiffeId: id.id,
    cert: chain.map((one) => one?.x509.toString() ?? "").join(""),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
    expiresAt: leaf.notAfter,
    version: leaf.thumbprint,
  };
}
