import { refuse, type Refusal } from "../../contract.js";
import type { WorkloadFacts } from "../verified.js";
import type { TrustBundle } from "./bundle.js";
import type { BundleFeed } from "./feed.js";
import type { SpiffeId } from "./spiffe-id.js";
import type { TrustDomain } from "./types.js";

/** The trust domains that are believed. INVARIANT: bundles are never merged; each speaks for its own domain alone. */
export interface TrustDomains {
  has(name: string): boolean;
  /** Makes sure that the domain's bundle is fresh. Rejects on bugs only. */
  refresh(name: string, now: number): Promise<void> | undefined;
  /** The bundle in force, or why there is none. */
  bundle(name: string, now: number): TrustBundle | Refusal;
  /** What a proven id stands for. */
  workload(id: SpiffeId): WorkloadFacts;
}

export interface Believed {
  readonly domain: TrustDomain;
  readonly feed: BundleFeed;
}

export function createTrustDomains(list: readonly Believed[]): TrustDomains {
  const byName = new Map(list.map((one) => [one.domain.name, one]));
  return {
    has: (name) => byName.has(name),
    refresh: (name, now) => byName.get(name)?.feed.refresh(now),
    bundle(name, now) {
      const found = byName.get(name);
      if (found === undefined) return refuse("trust_domain_unknown");
      return found.feed.current(now) ?? refuse("trust_bundle_unavailable");
    },
    workload({ id, trustDomain, path }) {
      const domain = byName.get(trustDomain)?.domain;
      const mapped = domain?.tenantPaths.find(([begin]) => path === begin || path.startsWith(`${begin}/`));
      return {
        ...{ id, trustDomain },
        tenants: mapped === undefined ? (domain?.tenants ?? []) : [mapped[1]],
        attested: domain?.attested ?? false,
      };
    },
  };
}
