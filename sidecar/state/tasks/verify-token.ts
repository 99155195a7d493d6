/** Verifies task tokens. Source: RFC 7515, RFC 8725. */
import { hash } from "node:crypto";
import { compactVerify, decodeProtectedHeader, importJWK, type CryptoKey, type JWK } from "jose";
import { LRUCache } from "lru-cache";
import { isObject, parseJson } from "../../contract.js";
import type { TokenClaims } from "./claims.js";
import { readTokenClaims, tokenType } from "./claims.js";

export interface VerifyParts {
  readonly trustDomain: string;
  /** The fleet's public keys, as a JSON Web Key Set. */
  readonly keys: () => string;
}

/** Gives what a token says, where it is wholly one of ours; it may have expired. At once, where it is known. */
export type VerifyToken = (token: string) => TokenClaims | undefined | Promise<TokenClaims | undefined>;

interface PublicKey {
  readonly alg: string;
  readonly key: CryptoKey | Uint8Array;
}

/** Characters of the longest token that is looked at. */
const longestToken = 8_192;
const mostKnown = 20_000;
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Creates what verifies tokens; it remembers those that hold by their digests.
 * INVARIANT: a known token holds only while its key is one of the fleet's.
 */
export function createVerifyToken({ trustDomain, keys }: VerifyParts): VerifyToken {
  const known = new LRUCache<string, { readonly kid: string; readonly claims: TokenClaims }>({
    max: mostKnown,
  });
  const keyOf = createKeyFinder(keys);

  const verify = async (token: string, digest: string): Promise<TokenClaims | undefined> => {
    const head = compactForm.test(token) ? readHead(token) : undefined;
    if (head === undefined) return undefined;
    const key = await keyOf(head.kid);
    // INVARIANT: the key says which algorithm; the token only agrees
    if (key?.alg !== head.alg) return undefined;
    const payload = await open(token, key);
    const claims = payload === undefined ? undefined : readTokenClaims(payload, trustDomain);
    if (claims !== undefined) known.set(digest, { kid: head.kid, claims });
    return claims;
  };

  return (token) => {
    if (token.length > longestToken) return undefined;
    const digest = hash("sha256", token, "base64url");
    const found = known.get(digest);
    if (found === undefined || !keyOf.has(found.kid)) return verify(token, digest);
    return found.claims;
  };
}

function readHead(token: string): { readonly kid: string; readonly alg: string } | undefined {
  try {
    const { typ, kid, alg, ...more } = decodeProtectedHeader(token);
    // our own headers hold nothing else: no key, no extension
    if (Object.keys(more).length > 0 || typ !== tokenType) return undefined;
    return kid === undefined || alg === undefined ? undefined : { kid, alg };
  } catch {
    return undefined;
  }
}

async function open(token: string, { key, alg }: PublicKey) {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: [alg] });
    const value = parseJson(Buffer.from(payload));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

type KeyFinder = ((kid: string) => Promise<PublicKey | undefined>) & { has(kid: string): boolean };

/** Finds keys by their ids; the set is read again whenever it has changed. */
function createKeyFinder(keys: () => string): KeyFinder {
  let text = "";
  let found = new Map<string, Promise<PublicKey>>();
  const refresh = (): void => {
    const now = keys();
    if (now === text) return;
    const set = JSON.parse(now) as { readonly keys: readonly (JWK & { kid: string; alg: string })[] };
    const next = new Map<string, Promise<PublicKey>>();
    for (const jwk of set.keys) {
      const { kid, alg } = jwk;
      next.set(kid, found.get(kid) ?? importJWK(jwk, alg).then((key) => ({ alg, key })));
    }
    [text, found] = [now, next];
  };
  const find = (kid: string): Promise<PublicKey | undefined> => {
    refresh();
    return found.get(kid) ?? Promise.resolve(undefined);
  };
  return Object.assign(find, {
    has(kid: string): boolean {
      refresh();
      return found.has(kid);
    },
  });
}
