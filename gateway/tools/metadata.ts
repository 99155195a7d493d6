/** Where tokens for this gateway come from: OAuth protected resource metadata (RFC 9728), one document per resource. */
import type { JsonObject } from "../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../sidecar/contract.js";
import type { GatewayConfig } from "../config.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { send } from "../http.js";
import { jwksPath } from "../keys.js";
import { findCollection } from "../retrieval/config.js";
import { refuseTool } from "./refuse.js";

const wellKnown = "/.well-known/oauth-protected-resource";

/** The resource that a path belongs to: each tool server, store and collection, all models together, or the gateway. */
export function resourceOf(path: string, config: GatewayConfig): string | undefined {
  if (path === "/mcp") return config.mcp.together.length > 0 ? path : undefined;
  const [, server] = /^\/mcp\/([^/]+)$/.exec(path) ?? [];
  if (server !== undefined) return config.servers.has(server) ? path : undefined;
  const [, api] = /^\/tools\/([^/?]+)(?:[/?]|$)/.exec(path) ?? [];
  if (api !== undefined) return config.servers.get(api)?.openapi === undefined ? undefined : `/tools/${api}`;
  const [, collection] = /^\/v1\/retrieval\/([^/]+)(?:\/query)?$/.exec(path) ?? [];
  if (collection !== undefined) {
    return findCollection(config.stores, collection) !== undefined
      ? `/v1/retrieval/${collection}`
      : undefined;
  }
  const [, store] = /^\/stores\/([^/?]+)(?:[/?]|$)/.exec(path) ?? [];
  if (store !== undefined) return config.stores.has(store) ? `/stores/${store}` : undefined;
  const [, agent] = /^\/a2a\/([^/]+)(?:\/|$)/.exec(path) ?? [];
  if (agent !== undefined) return config.agents.has(agent) ? `/a2a/${agent}` : undefined;
  return /^\/v1(?:\/|$)/.test(path) ? "/v1" : undefined;
}

/** Origin and path of the address that clients know; undefined for a gateway that listens on a Unix socket only. */
function placeOf(publicUrl: string): { readonly origin: string; readonly base: string } | undefined {
  const [, origin, base = ""] = /^(https?:\/\/[^/]+)(\/.*?)?\/?$/.exec(publicUrl) ?? [];
  return origin === undefined ? undefined : { origin, base };
}

/** Says where the metadata of a resource lies: the well-known part goes before the resource's path (section 3.1). */
export function metadataUrl(
  { publicUrl }: Pick<GatewayParts, "publicUrl">,
  resource: string,
): string | undefined {
  const place = placeOf(publicUrl());
  return place === undefined ? undefined : `${place.origin}${wellKnown}${place.base}${resource}`;
}

/** Serves a resource's metadata; `path` is what follows the well-known part, "" for the whole gateway. */
export function serveMetadata(parts: GatewayParts, exchange: Exchange, path: string): void {
  const { config, publicUrl } = parts;
  const place = placeOf(publicUrl());
  if (place === undefined) return void refuseTool(exchange, refuse("unknown_route"));
  const { base } = place;
  // a proxy before the gateway may leave its own prefix on, as it stands in the address that clients know
  const asked = base !== "" && path.startsWith(`${base}/`) ? path.slice(base.length) : path;
  if (asked !== "" && resourceOf(asked, config) !== asked) {
    refuseTool(exchange, refuse(asked.startsWith("/mcp/") ? "unknown_server" : "unknown_route"));
    return;
  }
  send(exchange.res, 200, stringifyJson(describe(config, publicUrl(), asked)), {
    "cache-control": "public, max-age=300",
  });
}

/** INVARIANT: `resource` is to the letter what the client asked about (section 3.3). */
function describe(config: GatewayConfig, publicUrl: string, path: string): JsonObject {
  const { authorizationServers, resourceMetadata } = config;
  const { scopes, dpopAlgorithms, certificateBound, name, documentation } = resourceMetadata;
  const upstreams = [
    ...config.upstreams.values(),
    ...[...config.servers.values()].flatMap(({ upstream }) => upstream ?? []),
    ...[...config.stores.values()].map(({ upstream }) => upstream),
  ];
  return {
    resource: `${publicUrl}${path}`,
    ...(authorizationServers.length === 0 ? {} : { authorization_servers: [...authorizationServers] }),
    ...(scopes.length === 0 ? {} : { scopes_supported: [...scopes] }),
    bearer_methods_supported: ["header"],
    ...(dpopAlgorithms.length === 0 ? {} : { dpop_signing_alg_values_supported: [...dpopAlgorithms] }),
    ...(certificateBound ? { tls_client_certificate_bound_access_tokens: true } : {}),
    ...(upstreams.some(({ assertion }) => assertion !== undefined)
      ? { jwks_uri: `${publicUrl}${jwksPath}` }
      : {}),
    ...(name === undefined ? {} : { resource_name: name }),
    ...(documentation === undefined ? {} : { resource_documentation: documentation }),
  };
}
