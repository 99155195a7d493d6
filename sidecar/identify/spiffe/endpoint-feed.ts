import { faultOf } from "./file-feed.js";
import { readBundle } from "./read-bundle.js";
import { createHolder, passed, type BundleFeed, type FeedParts } from "./feed.js";
import type { BundleFault } from "./types.js";

/** Fetches a bundle's bytes, or says why there are none. Rejects on bugs only. */
export type FetchBundle = () => Promise<Uint8Array | BundleFault>;

/**
 * A bundle behind an endpoint: renewed in the background as often as the bundle asks for, with requests waiting when
 * it is twice as old. Source: SPIFFE Federation section 4.
 */
export function createEndpointFeed(fetchBundle: FetchBundle, parts: FeedParts): BundleFeed {
  const { limits, now } = parts;
  const holder = createHolder(parts);
  let interval = limits.refreshMs;
  let fetchedAt = -Infinity;
  let attemptedAt = -Infinity;
  let failures = 0;
  let running: Promise<void> | undefined;

  async function load(): Promise<BundleFault | undefined> {
    try {
      const bytes = await fetchBundle();
      if (typeof bytes === "string") return bytes;
      const bundle = readBundle(bytes);
      if (!holder.take(bundle, now())) return "rollback";
      const hint = (bundle.refreshHintSeconds ?? limits.refreshMs / 1_000) * 1_000;
      interval = Math.min(Math.max(hint, limits.leastRefreshMs), limits.mostRefreshMs);
      return undefined;
    } catch (error) {
      return faultOf(error);
    }
  }
  async function attempt(): Promise<void> {
    attemptedAt = now();
    try {
      const fault = await load();
      if (fault === undefined) [failures, fetchedAt] = [0, now()];
      else {
        failures += 1;
        holder.failed(fault);
      }
    } finally {
      running = undefined;
    }
  }
  return {
    current: holder.current,
    refresh(at) {
      const age = at - fetchedAt;
      if (age >= 0 && age <= interval) return undefined;
      const pause = failures === 0 ? 0 : Math.min(limits.mostPauseMs, 1_000 * 2 ** (failures - 1));
      if (running === undefined && passed(attemptedAt, at, pause)) running = attempt();
      return age >= 0 && age <= 2 * interval ? undefined : running;
    },
  };
}
