import { refuse } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { readTarget } from "./normalise.js";
import { refuseRoute } from "./refuse.js";
import { serveServer } from "./servers/serve.js";
import { serveWeb } from "./web.js";
import type { Upgrading } from "./websocket/upgrade.js";
import { serveUpgrade } from "./websocket/upgrade.js";

/** Serves what comes to a named route. */
export async function serveNamed(
  parts: GatewayParts,
  exchange: Exchange,
  { name, rest }: { readonly name: string; readonly rest: string },
  upgrade: Upgrading | undefined,
): Promise<void> {
  const refuseHere = refuseRoute(parts.config);
  const route = parts.config.routes.get(name);
  if (route === undefined) return refuseHere(exchange, refuse("unknown_route"));
  const target = readTarget(rest);
  if (target.kind === "refusal") return refuseHere(exchange, target);
  // a query may hold what no record should
  const here = { ...exchange, path: `/routes/${name}${target.raw}` };
  if (upgrade !== undefined) return serveUpgrade(parts, here, route, target, upgrade);
  return route.kind === "web"
    ? serveWeb(parts, here, route, target)
    : serveServer(parts, here, route, target);
}
