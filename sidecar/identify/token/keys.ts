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
  readonly fetch: typeof fetch;
  readonly onEvent: (event: IdentifyEvent) => void;
  readonly limits: IdentifyLimits;
  readonly closed: AbortSignal;
}

/** Creates the keys of an issuer from its URL, file or inline set. */
export function createKeys(issuer: Issuer, parts: KeysParts): Keys {
  const { jwks } = issuer;
  if ("url" in jwks) return createRemoteKeys(jwks.url, issuer, parts);
  if ("file" in jwks) return createFileKeys(jwks.file, issuer, parts);
  return createInlineKeys(jwks.keys, issuer, parts);
}

/** Tells whether `ms` have passed; a clock that was set back counts as passed. */
export function passed(since: number, now: number, ms: number): boolean {
  return now - since >= ms || now < since;
}
