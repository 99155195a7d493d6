import { isObject, nearest, type Json, type JsonObject } from "../../contract.js";
import { algorithms } from "./algorithms.js";
import { metadataUrl } from "./discover.js";
import { forbiddenTypes } from "./token-types.js";
import { mediaType } from "./jwt.js";
import { parseTests } from "./parse-claims.js";
import { parseFetch, parseUrl } from "./parse-fetch.js";
import { parseJwksSource } from "./parse-jwks-source.js";
import { parseOverage } from "./parse-overage.js";
import { parseRules, ruleFields } from "./parse-rules.js";
import { presets } from "./presets.js";
import { readObject, readText, readTexts, type Problems } from "./read-fields.js";
import type { Issuer } from "./types.js";

/** Every problem of a configuration at once, each as `place: what is wrong`. */
export class IssuersInvalid extends Error {
  override readonly name = "IssuersInvalid";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

const fields = [
  "name",
  ...ruleFields,
  "preset",
  "jwks",
  "discovery",
  "fetch",
  "algorithms",
  "types",
  "require",
  "id_tokens",
  "groups_overage",
] as const;

/**
 * Parses the issuers' configuration, lays presets under it and fills in the defaults.
 * @param path where the list stands in the configuration, for the problems
 * @throws IssuersInvalid
 */
export function parseIssuers(json: Json, path = "identity.issuers"): Issuer[] {
  if (!Array.isArray(json)) throw new IssuersInvalid([`${path}: must be a list of issuers`]);
  const problems: Problems = [];
  const issuers = json.map((value, i) => parseIssuer(value, `${path}[${i}]`, problems));
  issuers.forEach((issuer, i) => {
    const before = issuers.slice(0, i);
    if (issuer.name !== "" && before.some(({ name }) => name === issuer.name)) {
      problems.push(`${path}[${i}].name: is taken`);
    }
    // one issuer may stand several times, for different audiences
    const same = before.filter((other) => other.issuer === issuer.issuer && issuer.issuer !== "");
    if (same.some(({ audience }) => audience.some((one) => issuer.audience.includes(one)))) {
      problems.push(`${path}[${i}].issuer: is taken`);
    }
  });
  if (problems.length > 0) throw new IssuersInvalid(problems);
  return issuers;
}

function parseIssuer(value: Json, path: string, problems: Problems): Issuer {
  const written = readObject(value, path, fields, problems) ?? {};
  const from = underlay(written, path, problems);
  const rules = parseRules(from, path, problems);
  const name = readText(from["name"], `${path}.name`, problems);
  // It becomes a metric label.
  if (name !== "" && !/^[a-z0-9][a-z0-9_.-]{0,62}$/i.test(name)) {
    problems.push(`${path}.name: must be letters, digits, "_", "." and "-", at most 63`);
  }
  const fetch = parseFetch(from["fetch"], `${path}.fetch`, problems);
  const texts = (field: string, absent?: string[]): string[] =>
    from[field] === undefined && absent !== undefined
      ? absent
      : readTexts(from[field], `${path}.${field}`, 1, problems);
  const types = texts("types", ["at+jwt", "JWT"]).map(mediaType);
  types.forEach((type, i) => {
    if (forbiddenTypes.has(type)) problems.push(`${path}.types[${i}]: is never an access token's type`);
  });
  const { id_tokens = false } = from;
  if (typeof id_tokens !== "boolean") problems.push(`${path}.id_tokens: must be true or false`);
  const overage =
    from["groups_overage"] === undefined
      ? {}
      : { groups_overage: parseOverage(from["groups_overage"], `${path}.groups_overage`, problems) };
  return {
    name,
    ...rules,
    ...parseKeySource(from, path, fetch, problems),
    fetch,
    algorithms: parseAlgorithms(texts("algorithms"), `${path}.algorithms`, problems),
    types,
    require: parseTests(from["require"], `${path}.require`, problems),
    id_tokens: id_tokens === true,
    ...overage,
  };
}

/** Lays a preset under what is written; claims by each. */
function underlay(written: JsonObject, path: string, problems: Problems): JsonObject {
  const { preset: name, ...own } = written;
  if (name === undefined) return own;
  const preset = typeof name === "string" ? presets.get(name) : undefined;
  if (preset === undefined) {
    const known = [...presets.keys()];
    const meant = typeof name === "string" ? nearest(name, known) : undefined;
    problems.push(
      `${path}.preset: is not known; ${meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`}`,
    );
    return own;
  }
  const under = preset.config as JsonObject;
  const merged: JsonObject = { ...under, ...own };
  if (isObject(under["claims"]) && isObject(own["claims"])) {
    merged["claims"] = { ...under["claims"], ...own["claims"] };
  }
  if (own["jwks"] !== undefined && own["discovery"] === undefined) delete merged["discovery"];
  const claims = merged["claims"];
  const tenant = isObject(claims) ? (claims["tenant"] ?? null) : null;
  if (preset.shared === true && tenant === null && own["require"] === undefined) {
    problems.push(
      `${path}: anybody gets tokens of this issuer: set claims.tenant, or require what marks yours`,
    );
  }
  return merged;
}

function parseKeySource(
  from: JsonObject,
  path: string,
  fetch: Issuer["fetch"],
  problems: Problems,
): Pick<Issuer, "jwks" | "discovery"> {
  const { jwks, discovery, issuer } = from;
  if (jwks !== undefined) {
    if (discovery !== undefined && discovery !== false) {
      problems.push(`${path}.discovery: can't be together with jwks`);
    }
    return { jwks: parseJwksSource(jwks, `${path}.jwks`, fetch, problems) };
  }
  if (discovery === false) problems.push(`${path}.jwks: is missing`);
  else if (typeof discovery === "string") {
    return { discovery: parseUrl(discovery, `${path}.discovery`, fetch, problems) };
  } else if (discovery !== undefined && discovery !== true) {
    problems.push(`${path}.discovery: must be true, or the metadata's URL`);
  } else if (typeof issuer === "string" && issuer !== "") {
    const before = problems.length;
    parseUrl(metadataUrl(issuer), `${path}.issuer`, fetch, problems);
    if (problems.length > before) problems.push(`${path}.jwks: is missing, and keys can't be discovered`);
  }
  return {};
}

function parseAlgorithms(names: string[], path: string, problems: Problems): string[] {
  names.forEach((name, i) => {
    if (algorithms.has(name)) return;
    const why = /^(?:hs\d+|none)$/i.test(name) ? "is refused: asymmetric algorithms only" : "is not known";
    problems.push(`${path}[${i}]: ${why}; take one of ${[...algorithms.keys()].join(", ")}`);
  });
  return names;
}
