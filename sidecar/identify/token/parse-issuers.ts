import type { Json } from "../../contract.js";
import { algorithms } from "./algorithms.js";
import { mediaType } from "./jwt.js";
import { parseJwksSource } from "./parse-jwks-source.js";
import { readNumber, readObject, readText, readTexts, type Problems } from "./read-fields.js";
import { claimNames, type ClaimName, type Issuer } from "./types.js";

/** Every problem of a configuration at once, each as `place: what is wrong`. */
export class IssuersInvalid extends Error {
  override readonly name = "IssuersInvalid";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

const fields = [
  "name",
  "issuer",
  "audience",
  "jwks",
  "algorithms",
  "tenants",
  "types",
  "claims",
  "expose",
  "max_lifetime_seconds",
  "clock_skew_seconds",
  "actor_depth",
  "actor_issuers",
] as const;

/**
 * Parses the issuers' configuration and fills in the defaults.
 * @param path where the list stands in the configuration, for the problems
 * @throws IssuersInvalid
 */
export function parseIssuers(json: Json, path = "identity.issuers"): Issuer[] {
  if (!Array.isArray(json)) throw new IssuersInvalid([`${path}: must be a list of issuers`]);
  const problems: Problems = [];
  const issuers = json.map((value, i) => parseIssuer(value, `${path}[${i}]`, problems));
  for (const field of ["name", "issuer"] as const) {
    const seen = new Set<string>();
    issuers.forEach((issuer, i) => {
      if (issuer[field] !== "" && seen.has(issuer[field])) problems.push(`${path}[${i}].${field}: is taken`);
      seen.add(issuer[field]);
    });
  }
  if (problems.length > 0) throw new IssuersInvalid(problems);
  return issuers;
}

function parseIssuer(value: Json, path: string, problems: Problems): Issuer {
  const from = readObject(value, path, fields, problems) ?? {};
  const text = (name: string): string => readText(from[name], `${path}.${name}`, problems);
  const texts = (name: string, least: number, absent?: string[]): string[] =>
    from[name] === undefined && absent !== undefined
      ? absent
      : readTexts(from[name], `${path}.${name}`, least, problems);
  const number = (name: string, least: number, most: number, absent: number): number =>
    readNumber(from[name], `${path}.${name}`, { least, most, absent }, problems);

  const name = text("name");
  // It becomes a metric label.
  if (name !== "" && !/^[a-z0-9][a-z0-9_.-]{0,62}$/i.test(name)) {
    problems.push(`${path}.name: must be letters, digits, "_", "." and "-", at most 63`);
  }
  const audience = typeof from["audience"] === "string" ? [text("audience")] : texts("audience", 1);
  if (audience.length > 0 && audience.includes("") && from["audience"] !== "") {
    problems.push(`${path}.audience: must not list the empty string`);
  }
  const tenants = texts("tenants", 1);
  if (tenants.includes("*") && tenants.length > 1) {
    problems.push(`${path}.tenants: "*" stands for any tenant, so it must stand alone`);
  }
  const claims = parseClaims(from["claims"], `${path}.claims`, problems);
  if (claims.tenant === undefined && (tenants.length > 1 || tenants[0] === "*")) {
    problems.push(`${path}.claims.tenant: is missing; only an issuer for one tenant can do without`);
  }
  return {
    name,
    issuer: text("issuer"),
    audience,
    jwks: parseJwksSource(from["jwks"], `${path}.jwks`, problems),
    algorithms: parseAlgorithms(texts("algorithms", 1), `${path}.algorithms`, problems),
    tenants,
    types: texts("types", 1, ["at+jwt", "JWT"]).map(mediaType),
    claims,
    expose: texts("expose", 0, []),
    max_lifetime_seconds: number("max_lifetime_seconds", 1, 31_536_000, 86_400),
    clock_skew_seconds: number("clock_skew_seconds", 0, 300, 30),
    actor_depth: number("actor_depth", 0, 8, 4),
    actor_issuers: texts("actor_issuers", 0, []),
  };
}

function parseAlgorithms(names: string[], path: string, problems: Problems): string[] {
  names.forEach((name, i) => {
    if (algorithms.has(name)) return;
    const why = /^(?:hs\d+|none)$/i.test(name) ? "is refused: asymmetric algorithms only" : "is not known";
    problems.push(`${path}[${i}]: ${why}; take one of ${[...algorithms.keys()].join(", ")}`);
  });
  return names;
}

function parseClaims(value: Json | undefined, path: string, problems: Problems): Issuer["claims"] {
  if (value === undefined) return {};
  const from = readObject(value, path, claimNames, problems) ?? {};
  const claims: { -readonly [K in ClaimName]?: readonly string[] } = {};
  for (const name of claimNames) {
    const where = from[name];
    if (where === undefined) continue;
    const keys = typeof where === "string" ? where.split(".") : where;
    if (isKeys(keys)) claims[name] = keys;
    else problems.push(`${path}.${name}: must be a claim's name, dotted path, or list of keys`);
  }
  return claims;
}

function isKeys(value: Json): value is string[] {
  return (
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= 8 &&
    value.every((key) => typeof key === "string" && key !== "")
  );
}
