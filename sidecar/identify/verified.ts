/** The contract of every method: credentials → {@link Verified} | refusal. One file, or folder, for each method. */
import type { ChainLink, CredentialId, Identity, JsonObject, Method, Refusal } from "../contract.js";

/** Names a key: thumbprints in base64url (RFC 8705 `x5t#S256`, RFC 7638 `jkt`). */
export interface KeyNames {
  readonly x5t?: string;
  readonly jkt?: string;
}

/** For whom a credential speaks. */
export interface SubjectFacts {
  readonly type: ChainLink["type"];
  readonly id: string;
  readonly tenant: string;
  readonly issuer: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly department?: string;
  readonly device?: NonNullable<Identity["device"]>;
  /** The subject first, then the actors from the oldest to the one who calls. */
  readonly chain: readonly [ChainLink, ...ChainLink[]];
  readonly claims: JsonObject;
  /** OAuth scopes; absent where the credential has none to say: it isn't scoped. */
  readonly scopes?: readonly string[];
  /** How the human was authenticated, and when (`acr`, `amr`, `auth_time`), as its issuer says. */
  readonly authentication?: NonNullable<Identity["authentication"]>;
  /** The user's session at its issuer (`sid`). */
  readonly session?: string;
}

/** A workload that proved itself. */
export interface WorkloadFacts {
  /** SPIFFE id, or a WIMSE identifier. */
  readonly id: string;
  readonly trustDomain: string;
  /** The tenants that its trust domain may speak for; `*`: any. */
  readonly tenants: readonly string[];
  /** Whether its trust domain attests nodes and workloads. */
  readonly attested: boolean;
}

/** One credential that holds. INVARIANT: made by the method that verified it, for this request. */
export interface Verified {
  readonly kind: "verified";
  readonly method: Method | "dpop" | "x5t";
  readonly credential: CredentialId;
  readonly subject?: SubjectFacts;
  readonly workload?: WorkloadFacts;
  /** The key that the credential is bound to (`cnf`): worth nothing without a proof by it. */
  readonly boundTo?: KeyNames;
  /** The keys whose possession this request proved. */
  readonly proves?: KeyNames;
  /** It says for whom, but not who presents it: worth nothing without a workload that proved itself. */
  readonly needsWorkload?: true;
  /** When it was issued, where it says so: epoch milliseconds. */
  readonly issuedAt?: number;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** Whether its signature was verified for an earlier request. */
  readonly cached: boolean;
}

export type VerifyOutcome = Verified | Refusal;
