import type { Rejected } from "../../rego/bundle.js";
import type { ActiveBundle } from "../active.js";
import { revisionOf } from "../activate.js";
import type { Applied } from "./apply.js";

export type DeltaActivation =
  | { readonly kind: "activated"; readonly bundle: ActiveBundle }
  | Rejected
  /** The policy was left half changed and answers failures: it must be loaded again, as it was before. */
  | { readonly kind: "broken" };

/** Brings a delta into force in place: nothing is loaded, and nothing waits in here. */
export function activateDelta(active: ActiveBundle, applied: Applied, now: () => number): DeltaActivation {
  const { bundle, patches, base } = applied;
  if (active.digest !== base) {
    const message = "the bundle that the changes are about is no longer the one in force";
    return { kind: "rejected", errors: [{ code: "delta_base", message }] };
  }
  try {
    if (patches.length > 0) active.policy.patch(patches);
  } catch {
    return { kind: "broken" };
  }
  return {
    kind: "activated",
    bundle: {
      ...active,
      revision: revisionOf(bundle),
      digest: bundle.digest,
      activatedAt: now(),
    },
  };
}
