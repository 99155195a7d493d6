import type { Json } from "../../contract.js";
import { parseFetch, parseUrl } from "./parse-fetch.js";
import { readObject, readText, type Problems } from "./read-fields.js";
import type { OverageConfig } from "./types.js";

const fields = ["client_id", "client_secret_file", "graph_url", "token_url", "security_groups_only", "fetch"];

/** Reads how groups that didn't fit into a token are asked for. */
export function parseOverage(value: Json, path: string, problems: Problems): OverageConfig {
  const from = readObject(value, path, fields, problems) ?? {};
  const fetch = parseFetch(from["fetch"], `${path}.fetch`, problems);
  const url = (name: "graph_url" | "token_url"): object =>
    from[name] === undefined ? {} : { [name]: parseUrl(from[name], `${path}.${name}`, fetch, problems) };
  const { security_groups_only = true } = from;
  if (typeof security_groups_only !== "boolean") {
    problems.push(`${path}.security_groups_only: must be true or false`);
  }
  return {
    client_id: readText(from["client_id"], `${path}.client_id`, problems),
    client_secret_file: readText(from["client_secret_file"], `${path}.client_secret_file`, problems),
    ...url("graph_url"),
    ...url("token_url"),
    security_groups_only: security_groups_only !== false,
    fetch,
  };
}
