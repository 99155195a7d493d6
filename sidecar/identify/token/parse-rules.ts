import { isObject, type Json, type JsonObject } from "../../contract.js";
import { isName } from "./chain.js";
import { parseClaims, parseSubjectType, parseSubjectTypes } from "./parse-claims.js";
import { readNumber, readText, readTexts, type Problems } from "./read-fields.js";
import type { ClaimRules } from "./types.js";

export const ruleFields = [
  "issuer",
  "audience",
  "tenants",
  "tenant_names",
  "trust_domains",
  "claims",
  "subject_type",
  "subject_types",
  "expose",
  "max_lifetime_seconds",
  "clock_skew_seconds",
  "actor_depth",
  "actor_issuers",
] as const;

/** Reads what a payload is mapped by, and fills in the defaults. */
export function parseRules(from: JsonObject, path: string, problems: Problems): ClaimRules {
  const text = (name: string): string => readText(from[name], `${path}.${name}`, problems);
  const texts = (name: string, least: number, absent?: string[]): string[] =>
    from[name] === undefined && absent !== undefined
      ? absent
      : readTexts(from[name], `${path}.${name}`, least, problems);
  const number = (name: string, least: number, most: number, absent: number): number =>
    readNumber(from[name], `${path}.${name}`, { least, most, absent }, problems);

  const audience = typeof from["audience"] === "string" ? [text("audience")] : texts("audience", 1);
  if (audience.length > 0 && audience.includes("") && from["audience"] !== "") {
    problems.push(`${path}.audience: must not list the empty string`);
  }
  const tenants = texts("tenants", 1);
  if (tenants.includes("*") && tenants.length > 1) {
    problems.push(`${path}.tenants: "*" stands for any tenant, so it must stand alone`);
  }
  const claims = parseClaims(from["claims"], `${path}.claims`, problems);
  if ((claims.tenant ?? null) === null && (tenants.length > 1 || tenants[0] === "*")) {
    problems.push(`${path}.claims.tenant: is missing; only an issuer for one tenant can do without`);
  }
  const tenant_names = parseTenantNames(from["tenant_names"], `${path}.tenant_names`, tenants, problems);
  const trust_domains = texts("trust_domains", 0, []);
  trust_domains.forEach((name, i) => {
    if (/^[a-z0-9._-]{1,255}$/.test(name)) return;
    problems.push(`${path}.trust_domains[${i}]: must be a trust domain's name, without spiffe://`);
  });
  return {
    issuer: text("issuer"),
    audience,
    tenants,
    ...(tenant_names === undefined ? {} : { tenant_names }),
    trust_domains,
    claims,
    subject_type:
      from["subject_type"] === undefined
        ? "user"
        : parseSubjectType(from["subject_type"], `${path}.subject_type`, problems),
    subject_types: parseSubjectTypes(from["subject_types"], `${path}.subject_types`, problems),
    expose: texts("expose", 0, []),
    max_lifetime_seconds: number("max_lifetime_seconds", 1, 31_536_000, 86_400),
    clock_skew_seconds: number("clock_skew_seconds", 0, 300, 30),
    actor_depth: number("actor_depth", 0, 8, 4),
    actor_issuers: texts("actor_issuers", 0, []),
  };
}

function parseTenantNames(
  value: Json | undefined,
  path: string,
  tenants: readonly string[],
  problems: Problems,
): Record<string, string> | undefined {
  if (value === undefined) return undefined;
  const names: Record<string, string> = Object.create(null) as Record<string, string>;
  if (!isObject(value)) {
    problems.push(`${path}: must be an object of tenants by what tokens call them`);
    return names;
  }
  for (const [theirs, ours] of Object.entries(value)) {
    if (isName(ours) && (tenants.includes(ours) || tenants[0] === "*")) names[theirs] = ours;
    else problems.push(`${path}.${theirs}: must be one of the issuer's tenants`);
  }
  return names;
}
