/** What sections of the configuration that use a service have in common. */
import type { Fields, Problems } from "../contract.js";

/** Names of `services`. */
export type ServiceNames = Pick<ReadonlyMap<string, unknown>, "has" | "keys" | "size">;

/** Reads `service`: as with OPA, the only one unless given. */
export function readService(fields: Fields, problems: Problems, services: ServiceNames): string {
  const given = fields.string("service");
  if (given !== undefined && given !== "") {
    if (!services.has(given)) problems.add(fields.at("service"), "is none of services");
    return given;
  }
  const [only] = services.keys();
  if (only === undefined || services.size > 1)
    problems.add(
      fields.at("service"),
      services.size === 0 ? "is required, and one in services" : "is required: there are several services",
    );
  return only ?? "";
}

/** Gives a path at a service, without a slash at its ends. */
export function readResource(resource: string, place: string, problems: Problems): string {
  const path = resource.replace(/^\/+|\/+$/g, "");
  const leadsOut = /(?:^|\/)\.\.?(?:[/?]|$)/.test(path);
  if (path === "" || path.length > 2_048 || /[\s\\\u0000-\u001f\u007f#]/.test(path) || leadsOut)
    problems.add(place, "must be a path at the service, without spaces, .. and #");
  return path;
}

/** Refuses delays of which one is missing, or that are the wrong way round. */
export function checkDelays(
  fields: Fields,
  least: number | undefined,
  most: number | undefined,
  problems: Problems,
): void {
  if (fields.has("min_delay_seconds") !== fields.has("max_delay_seconds"))
    problems.add(fields.at("min_delay_seconds"), "needs max_delay_seconds, and the other way round");
  else if (least !== undefined && most !== undefined && most < least)
    problems.add(fields.at("max_delay_seconds"), "must be at least min_delay_seconds");
}
