import type { Deployment } from "./deployment.js";

/** What policy leaves of a model's deployments; absent: all. */
export interface Restrictions {
  readonly regions?: readonly string[];
  readonly providers?: readonly string[];
}

/** Leaves the deployments that policy allows; none left is a deny. */
export function narrow<T extends Pick<Deployment, "region" | "provider">>(
  candidates: readonly T[],
  { regions, providers }: Restrictions,
): readonly T[] {
  return candidates.filter(
    ({ region, provider }) =>
      (regions === undefined || regions.includes(region)) &&
      (providers === undefined || providers.includes(provider)),
  );
}
