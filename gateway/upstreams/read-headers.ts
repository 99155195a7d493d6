/** Headers that the configuration gives an upstream. */
import type { Fields, Problems } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import { readSecretConfig } from "../secrets/read-config.js";
import type { FixedHeader } from "./upstream.js";

/**
 * What any upstream may be given. INVARIANT: a list of what may be, not of what may not: none of these names a person,
 * proves anything, or is one that the gateway writes itself.
 */
const common: readonly string[] = [
  ...["openai-organization", "openai-project", "openai-beta", "anthropic-beta"],
  ...["user-agent", "x-route", "x-env", "x-environment", "x-region", "x-tier"],
];

/** The longest value, characters. */
const longest = 4_096;

/**
 * Reads `headers`: for each name a text, or where a secret comes from.
 * @param own what this kind of upstream may be given beside
 */
export function readHeaders(fields: Fields, own: readonly string[], problems: Problems): FixedHeader[] {
  const given = fields.raw("headers");
  if (given === undefined) return [];
  if (!isObject(given)) {
    problems.add(fields.at("headers"), "must be an object");
    return [];
  }
  const nested = fields.nested("headers");
  const names = new Set<string>();
  const headers = Object.keys(given).flatMap((spelled): FixedHeader[] => {
    const name = spelled.toLowerCase();
    const place = nested.at(/^[\w-]{1,64}$/.test(spelled) ? spelled : "(a name)");
    if (!common.includes(name) && !own.includes(name)) {
      problems.add(place, `isn't among the headers that may be given: ${[...own, ...common].join(", ")}`);
      return [];
    }
    if (names.has(name)) problems.add(place, "is given twice");
    names.add(name);
    if (isObject(given[spelled])) {
      const secret = readSecretConfig(nested.nested(spelled), problems);
      return secret === undefined ? [] : [{ name, secret, scheme: "" }];
    }
    const value = nested.required(spelled);
    if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) || value.length > longest)
      problems.add(place, `must be printable ASCII, at most ${longest} characters`);
    return [{ name, value }];
  });
  return headers;
}
