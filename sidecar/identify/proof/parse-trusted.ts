import type { Json, JsonObject, Problems } from "../../contract.js";
import { IssuersInvalid, parseIssuers } from "../token/parse-issuers.js";
import type { Issuer } from "../token/types.js";

/** Whose keys verify a token that isn't an access token, and what is mapped from it. */
export type TrustedKeysConfig = Issuer;

/**
 * Parses what an issuer of other tokens shares with issuers of access tokens: keys, algorithms, limits, mappings.
 * @param given what is written, by the names of `identity.issuers`; undefined where absent
 */
export function parseTrusted(
  name: string,
  given: Readonly<Record<string, Json | undefined>>,
  place: string,
  problems: Problems,
): TrustedKeysConfig {
  const issuer: JsonObject = { name, issuer: name, audience: name, tenants: ["-"] };
  for (const [field, value] of Object.entries(given)) if (value !== undefined) issuer[field] = value;
  // keys of these are configured, never discovered by what a token says
  if (issuer["jwks"] === undefined) {
    problems.add(`${place}.jwks`, "is required");
    issuer["jwks"] = { keys: [] };
  }
  const [parsed] = tryParse(issuer, place, problems);
  return parsed ?? emptyIssuer(name);
}

function tryParse(issuer: JsonObject, place: string, problems: Problems): Issuer[] {
  try {
    return parseIssuers([issuer], place);
  } catch (error) {
    if (!(error instanceof IssuersInvalid)) throw error;
    const own = error.problems.map((problem) => problem.replace(`${place}[0]`, place));
    problems.list.push(...own.filter((problem) => !problems.list.includes(problem)));
    return [];
  }
}

/** Stands in where problems keep the configuration from being used anyway. */
function emptyIssuer(name: string): Issuer {
  return parseIssuers([
    { name: "none", issuer: name, audience: name, jwks: { keys: [] }, algorithms: ["ES256"], tenants: ["-"] },
  ])[0] as Issuer;
}
