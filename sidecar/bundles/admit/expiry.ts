import type { Rejected } from "../../rego/bundle.js";
import type { Metadata } from "./metadata.js";

/** Says why a bundle may not come into force any more; one that says a time is held to it, asked for or not. */
export function checkExpiry(
  { expires }: Metadata,
  required: boolean,
  now: number,
): { readonly kind: "admitted"; readonly expires?: number } | Rejected {
  if (expires === undefined) {
    return required
      ? expired("the manifest's metadata.expires is missing, and required")
      : { kind: "admitted" };
  }
  if (expires === "invalid")
    return expired("the manifest's metadata.expires is neither an RFC 3339 time nor epoch seconds");
  return expires > now
    ? { kind: "admitted", expires }
    : expired(`it expired at ${new Date(expires).toISOString()}: give a newer one`);
}

function expired(message: string): Rejected {
  return { kind: "rejected", errors: [{ code: "bundle_expired", message, file: ".manifest" }] };
}
