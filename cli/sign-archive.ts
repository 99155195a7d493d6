import type { Rejected } from "../sidecar/rego/bundle.js";
import type { Signer } from "../sidecar/bundles/signature/sign.js";

/** Gives a new `.tar.gz` of the same files, with their signature inside; one that was there is replaced. Never rejects. */
export function signArchive(
  _bytes: Uint8Array,
  _signer: Signer,
): Promise<{ readonly kind: "signed"; readonly bytes: Uint8Array } | Rejected> {
  return Promise.resolve({
    kind: "rejected",
    errors: [{ code: "signature_key", message: "nothing signs it yet" }],
  });
}
