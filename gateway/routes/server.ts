import { refuse } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import type { RouteConfig } from "./config.js";
import type { Target } from "./normalise.js";
import { refuseRoute } from "./refuse.js";

/** Serves a route to a model server. */
export function serveServer(
  parts: GatewayParts,
  exchange: Exchange,
  _route: RouteConfig,
  _target: Target,
): Promise<void> {
  refuseRoute(parts.config)(exchange, refuse("unknown_operation"));
  return Promise.resolve();
}
