import { refuse, stringifyJson } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { send } from "../http.js";
import { refuseTool } from "./refuse.js";

/** Says where the metadata of a tool server lies (RFC 9728, section 3.1). */
export function metadataUrl({ publicUrl }: Pick<GatewayParts, "publicUrl">, server: string): string {
  return `${publicUrl()}/.well-known/oauth-protected-resource/mcp/${server}`;
}

/** Serves where tokens for a tool server come from (protected resource metadata, RFC 9728). */
export function serveMetadata({ config, publicUrl }: GatewayParts, exchange: Exchange, server: string): void {
  if (!config.servers.has(server)) {
    refuseTool(exchange, refuse("unknown_server"));
    return;
  }
  const issuers = config.authorizationServers;
  const document = stringifyJson({
    resource: `${publicUrl()}/mcp/${server}`,
    ...(issuers.length === 0 ? {} : { authorization_servers: [...issuers] }),
    bearer_methods_supported: ["header"],
  });
  send(exchange.res, 200, document);
}
