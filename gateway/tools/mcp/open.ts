/** Puts together what MCP needs for as long as the gateway runs. */
import type { GatewayConfig } from "../../config.js";
import type { Live } from "../../live/live.js";
import { describeArguments } from "../arguments/describe.js";
import type { Definitions } from "../definitions/definitions.js";
import type { OpenLink } from "../links/link.js";
import { createResults } from "../results/inspect.js";
import { createCallers } from "./callers.js";
import type { McpConfig } from "./config.js";
import { placeOf } from "./place.js";
import { createParkedRuns } from "./parked.js";
import type { McpParts } from "./parts.js";
import { createSessions } from "./sessions.js";

export interface OpenMcp {
  readonly openLink: OpenLink;
  readonly definitions: Definitions;
  readonly live: Live;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** As they are now. */
  readonly limits: () => McpConfig;
}

/** Creates the parts, and what ends all that they hold. */
export function openMcp({ openLink, definitions, live, clock, limits }: OpenMcp): {
  readonly parts: McpParts;
  /** Lets go of what another configuration doesn't have. */
  reloaded(config: Pick<GatewayConfig, "servers" | "mcp">): void;
  close(): void;
} {
  const sessions = createSessions({ clock, limits, live });
  const parked = createParkedRuns(live);
  return {
    parts: {
      ...{ openLink, definitions, sessions, parked, callers: createCallers() },
      ...{ describeArguments: describeArguments(), results: createResults({ clock }) },
    },
    reloaded(config) {
      const routeIs = (route: string): boolean =>
        placeOf(config, route === "/mcp" ? undefined : route.slice("/mcp/".length)) !== undefined;
      sessions.keepOnly(new Set(config.servers.values()), routeIs);
    },
    close() {
      sessions.close();
      parked.close();
    },
  };
}
