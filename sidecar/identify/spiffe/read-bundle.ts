import { BundleInvalid, makeBundle, mostEntries, readAuthorities, type TrustBundle } from "./bundle.js";
import { readJwkSet } from "./read-jwk-set.js";

/**
 * Reads a bundle: a SPIFFE bundle's JWK set, or CA certificates in PEM.
 * @throws BundleInvalid
 */
export function readBundle(bytes: Uint8Array): TrustBundle {
  const text = Buffer.from(bytes).toString("latin1");
  return text.includes("-----BEGIN ") ? readPem(text) : readJwkSet(bytes);
}

function readPem(text: string): TrustBundle {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g)];
  if (blocks.length === 0 || blocks.length > mostEntries) throw new BundleInvalid("not PEM");
  if (blocks.some(([, label]) => label !== "CERTIFICATE")) throw new BundleInvalid("not only certificates");
  const read = readAuthorities(blocks.map(([, , body = ""]) => Buffer.from(body, "base64")));
  return makeBundle({ ...read, keys: [] });
}
