/** Credentials of the gateway's own: where they come from, and what is told of them. Never their values. */

/** A credential in use. */
export interface Secret {
  readonly id: string;
  /** What to present: the one that works first; a second one only while a change is young. */
  values(): readonly [string, ...string[]];
  /** Tells that this one of {@link values} was taken after the one before it was refused. */
  took(value: string): void;
}

/** What came of reading a source; a code, never what was read. */
export type SecretRead =
  | { readonly kind: "value"; readonly value: string; readonly version?: number; readonly leaseMs?: number }
  | { readonly kind: "failed"; readonly code: SecretFault };

/** Why a credential can't be had. */
export type SecretFault =
  | ("missing" | "unreadable" | "empty" | "too_large" | "unusable")
  | ("vault_unreachable" | "vault_timeout" | "vault_redirected" | "vault_denied" | "vault_not_found")
  | ("vault_sealed" | "vault_throttled" | "vault_error" | "vault_malformed" | "vault_login" | "vault_field");

/** What an operator may want to see. INVARIANT: ids, codes, versions and salted digests; never a value. */
export type SecretEvent =
  | {
      readonly kind: "credential_changed";
      readonly credential: string;
      readonly digest: string;
      readonly version?: number;
    }
  | { readonly kind: "credential_failed"; readonly credential: string; readonly code: SecretFault }
  | { readonly kind: "credential_restored"; readonly credential: string }
  /** The upstream refused the new one and took the one before, or the other way. */
  | { readonly kind: "credential_previous_used"; readonly credential: string; readonly digest: string }
  | { readonly kind: "credential_current_used"; readonly credential: string; readonly digest: string };

/** The longest credential, characters: what a header can bear. */
const longest = 16_384;

/** Tells why a text is no credential that a header can carry; undefined where it is one. */
export function faultOf(text: string): SecretFault | undefined {
  if (text === "") return "empty";
  if (text.length > longest) return "too_large";
  return /^[\x21-\x7e]+$/.test(text) ? undefined : "unusable";
}
