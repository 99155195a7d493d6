import type { Rejected } from "../../rego/bundle.js";
import type { ActiveBundle } from "../active.js";
import { revisionOf } from "../activate.js";
import type { Applied } from "./apply.js";

export type DeltaActivation =
  | { readonly kind: "activated"; readonly bundle: ActiveBundle }
  | Rejected
  /** The policy was left half changed and answers failures: it must be loaded again, as it was before. */
  | { readonly kind: "broken" };

/** Another bundle came into force since the delta was applied to the one that it is about. */
export const lateDelta: Rejected = {
  kind: "rejected",
  errors: [
    {
      code: "delta_base",
      message: "the bundle that the changes are about is no longer the one in force",
    },
  ],
};

/** Brings a delta into force in place: nothing is loaded, and nothing waits in here. */
export function activateDelta(active: ActiveBundle, applied: Applied, now: () => number): DeltaActivation {
  const { patches, base } = applied;
  if (active.digest !== base) return lateDelta;
  try {
    if (patches.length > 0) active.policy.patch(patches);
  } catch {
    return { kind: "broken" };
  }
  return { kind: "activated", bundle: changedBy(active, applied, now) };
}

/** Says what a bundle is called after a delta. */
export function changedBy(active: ActiveBundle, { bundle }: Applied, now: () => number): ActiveBundle {
  return { ...active, revision: revisionOf(bundle), digest: bundle.digest, activatedAt: now() };
}
