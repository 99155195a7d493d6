/** The obligations by which policy narrows where a request may go. */
import type { Obligation } from "../../sidecar/contract.js";
import { take, textsOf } from "../enforce/duty.js";
import type { Restrictions } from "./narrow.js";

export const routeObligations = ["restrict_regions", "restrict_providers", "select_model"] as const;

export interface Route extends Restrictions {
  /** The model to call instead; it is decided on before. */
  readonly model?: string;
}

/**
 * Reads `restrict_regions {regions}`, `restrict_providers {providers}` and `select_model {model}`: several narrow further.
 * @returns undefined where one isn't understood, which denies; `others` is what else there is to do
 */
export function readRoute(
  obligations: readonly Obligation[],
): { readonly route: Route; readonly others: readonly Obligation[] } | undefined {
  let route: Route = {};
  const others: Obligation[] = [];
  for (const obligation of obligations) {
    const { type, properties } = obligation;
    if (type === "restrict_regions") {
      const regions = textsOf(take(properties, "regions")?.["regions"]);
      if (regions === undefined) return undefined;
      route = { ...route, regions: both(route.regions, regions) };
    } else if (type === "restrict_providers") {
      const providers = textsOf(take(properties, "providers")?.["providers"]);
      if (providers === undefined) return undefined;
      route = { ...route, providers: both(route.providers, providers) };
    } else if (type === "select_model") {
      const model = take(properties, "model")?.["model"];
      if (typeof model !== "string" || (route.model !== undefined && route.model !== model)) return undefined;
      route = { ...route, model };
    } else others.push(obligation);
  }
  return { route, others };
}

/** Adds what one decision asks to what another one does. */
export function joinRoutes(one: Route, other: Route): Route {
  const regions = join(one.regions, other.regions);
  const providers = join(one.providers, other.providers);
  return { ...(regions === undefined ? {} : { regions }), ...(providers === undefined ? {} : { providers }) };
}

function join(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): readonly string[] | undefined {
  return other === undefined ? one : both(one, other);
}

function both(before: readonly string[] | undefined, list: readonly string[]): readonly string[] {
  return before === undefined ? list : before.filter((one) => list.includes(one));
}
