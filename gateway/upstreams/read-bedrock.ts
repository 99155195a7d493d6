/** AWS Bedrock: where it is, and what its requests are signed with. */
import { basename } from "node:path";
import type { Fields, Problems } from "../../sidecar/contract.js";
import { readSecretConfig } from "../secrets/read-config.js";
import { isLoopback, readUrl } from "./read-url.js";
import type { AwsConfig, UpstreamConfig } from "./upstream.js";

/** Reads `region`, `url`, `api`, `anthropic_version` and `credentials`. Source: Amazon Bedrock User Guide, "Anthropic Claude Messages API". */
export function readBedrock(
  fields: Fields,
  problems: Problems,
): Pick<UpstreamConfig, "url" | "wire" | "protocol" | "keyIn" | "credentials"> {
  const region = fields.required("region");
  const known = /^[a-z]{2}(?:-[a-z]{2,16}){1,3}-\d{1,2}$/.test(region);
  if (region !== "" && !known) problems.add(fields.at("region"), "must be a region, as eu-central-1");
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const regional = `https://bedrock-runtime.${known ? region : "invalid"}.${suffix}`;
  const url = readUrl(fields.string("url") ?? regional, fields.at("url"), problems);
  if (url.protocol !== "https:" && !isLoopback(url))
    problems.add(fields.at("url"), "must be https, but for this machine itself");
  if (url.search !== "") problems.add(fields.at("url"), "must not hold a query");
  const api = fields.oneOf("api", ["invoke", "converse", "openai"]) ?? "invoke";
  if (api === "openai" && url.pathname === "/") url.pathname = "/openai/v1";
  const version = (api === "invoke" ? fields.string("anthropic_version") : undefined) ?? "bedrock-2023-05-31";
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(version))
    problems.add(fields.at("anthropic_version"), "must be a version, as bedrock-2023-05-31");
  const credentials = fields.has("credentials")
    ? readAws(fields.nested("credentials"), region, problems)
    : undefined;
  if ((credentials === undefined) === !fields.has("api_key"))
    problems.add(fields.at("credentials"), "give credentials or api_key, one of them");
  return {
    url,
    keyIn: "authorization",
    protocol: api === "openai" ? "openai" : "anthropic",
    ...(api === "openai"
      ? {}
      : { wire: { kind: "bedrock", ...(api === "invoke" ? { api, version } : { api }) } }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function readAws(fields: Fields, region: string, problems: Problems): AwsConfig | undefined {
  const aws = { kind: "aws", region, service: "bedrock" } as const;
  const path = fields.string("file");
  if (path !== undefined) {
    const profile = fields.string("profile") ?? "default";
    if (!/^[\w.@/+-]{1,64}$/.test(profile)) problems.add(fields.at("profile"), "must be a profile's name");
    if (!path.startsWith("/")) problems.add(fields.at("file"), "must be an absolute path");
    fields.end();
    return { ...aws, id: `file:${basename(path)}#${profile}`, keys: { kind: "file", path, profile } };
  }
  const required = (name: string) => {
    if (!fields.has(name)) return problems.add(fields.at(name), "is required");
    return readSecretConfig(fields.nested(name), problems);
  };
  const accessKeyId = required("access_key_id");
  const secretAccessKey = required("secret_access_key");
  const sessionToken = fields.has("session_token")
    ? readSecretConfig(fields.nested("session_token"), problems)
    : undefined;
  fields.end();
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const session = sessionToken === undefined ? {} : { sessionToken };
  return { ...aws, id: accessKeyId.id, keys: { kind: "sources", accessKeyId, secretAccessKey, ...session } };
}
