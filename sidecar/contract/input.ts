/** The policy input: one shape for every door (see docs/input.md). */
import type { JsonObject } from "./json.js";
import type { CredentialId, Method } from "./credentials.js";
import type { ActionName } from "./decision.js";

export interface ChainLink {
  readonly type: "user" | "agent" | "workload";
  readonly id: string;
  readonly issuer: string;
}

/** How strongly the caller proved who it is, weakest first. */
export const assurances = ["none", "api_key", "bearer", "dpop", "mtls", "attested"] as const;
export type Assurance = (typeof assurances)[number];

declare const minted: unique symbol;

/** A verified caller. Minted only by `sidecar/identify`. */
export interface Identity {
  readonly [minted]: "identity";
  readonly type: "user" | "agent" | "workload";
  /** The calling party: the current actor (RFC 8693 `act`) where there is one, else `sub`. */
  readonly id: string;
  readonly tenant: string;
  readonly issuer: string;
  readonly method: Method;
  readonly assurance: Assurance;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly department?: string;
  readonly device?: { readonly id?: string; readonly managed?: boolean; readonly compliant?: boolean };
  /** How the human was authenticated, as the issuer says: `acr`, `amr`, and epoch seconds. */
  readonly authentication?: {
    readonly context?: string;
    readonly methods?: readonly string[];
    readonly at?: number;
  };
  /** OAuth scopes; absent where the credential isn't scoped. */
  readonly scopes?: readonly string[];
  /** The workload that proved itself on this connection, where one did. */
  readonly workload?: { readonly id: string; readonly trust_domain: string; readonly attested: boolean };
  /** The key that the caller's credential is bound to, and that this request proved: `jkt:` or `x5t:` and a thumbprint. */
  readonly key?: string;
  /** The user's session at the issuer (`sid`), where the token names one. */
  readonly session?: string;
  /** The credentials that it rests on, for the record. */
  readonly credentials: readonly CredentialId[];
  /** From the human down to the calling agent. */
  readonly chain: readonly ChainLink[];
  /** Claims that the issuer's configuration lets policy see. */
  readonly claims: JsonObject;
  /**
   * When what says who calls was issued, or its human last signed in, whichever is earlier: epoch milliseconds. Absent:
   * nobody says.
   */
  readonly issuedAt?: number;
  /** Epoch milliseconds at which the proof ends. */
  readonly expiresAt: number;
}

/** What policy sees. Frozen; minted only by `sidecar/describe`. */
export interface PolicyInput {
  readonly subject: {
    readonly type: string;
    readonly id: string;
    readonly properties: JsonObject;
  };
  readonly action: { readonly name: ActionName; readonly properties: JsonObject };
  readonly resource: { readonly type: string; readonly id: string; readonly properties: JsonObject };
  readonly context: JsonObject;
}
