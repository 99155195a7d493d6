import type { GatewayConfig } from "../config.js";
import { alike } from "./alike.js";

/** What a reload puts into effect. INVARIANT: what isn't listed here can't change without a restart, and is refused. */
const changeable: ReadonlySet<string> = new Set<keyof GatewayConfig>([
  ...(["environment", "upstreams", "models", "servers", "mcp", "stores", "agents", "content"] as const),
  ...(["routes", "storage", "uploads", "notify", "prices", "streams", "limits"] as const),
  ...(["allowedOrigins", "publicUrl", "authorizationServers", "resourceMetadata"] as const),
  ...(["claimedHeaders", "trustedProxies", "mediaHosts", "maxBody"] as const),
]);

/** Lists, by its name in the file, what differs and needs a restart. */
export function checkFixed(before: GatewayConfig, next: GatewayConfig): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(next)] as (keyof GatewayConfig)[]);
  const problems = [...names]
    .filter((name) => name !== "sidecar" && !changeable.has(name) && !alike(before[name], next[name]))
    .map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  if (before.sidecar.socket !== next.sidecar.socket) problems.push("sidecar.socket");
  const listens = ({ stores }: GatewayConfig): (readonly string[])[] =>
    [...stores].flatMap(([name, { listen }]) => (listen === undefined ? [] : [[name, listen]]));
  if (!alike(listens(before), listens(next))) problems.push("stores.*.listen");
  return problems.map((name) => `${name}: can't change without a restart`);
}
