import type { FetchDocument } from "../../net/fetch.js";
import { discoverKeys, metadataUrl } from "./discover.js";
import { fetchIssuer } from "./fetch-issuer.js";
import { createFileKeys } from "./file-keys.js";
import { createInlineKeys } from "./inline-keys.js";
import type { TrustedKey } from "./key-set.js";
import { createRemoteKeys } from "./remote-keys.js";
import type { IdentifyEvent, IdentifyLimits, Issuer } from "./types.js";
import type { Refusal } from "../../contract.js";

/** The keys of one issuer, kept fresh by the requests that need them (no timers). */
export interface Keys {
  /** Sees to it that the set is fresh enough; gives a promise only where the caller must wait. */
  refresh(now: number): Promise<void> | undefined;
  /** Finds the key that a token's header means, renewing the set once if it isn't known. */
  find(kid: string | undefined, alg: string): Promise<TrustedKey | Refusal>;
}

export interface KeysParts {
  readonly now: () => number;
  readonly fetchDocument: FetchDocument;
  readonly onEvent: (event: IdentifyEvent) => void;
  readonly limits: IdentifyLimits;
  readonly closed: AbortSignal;
}

/** Creates the keys of an issuer from its metadata, URL, file or inline set. */
export function createKeys(issuer: Issuer, parts: KeysParts): Keys {
  const { jwks, discovery } = issuer;
  if (jwks === undefined) {
    const url = discovery ?? metadataUrl(issuer.issuer);
    return createRemoteKeys(() => discoverKeys(issuer, url, parts), issuer, parts);
  }
  if ("url" in jwks) {
    const { url } = jwks;
    const ask = { config: issuer.fetch, named: [url], maxBytes: parts.limits.jwksBytes };
    return createRemoteKeys(() => fetchIssuer(url, ask, parts), issuer, parts);
  }
  if ("file" in jwks) return createFileKeys(jwks.file, issuer, parts);
  return createInlineKeys(jwks.keys, issuer, parts);
}

/** Tells whether `ms` have passed; a clock that was set back counts as passed. */
export function passed(since: number, now: number, ms: number): boolean {
  return now - since >= ms || now < since;
}
