import { createKeyRing, orRefuse } from "./key-ring.js";
import { passed, type Keys, type KeysParts } from "./keys.js";
import { takeOver } from "./take-over.js";
import type { Issuer } from "./types.js";

/**
 * Keys that are fetched. Renewed in the background when stale, with callers waiting when very stale; an
 * unknown key renews them at most once per interval; they outlive an outage of the issuer for a while.
 */
export function createRemoteKeys(load: () => Promise<Uint8Array>, issuer: Issuer, parts: KeysParts): Keys {
  const { keysMaxAgeMs, keysSurviveMs, unknownKeyIntervalMs } = parts.limits;
  const ring = createKeyRing();
  let fetchedAt = -Infinity;
  let attemptedAt = -Infinity;
  let unknownAt = -Infinity;
  let failures = 0;
  let running: Promise<void> | undefined;

  async function attempt(): Promise<void> {
    attemptedAt = parts.now();
    const ok = await takeOver(ring, issuer, parts, load);
    failures = ok ? 0 : failures + 1;
    if (ok) fetchedAt = parts.now();
    running = undefined;
  }

  /** Single-flight; after failures, at doubling distances from 1 s up to the unknown-key interval. */
  function renew(now: number): Promise<void> | undefined {
    if (running !== undefined) return running;
    const pause = failures === 0 ? 0 : Math.min(unknownKeyIntervalMs, 1_000 * 2 ** (failures - 1));
    if (passed(attemptedAt, now, pause)) running = attempt();
    return running;
  }

  function refresh(now: number): Promise<void> | undefined {
    const age = now - fetchedAt;
    if (age >= 0 && age <= keysMaxAgeMs) return undefined;
    if (fetchedAt !== -Infinity && age > keysSurviveMs) {
      // INVARIANT: whoever keeps us from the issuer can't keep a revoked key alive for ever.
      ring.replace({ keys: [], skipped: 0 });
      fetchedAt = -Infinity;
      parts.onEvent({ kind: "keys_expired", issuer: issuer.name });
    }
    const renewal = renew(now);
    return age >= 0 && age <= 2 * keysMaxAgeMs ? undefined : renewal;
  }

  /** Renews for a key that isn't in the set, joining a renewal under way. */
  async function renewForUnknown(now: number): Promise<void> {
    if (running === undefined) {
      if (!passed(unknownAt, now, unknownKeyIntervalMs)) return;
      unknownAt = now;
    }
    await renew(now);
  }

  return {
    refresh,
    async find(kid, alg) {
      const now = parts.now();
      const renewal = refresh(now);
      await renewal;
      if (renewal === undefined && ring.pick(kid, alg) === "unknown") await renewForUnknown(now);
      return orRefuse(ring.pick(kid, alg), failures === 0);
    },
  };
}
