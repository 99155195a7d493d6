import { isObject, parseJson } from "../../contract.js";
import { fetchIssuer, type FetchParts } from "./fetch-issuer.js";
import { LoadFailed } from "./load-failed.js";
import type { Issuer } from "./types.js";

/** Where an issuer's metadata is (OpenID Connect Discovery 1.0 section 4.1): a slash at its end goes. */
export function metadataUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/**
 * Finds an issuer's keys through its metadata, read anew each time: a key set that moves is followed.
 * INVARIANT: the metadata is the issuer's own, by its exact name; or one issuer's keys would count for another.
 * @throws LoadFailed
 */
export async function discoverKeys(
  issuer: Issuer,
  url: string,
  parts: FetchParts & { readonly limits: { readonly jwksBytes: number } },
): Promise<Uint8Array> {
  const ask = { config: issuer.fetch, named: [url], maxBytes: parts.limits.jwksBytes };
  const metadata = parseMetadata(await fetchIssuer(url, ask, parts));
  if (metadata["issuer"] !== issuer.issuer) throw new LoadFailed("issuer_mismatch");
  const { jwks_uri } = metadata;
  if (typeof jwks_uri !== "string" || jwks_uri.length > 2_048) throw new LoadFailed("invalid");
  return await fetchIssuer(jwks_uri, ask, parts);
}

function parseMetadata(bytes: Uint8Array) {
  try {
    const value = parseJson(bytes, { depth: 16 });
    if (isObject(value)) return value;
  } catch {
    // said below
  }
  throw new LoadFailed("invalid");
}
