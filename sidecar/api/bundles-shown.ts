import type { BundleStatus } from "../bundles/store.js";
import type { PushedEntry } from "../state/bundles/pushed.js";

/** Writes a generation for people: times as RFC 3339. */
export function shownBundle(name: string, entry: PushedEntry): object {
  const { generation, action, revision, version, digest, size, signed_by, tests } = entry;
  const { by, at, reason, of, override } = entry;
  return {
    ...{ name, generation, action, revision, version, digest, size, signed_by: signed_by ?? false, tests },
    ...{ by, at: new Date(at).toISOString(), reason, of, override },
  };
}

/** Writes what is in force in the sidecar that is asked, and why it isn't the newest. */
export function shownHere(status: BundleStatus | undefined, generation: number | undefined): object {
  const { active_revision, last_successful_activation, code, message } = status ?? {};
  return { generation, revision: active_revision, since: last_successful_activation, code, message };
}
