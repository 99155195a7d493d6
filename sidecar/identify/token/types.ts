import type { Json } from "../../contract.js";

/** Where a claim stands in the payload: its keys from the top, or the same joined by dots. */
export type ClaimPath = string | readonly string[];

export const claimNames = ["tenant", "groups", "roles", "department", "device", "type"] as const;
export type ClaimName = (typeof claimNames)[number];

/** Where an issuer's public keys (RFC 7517) come from. */
export type JwksSource =
  { readonly url: string } | { readonly file: string } | { readonly keys: readonly Json[] };

/** One trusted issuer as an operator writes it; `parseIssuers` checks it and fills in the defaults. */
export interface IssuerConfig {
  /** Names the issuer in metrics and logs. */
  readonly name: string;
  /** The exact `iss`. */
  readonly issuer: string;
  readonly audience: string | readonly string[];
  readonly jwks: JwksSource;
  /** Asymmetric JWS algorithms only. */
  readonly algorithms: readonly string[];
  /** The tenants that it may speak for; any tenant only by the literal `["*"]`. */
  readonly tenants: readonly string[];
  /** Accepted `typ` headers; `""` stands for a token without one. Default `at+jwt` and `JWT`. */
  readonly types?: readonly string[];
  /** What isn't mapped isn't read. Without `tenant`, `tenants` must list exactly one. */
  readonly claims?: { readonly [K in ClaimName]?: ClaimPath };
  /** Top-level claims that policy may see. */
  readonly expose?: readonly string[];
  readonly max_lifetime_seconds?: number;
  /** Applies to `nbf` and `iat`; `exp` is taken at its word. */
  readonly clock_skew_seconds?: number;
  /** How many actors (RFC 8693 `act`) may stand between the subject and this call. */
  readonly actor_depth?: number;
  /** Other issuers that an actor's `iss` may name; its own always may. */
  readonly actor_issuers?: readonly string[];
}

/** A checked {@link IssuerConfig} with every default filled in. */
export interface Issuer extends Required<IssuerConfig> {
  readonly audience: readonly string[];
  readonly claims: { readonly [K in ClaimName]?: readonly string[] };
}

/** Why a key set could not be taken over; the keys known before stay in use. */
export type KeysFault = "network" | "timeout" | "status" | "too_large" | "unreadable" | "invalid";

/** What an operator may want to see. `issuer` is the configured name; nothing comes from a token. */
export type IdentifyEvent =
  | {
      readonly kind: "keys_refreshed";
      readonly issuer: string;
      readonly keys: number;
      readonly added: number;
      readonly removed: number;
      /** Keys in the set that aren't for verifying with the issuer's algorithms. */
      readonly skipped: number;
    }
  | { readonly kind: "keys_failed"; readonly issuer: string; readonly fault: KeysFault }
  | { readonly kind: "keys_expired"; readonly issuer: string }
  | { readonly kind: "internal_error"; readonly error: string };

export interface IdentifyLimits {
  readonly tokenBytes: number;
  readonly cacheEntries: number;
  /** Sum of the lengths of the tokens that the cache stands for. */
  readonly cacheBytes: number;
  readonly jwksBytes: number;
  readonly fetchTimeoutMs: number;
  /** Age at which a fetched key set is renewed in the background; at twice that, callers wait for it. */
  readonly keysMaxAgeMs: number;
  /** How long keys outlive an issuer that can't be reached. */
  readonly keysSurviveMs: number;
  readonly unknownKeyIntervalMs: number;
  readonly fileCheckMs: number;
}

export const defaultLimits: IdentifyLimits = {
  tokenBytes: 16 * 1024,
  cacheEntries: 10_000,
  cacheBytes: 32 * 1024 * 1024,
  jwksBytes: 256 * 1024,
  fetchTimeoutMs: 3_000,
  keysMaxAgeMs: 300_000,
  keysSurviveMs: 86_400_000,
  unknownKeyIntervalMs: 30_000,
  fileCheckMs: 1_000,
};

export interface TokenParts {
  readonly issuers: readonly IssuerConfig[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetch: typeof fetch;
  readonly onEvent?: (event: IdentifyEvent) => void;
  readonly limits?: Partial<IdentifyLimits>;
}
