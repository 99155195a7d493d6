/** API keys, for callers with nothing better: long-lived secrets, so the lowest assurance. */
import { timingSafeEqual } from "node:crypto";
import { refuse } from "../../contract.js";
import type { Verified, VerifyOutcome } from "../verified.js";
import { digestKey, readKey } from "./format.js";
import { createKeyFile, type KeyFileEvent, type KnownKeys } from "./key-file.js";
import type { ApiKey } from "./key-list.js";

export interface ApiKeysConfig {
  /** The file that `countersign keys` writes. */
  readonly file: string;
  /** What keys of this installation begin with. */
  readonly prefix: string;
}

export interface ApiKeysParts {
  readonly config: ApiKeysConfig;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onEvent?: (event: KeyFileEvent) => void;
}

export interface ApiKeys {
  /** Tells whether a text is meant as a key of ours: many clients can send one as a bearer token only. */
  takes(text: string): boolean;
  /** Verifies a key. Never rejects. */
  verify(key: string): VerifyOutcome | Promise<VerifyOutcome>;
}

/** Who vouches for a key's subject. */
export const apiKeyIssuer = "countersign:api-keys";
/** Compared with where there is no key of that id, so that the answer takes as long. */
const nobody = Buffer.from("A".repeat(43));

/** Creates the method for API keys. */
export function createApiKeys({ config, now, onEvent }: ApiKeysParts): ApiKeys {
  const file = createKeyFile({ path: config.file, now, ...(onEvent === undefined ? {} : { onEvent }) });
  // one object for each key, so that its identity is made and described once
  const made = new WeakMap<ApiKey, Verified>();

  const judge = (keys: KnownKeys, id: string, key: string): VerifyOutcome => {
    if (keys === undefined) return refuse("api_keys_unavailable");
    const known = keys.get(id);
    const digest = Buffer.from(digestKey(key));
    const matches = timingSafeEqual(digest, known === undefined ? nobody : Buffer.from(known.sha256));
    if (known === undefined || !matches) return refuse("api_key_unknown");
    // what follows is told to who has the secret only
    if (known.revoked !== undefined) return refuse("api_key_revoked");
    const expiresAt = Date.parse(known.expires);
    // a time that can't be read has passed
    if (!(now() < expiresAt)) return refuse("api_key_expired");
    const verified = made.get(known) ?? verifiedBy(known, expiresAt);
    made.set(known, verified);
    return verified;
  };
  return {
    takes: (text) => text.startsWith(`${config.prefix}_`),
    verify(key) {
      const read = readKey(key);
      if (read?.prefix !== config.prefix) return refuse("api_key_malformed");
      const keys = file.keys();
      return keys instanceof Promise
        ? keys.then((found) => judge(found, read.id, key))
        : judge(keys, read.id, key);
    },
  };
}

function verifiedBy({ id, tenant, subject, scopes, groups, roles }: ApiKey, expiresAt: number): Verified {
  const link = { ...subject, issuer: apiKeyIssuer };
  return {
    kind: "verified",
    method: "api_key",
    credential: { method: "api_key", id, issuer: apiKeyIssuer },
    subject: {
      ...link,
      ...{ tenant, groups, roles, chain: [link], claims: {} },
      ...(scopes === undefined ? {} : { scopes }),
    },
    expiresAt,
    cached: false,
  };
}
