import type { Json } from "../../contract.js";
import type { KeyRing } from "./key-ring.js";
import type { KeysParts } from "./keys.js";
import { KeySetInvalid, parseKeySet } from "./key-set.js";
import { LoadFailed } from "./load-failed.js";
import type { Issuer } from "./types.js";

/**
 * Loads a key set into the ring and reports it; a loader that gives nothing found nothing new.
 * Never rejects: false means that it could not be loaded, and that the ring is as it was.
 */
export async function takeOver(
  ring: KeyRing,
  issuer: Issuer,
  parts: Pick<KeysParts, "onEvent">,
  load: () => Promise<Uint8Array | Json | undefined>,
): Promise<boolean> {
  try {
    const source = await load();
    if (source === undefined) return true;
    const set = await parseKeySet(source, issuer.algorithms);
    const { added, removed } = ring.replace(set);
    const { keys, skipped } = set;
    parts.onEvent({
      kind: "keys_refreshed",
      issuer: issuer.name,
      keys: keys.length,
      added,
      removed,
      skipped,
    });
    return true;
  } catch (error) {
    if (error instanceof LoadFailed) {
      parts.onEvent({ kind: "keys_failed", issuer: issuer.name, fault: error.fault });
    } else if (error instanceof KeySetInvalid) {
      parts.onEvent({ kind: "keys_failed", issuer: issuer.name, fault: "invalid" });
    } else {
      parts.onEvent({ kind: "internal_error", error: "key set" });
    }
    return false;
  }
}
