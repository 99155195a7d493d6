/** Opens links to tool servers, by how each is reached. */
import { openOpenApiLink } from "../openapi/link.js";
import type { ServerConfig } from "../server-config.js";
import { openHttp } from "./http/open.js";
import { createSend } from "./http/send.js";
import type { Era, OpenLink } from "./link.js";
import type { LinkParts } from "./parts.js";
import { openSse } from "./sse/open.js";
import { createChildren } from "./stdio/children.js";
import { createOpenChild } from "./stdio/open.js";

export interface Links {
  readonly open: OpenLink;
  /** Ends what links need beside connections: children. */
  close(): Promise<void>;
}

const eras = { "2025-11-25": "session", "2026-07-28": "stateless", auto: undefined } as const;

/** The longest that a request may take unless configured, milliseconds. */
const longestMs = 600_000;

/** Creates what opens links; it remembers which era a server was found to speak. */
export function createLinks(parts: LinkParts): Links {
  const found = new WeakMap<ServerConfig, Era>();
  const children = createChildren(parts);
  const openChild = createOpenChild();
  const life = new AbortController();
  const open: OpenLink = async (server, holder, caller, signal) => {
    const { upstream, command, transport = "http", requestMs = longestMs, revision = "auto" } = server;
    const era = (): Era | undefined => eras[revision] ?? found.get(server);
    const learnt = (now: Era | undefined): void => {
      if (now === undefined) found.delete(server);
      else found.set(server, now);
    };
    const common = { ...parts, holder, requestMs };
    if (command !== undefined) {
      return openChild(
        { ...common, children, command, era, learnt, life: life.signal },
        holder,
        caller,
        signal,
      );
    }
    if (upstream === undefined) return { kind: "failed", code: "upstream_unavailable" };
    if (server.openapi !== undefined) {
      const api = parts.openApis?.of(server.openapi);
      if (api === undefined) return { kind: "failed", code: "upstream_unavailable" };
      return openOpenApiLink({ forward: parts.forward, upstream, api, requestMs });
    }
    if (transport === "sse") return openSse({ ...common, upstream }, caller, signal);
    const send = createSend(parts.forward, upstream);
    const eraOf = { era: eras[revision], found: found.get(server) };
    const opened = await openHttp({ ...common, ...eraOf, send, learnt }, caller, signal);
    if (!("kind" in opened) || opened.kind !== "not_spoken") return opened;
    if (transport === "auto") return openSse({ ...common, upstream }, caller, signal);
    return { kind: "failed", code: "upstream_invalid" };
  };
  return {
    open,
    async close() {
      life.abort();
      await children.close();
    },
  };
}
