import type { Json } from "../../contract.js";
import { parseTests } from "../token/parse-claims.js";
import { parseFetch, parseUrl } from "../token/parse-fetch.js";
import { IssuersInvalid } from "../token/parse-issuers.js";
import { parseRules, ruleFields } from "../token/parse-rules.js";
import { readNumber, readObject, readText, readTexts, type Problems } from "../token/read-fields.js";
import type { IntrospectionServer } from "./types.js";

const fields = [
  "name",
  "url",
  "client_id",
  "client_secret_file",
  ...ruleFields,
  "prefix",
  "optional",
  "cache_seconds",
  "require",
  "fetch",
] as const;
const optionals = ["aud", "token_type", "sub"];

/**
 * Parses the servers that are asked about opaque tokens.
 * @param path where the list stands in the configuration, for the problems
 * @throws IssuersInvalid
 */
export function parseIntrospection(json: Json, path = "identity.introspection"): IntrospectionServer[] {
  if (!Array.isArray(json)) throw new IssuersInvalid([`${path}: must be a list of servers`]);
  const problems: Problems = [];
  const servers = json.map((value, i) => parseServer(value, `${path}[${i}]`, problems));
  servers.forEach((server, i) => {
    const before = servers.slice(0, i);
    for (const field of ["name", "prefix"] as const) {
      if (server.name === "" || !before.some((other) => other[field] === server[field])) continue;
      problems.push(`${path}[${i}].${field}: is taken`);
    }
  });
  if (problems.length > 0) throw new IssuersInvalid(problems);
  return servers;
}

function parseServer(value: Json, path: string, problems: Problems): IntrospectionServer {
  const from = readObject(value, path, fields, problems) ?? {};
  const text = (name: string): string => readText(from[name], `${path}.${name}`, problems);
  const fetch = parseFetch(from["fetch"], `${path}.fetch`, problems);
  const optional =
    from["optional"] === undefined ? [] : readTexts(from["optional"], `${path}.optional`, 0, problems);
  optional.forEach((name, i) => {
    if (!optionals.includes(name)) problems.push(`${path}.optional[${i}]: must be aud, token_type or sub`);
  });
  const bounds = { least: 0, most: 300, absent: 30 };
  return {
    ...parseRules(from, path, problems),
    name: text("name"),
    url: parseUrl(from["url"], `${path}.url`, fetch, problems),
    client_id: text("client_id"),
    client_secret_file: text("client_secret_file"),
    // an empty one, as parsing gives it, stands for none
    prefix: from["prefix"] === undefined || from["prefix"] === "" ? "" : text("prefix"),
    optional,
    cache_seconds: readNumber(from["cache_seconds"], `${path}.cache_seconds`, bounds, problems),
    require: parseTests(from["require"], `${path}.require`, problems),
    fetch,
  };
}
