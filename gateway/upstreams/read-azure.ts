/** Azure OpenAI: its two surfaces, and the tokens that it takes beside keys. */
import type { Fields, Problems } from "../../sidecar/contract.js";
import { readSecretConfig } from "../secrets/read-config.js";
import { isLoopback, readUrl } from "./read-url.js";
import type { EntraConfig, UpstreamConfig } from "./upstream.js";

/** Source: Azure OpenAI, "API version lifecycle"; `v1` needs no version but for previews. */
const version = /^(?:\d{4}-\d{2}-\d{2}(?:-preview)?|preview|latest|v1)$/;

/** Source for Anthropic's: learn.microsoft.com/azure/foundry/foundry-models/how-to/use-foundry-models-claude. */
const keyIn = { openai: "api-key", anthropic: "x-api-key" } as const;
const scopes = {
  openai: "https://cognitiveservices.azure.com/.default",
  anthropic: "https://ai.azure.com/.default",
} as const;

/** Reads `surface` and `api_version` into the address, and `entra`. */
export function readAzure(
  fields: Fields,
  given: URL,
  problems: Problems,
): Pick<UpstreamConfig, "url" | "protocol" | "wire" | "keyIn" | "credentials"> {
  const protocol = fields.oneOf("protocol", ["openai", "anthropic"]) ?? "openai";
  const surface = fields.oneOf("surface", ["v1", "deployments"]) ?? "v1";
  const apiVersion = fields.string("api_version");
  if (surface === "deployments" && apiVersion === undefined)
    problems.add(fields.at("api_version"), "is required with the surface deployments");
  if (apiVersion !== undefined && !version.test(apiVersion))
    problems.add(
      fields.at("api_version"),
      "must be a date, with -preview or without, or preview, latest, v1",
    );
  const url = new URL(given);
  if (protocol === "anthropic" && surface !== "v1")
    problems.add(fields.at("surface"), "is of OpenAI's models only");
  if (url.pathname === "/") url.pathname = surface === "v1" ? `/${protocol}/v1` : "/openai";
  if (url.search !== "") problems.add(fields.at("url"), "must not hold a query; use api_version");
  else if (apiVersion !== undefined) url.searchParams.set("api-version", apiVersion);
  const entra = fields.has("entra")
    ? readEntra(fields.nested("entra"), scopes[protocol], problems)
    : undefined;
  if (entra !== undefined && fields.has("api_key"))
    problems.add(fields.at("entra"), "give api_key or entra, not both");
  return {
    ...{ url, protocol, keyIn: keyIn[protocol] },
    ...(surface === "v1" ? {} : { wire: { kind: "azure-deployments" } }),
    ...(entra === undefined ? {} : { credentials: entra }),
  };
}

/** Source: Microsoft identity platform, "OAuth 2.0 client credentials flow". */
function readEntra(fields: Fields, usualScope: string, problems: Problems): EntraConfig | undefined {
  const tenant = fields.required("tenant");
  // a tenant stands in the path
  if (tenant !== "" && !/^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$/.test(tenant))
    problems.add(fields.at("tenant"), "must be an id or a domain");
  const authority = fields.string("authority") ?? "https://login.microsoftonline.com";
  const base = readUrl(authority, fields.at("authority"), problems);
  // the client's secret goes there
  if (base.protocol !== "https:" && !isLoopback(base))
    problems.add(fields.at("authority"), "must be https, but for this machine itself");
  if (base.search !== "") problems.add(fields.at("authority"), "must not hold a query");
  const clientId = fields.required("client_id");
  const scope = fields.string("scope") ?? usualScope;
  const kinds = (["secret", "assertion"] as const).filter((kind) => fields.has(`client_${kind}`));
  const [kind] = kinds;
  if (kinds.length !== 1) problems.add(fields.at("client_secret"), "give client_secret or client_assertion");
  const source = kind === undefined ? undefined : readSecretConfig(fields.nested(`client_${kind}`), problems);
  const timeoutMs = fields.integer("timeout_ms", 1, 60_000) ?? 10_000;
  fields.end();
  if (kind === undefined || source === undefined) return undefined;
  const tokenUrl = new URL(base);
  tokenUrl.pathname = `${base.pathname.replace(/\/$/, "")}/${tenant}/oauth2/v2.0/token`;
  return { kind: "entra", id: source.id, tokenUrl, clientId, scope, timeoutMs, proof: { kind, source } };
}
