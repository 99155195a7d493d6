/** Where a trust domain's bundle comes from. */
export type BundleSource =
  | { readonly kind: "file"; readonly path: string }
  | {
      readonly kind: "https_web";
      readonly url: string;
      /** PEM of the endpoint's CA, instead of the public ones. */
      readonly caFile?: string;
      /** Which addresses the endpoint may have (docs/identity-spiffe.md). */
      readonly addresses: string;
    }
  | {
      readonly kind: "https_spiffe";
      readonly url: string;
      /** The id that the endpoint itself must prove. */
      readonly endpointId: string;
      /** A bundle of the endpoint's trust domain to begin with, exchanged by hand. */
      readonly bootstrapFile: string;
    }
  | { readonly kind: "workload_api"; readonly socket: string };

/** One trust domain that is believed; federation is by this list alone. */
export interface TrustDomain {
  readonly name: string;
  /** The tenants that its workloads may speak for; any only by the literal `["*"]`. */
  readonly tenants: readonly string[];
  /** Tenants by the beginning of a workload's path, the longest first. */
  readonly tenantPaths: readonly (readonly [path: string, tenant: string])[];
  /** Whether its authority attests nodes and workloads, as SPIRE does. */
  readonly attested: boolean;
  readonly bundle: BundleSource;
}

export interface SpiffeConfig {
  readonly trustDomains: readonly TrustDomain[];
  /** Local proxies whose `X-Forwarded-Client-Cert` is believed, by the name of their socket. */
  readonly forwardedBy: readonly string[];
  /** JWT-SVIDs must be for one of these; none: no JWT-SVID is accepted. */
  readonly audience: readonly string[];
  readonly maxLifetimeSeconds: number;
  readonly clockSkewSeconds: number;
  /** How long a bundle is used after its source was last heard of. */
  readonly surviveSeconds: number;
}

/** Why a bundle could not be taken over; the last good one stays in use. */
export type BundleFault =
  | "network"
  | "address"
  | "timeout"
  | "status"
  | "content_type"
  | "too_large"
  | "unreadable"
  | "invalid"
  /** Its sequence number went back. */
  | "rollback"
  /** The endpoint didn't prove its SPIFFE id. */
  | "untrusted"
  /** The Workload API doesn't name the trust domain. */
  | "absent";

/** What an operator may want to see; names are configured ones, nothing comes from a credential. */
export type SpiffeEvent =
  | {
      readonly kind: "trust_bundle_changed";
      readonly trust_domain: string;
      readonly authorities: number;
      readonly keys: number;
      readonly skipped: number;
    }
  | { readonly kind: "trust_bundle_failed"; readonly trust_domain: string; readonly fault: BundleFault }
  | { readonly kind: "trust_bundle_expired"; readonly trust_domain: string }
  | { readonly kind: "workload_api_failed"; readonly method: string; readonly status: string }
  | { readonly kind: "svid_changed"; readonly spiffe_id: string; readonly expires_at: string };

export interface SpiffeLimits {
  readonly bundleBytes: number;
  readonly fetchTimeoutMs: number;
  readonly fileCheckMs: number;
  /** Refresh of an endpoint that gives no hint; hints are kept within the two after it. */
  readonly refreshMs: number;
  readonly leastRefreshMs: number;
  readonly mostRefreshMs: number;
  /** Longest pause between attempts at a source that fails. */
  readonly mostPauseMs: number;
  /** Longest wait of a request for a first bundle. */
  readonly firstWaitMs: number;
  readonly cacheEntries: number;
}

export const defaultSpiffeLimits: SpiffeLimits = {
  bundleBytes: 1024 * 1024,
  fetchTimeoutMs: 5_000,
  fileCheckMs: 1_000,
  refreshMs: 300_000,
  leastRefreshMs: 10_000,
  mostRefreshMs: 3_600_000,
  mostPauseMs: 30_000,
  firstWaitMs: 2_000,
  cacheEntries: 10_000,
};
