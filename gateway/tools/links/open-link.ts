/** Opens links to tool servers, by how each is reached. */
import type { ServerConfig } from "../server-config.js";
import { openHttp } from "./http/open.js";
import { createSend } from "./http/send.js";
import type { Era, OpenLink } from "./link.js";
import type { LinkParts } from "./parts.js";

const eras = { "2025-11-25": "session", "2026-07-28": "stateless", auto: undefined } as const;

/** The longest that a request may take unless configured, milliseconds. */
const requestMs = 600_000;

/** Creates what opens links; it remembers which era a server was found to speak. */
export function createOpenLink(parts: LinkParts): OpenLink {
  const found = new WeakMap<ServerConfig, Era>();
  return async (server, holder, caller, signal) => {
    const { upstream, revision = "auto" } = server;
    if (upstream === undefined) return { kind: "failed", code: "upstream_unavailable" };
    const opened = await openHttp(
      {
        ...{ ...parts, holder, send: createSend(parts.forward, upstream) },
        requestMs: server.requestMs ?? requestMs,
        era: eras[revision] ?? found.get(server),
        learnt(era) {
          if (era === undefined) found.delete(server);
          else found.set(server, era);
        },
      },
      caller,
      signal,
    );
    return "kind" in opened && opened.kind === "not_spoken"
      ? { kind: "failed", code: "upstream_invalid" }
      : opened;
  };
}
