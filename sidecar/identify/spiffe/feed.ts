import type { SpiffeConfig, BundleFault, SpiffeEvent, SpiffeLimits } from "./types.js";
import type { TrustBundle } from "./bundle.js";

/** The bundle of one trust domain, kept fresh. */
export interface BundleFeed {
  /** The bundle in force; undefined where there is none, or its source was silent for too long. */
  current(now: number): TrustBundle | undefined;
  /** Sees to it that the bundle is fresh enough; gives a promise only where the caller must wait. Never rejects. */
  refresh(now: number): Promise<void> | undefined;
}

export interface FeedParts {
  readonly trustDomain: string;
  readonly now: () => number;
  readonly onEvent: (event: SpiffeEvent) => void;
  readonly limits: SpiffeLimits;
  readonly surviveMs: SpiffeConfig["surviveSeconds"];
  readonly closed: AbortSignal;
}

/** Keeps the last good bundle for a bounded time. */
export interface BundleHolder {
  current(now: number): TrustBundle | undefined;
  /** Takes over what the source gave. INVARIANT: a sequence number never goes back. */
  take(bundle: TrustBundle, now: number): boolean;
  /** The source was heard of, and has nothing new. */
  confirm(now: number): void;
  failed(fault: BundleFault): void;
  drop(): void;
}

export function createHolder(parts: Pick<FeedParts, "trustDomain" | "onEvent" | "surviveMs">): BundleHolder {
  const { trustDomain: trust_domain, onEvent, surviveMs } = parts;
  let held: TrustBundle | undefined;
  let heardAt = -Infinity;
  // a reason is told once, not at each attempt
  let told: BundleFault | undefined;

  function failed(fault: BundleFault): void {
    if (told !== fault) onEvent({ kind: "trust_bundle_failed", trust_domain, fault });
    told = fault;
  }
  return {
    failed,
    current(now) {
      if (held !== undefined && now - heardAt > surviveMs) {
        // INVARIANT: whoever keeps us from the source can't keep a revoked authority alive for ever
        held = undefined;
        onEvent({ kind: "trust_bundle_expired", trust_domain });
      }
      return held;
    },
    take(bundle, now) {
      const before = held?.sequence;
      if (before !== undefined && (bundle.sequence === undefined || bundle.sequence < before)) {
        failed("rollback");
        return false;
      }
      const { authorities, keys, skipped, digests } = bundle;
      if (held === undefined || held.digests.x509 !== digests.x509 || held.digests.jwt !== digests.jwt) {
        const counts = { authorities: authorities.length, keys: keys.length, skipped };
        onEvent({ kind: "trust_bundle_changed", trust_domain, ...counts });
      }
      [held, heardAt, told] = [bundle, now, undefined];
      return true;
    },
    confirm(now) {
      if (held !== undefined) [heardAt, told] = [now, undefined];
    },
    drop() {
      held = undefined;
    },
  };
}

/** Tells whether `ms` have passed; a clock that was set back counts as passed. */
export function passed(since: number, now: number, ms: number): boolean {
  return now - since >= ms || now < since;
}
