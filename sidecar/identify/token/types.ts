import type { Json } from "../../contract.js";
import type { FetchDocument, FetchFault } from "../../net/fetch.js";
import type { FetchConfig } from "../../net/place.js";

export type { FetchConfig };

/** Where a claim stands in the payload: its keys from the top, or the same joined by dots. */
export type ClaimPath = string | readonly string[];

export const claimNames = [
  "id",
  "tenant",
  "groups",
  "roles",
  "department",
  "device",
  "type",
  "scopes",
  "assurance",
  "authentication_methods",
  "authenticated_at",
  "session",
] as const;
export type ClaimName = (typeof claimNames)[number];

/** Where an issuer's public keys (RFC 7517) come from. */
export type JwksSource =
  { readonly url: string } | { readonly file: string } | { readonly keys: readonly Json[] };

/** A condition on a payload: the claim (or the other) is there, has one of these values, or is absent. */
export interface ClaimTest {
  readonly claim: ClaimPath;
  readonly or?: ClaimPath;
  readonly values?: readonly (string | boolean)[];
  readonly absent?: boolean;
}

export type SubjectType = "user" | "agent" | "workload";

/** How groups that didn't fit into a token of Entra ID are asked for: Microsoft Graph, by credentials of our own. */
export interface OverageConfig {
  readonly client_id: string;
  readonly client_secret_file: string;
  /** Default `https://graph.microsoft.com`. */
  readonly graph_url?: string;
  /** Default: the tenant's own, `https://login.microsoftonline.com/{tid}/oauth2/v2.0/token`. */
  readonly token_url?: string;
  /** Whether other kinds of groups are left out; as the token's own claim is configured. Default true. */
  readonly security_groups_only?: boolean;
  readonly fetch?: FetchConfig;
}

/** One trusted issuer as an operator writes it; `parseIssuers` checks it and fills in the defaults. */
export interface IssuerConfig {
  /** What an IdP's tokens look like: lies under the other keys. */
  readonly preset?: string;
  /** Names the issuer in metrics and logs. */
  readonly name: string;
  /** The exact `iss`. */
  readonly issuer: string;
  readonly audience: string | readonly string[];
  readonly jwks?: JwksSource;
  /** Where the metadata is that names the keys (OpenID Connect Discovery 1.0); true: below the issuer. */
  readonly discovery?: boolean | string;
  readonly fetch?: FetchConfig;
  /** Asymmetric JWS algorithms only. */
  readonly algorithms: readonly string[];
  /** The tenants that it may speak for; any tenant only by the literal `["*"]`. */
  readonly tenants: readonly string[];
  /** What a tenant is called here, by what the token calls it; others are refused. */
  readonly tenant_names?: Readonly<Record<string, string>>;
  /** The SPIFFE trust domains that ids in its tokens may be of. */
  readonly trust_domains?: readonly string[];
  /** Accepted `typ` headers; `""` stands for a token without one. Default `at+jwt` and `JWT`. */
  readonly types?: readonly string[];
  /** What isn't mapped isn't read. Without `tenant`, `tenants` must list exactly one. */
  readonly claims?: { readonly [K in ClaimName]?: ClaimPath | null };
  /** What a token must have, all of it, to be one that is accepted. */
  readonly require?: readonly ClaimTest[];
  /** Whether ID tokens stand for access tokens; only for an IdP that has no other JWT. */
  readonly id_tokens?: boolean;
  /** The type of `sub`, where no claim and none of `subject_types` says. Default `user`. */
  readonly subject_type?: SubjectType;
  /** The first that holds says the type of `sub`. */
  readonly subject_types?: readonly (ClaimTest & { readonly type: SubjectType })[];
  readonly groups_overage?: OverageConfig;
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

/** What a payload is mapped by, whether signed or introspected. */
export interface ClaimRules {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly tenants: readonly string[];
  readonly tenant_names?: Readonly<Record<string, string>>;
  readonly trust_domains: readonly string[];
  /** Absent: as standards name it, where they do; null: not read. */
  readonly claims: { readonly [K in ClaimName]?: readonly string[] | null };
  readonly subject_type: SubjectType;
  readonly subject_types: readonly (ClaimTest & { readonly type: SubjectType })[];
  readonly expose: readonly string[];
  readonly max_lifetime_seconds: number;
  readonly clock_skew_seconds: number;
  readonly actor_depth: number;
  readonly actor_issuers: readonly string[];
}

/** A checked {@link IssuerConfig} with every default filled in; its preset is part of it. */
export interface Issuer extends ClaimRules {
  readonly name: string;
  /** Absent where keys are discovered. */
  readonly jwks?: JwksSource;
  readonly discovery?: string;
  readonly fetch: FetchConfig;
  readonly algorithms: readonly string[];
  readonly types: readonly string[];
  readonly require: readonly ClaimTest[];
  readonly id_tokens: boolean;
  readonly groups_overage?: OverageConfig;
}

/** Why a key set could not be taken over; the keys known before stay in use. */
export type KeysFault =
  | FetchFault
  | "unreadable"
  | "invalid"
  /** The metadata is another issuer's. */
  | "issuer_mismatch";

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
  /** Groups that a token left out could not be asked for. */
  | { readonly kind: "groups_failed"; readonly issuer: string; readonly fault: string }
  | { readonly kind: "introspection_failed"; readonly issuer: string; readonly fault: string }
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
  /** Size of an answer that lists groups, or describes a token. */
  readonly answerBytes: number;
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
  answerBytes: 1024 * 1024,
};

export interface TokenParts {
  readonly issuers: readonly IssuerConfig[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetchDocument: FetchDocument;
  readonly onEvent?: (event: IdentifyEvent) => void;
  readonly limits?: Partial<IdentifyLimits>;
}
