import type { Entries } from "../../rego/archive.js";
import type { Rejected } from "../../rego/bundle.js";
import type { SignatureAlgorithm } from "../config.js";

export interface Signer {
  /** PEM of the private key, or the secret of HS. */
  readonly key: string;
  /** RS256 unless told. */
  readonly alg?: SignatureAlgorithm;
  /** What the verifier's configuration calls the key. */
  readonly keyId?: string;
  readonly scope?: string;
  /** More of the payload, as `--claims-file` gives it. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Makes the `.signatures.json` of a bundle's files. Never rejects. */
export function signEntries(
  _entries: Entries,
  _signer: Signer,
): Promise<{ readonly kind: "signed"; readonly file: Uint8Array } | Rejected> {
  return Promise.resolve({
    kind: "rejected",
    errors: [{ code: "signature_key", message: "nothing signs it yet" }],
  });
}
