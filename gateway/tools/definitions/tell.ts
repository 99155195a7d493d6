import { LRUCache } from "lru-cache";
import { atMost } from "../../at-most.js";
import type { GatewayLog } from "../../exchange.js";
import type { Dropped, Reviewed } from "./definitions.js";
import { isToolName } from "./names/name.js";

/** Says to operators what became of a review. */
export type Tell = (
  server: string,
  reviewed: { readonly tools: readonly Reviewed[]; readonly dropped: readonly Dropped[] },
) => void;

const most = 20_000;

type Said = Readonly<Record<string, unknown>> & { readonly server: string };

/** Creates what says of each definition once that it waits, and of each name once why it isn't offered. */
export function createTell(
  log: Pick<GatewayLog, "warn">,
  happened: (server: string, event: string) => void = () => undefined,
): Tell {
  const told = new LRUCache<string, true>(atMost(most));
  const once = (what: string, event: string, message: string, fields: Said): void => {
    if (told.has(what)) return;
    told.set(what, true);
    log.warn(message, fields);
    happened(fields.server, event);
  };
  return (server, { tools, dropped }) => {
    for (const { name, why } of dropped) {
      // a name that is none is a stranger's text
      const tool = isToolName(name) ? name : undefined;
      once(`${why} ${server}/${tool ?? ""}`, "not_offered", "a tool isn't offered", { server, tool, why });
    }
    for (const { name, digest, status, quarantined } of tools) {
      if (!quarantined) continue;
      const fields = { server, tool: name, digest, status };
      const event = status === "changed" ? "definition_changed" : "definition_new";
      once(`${digest} ${server}/${name}`, event, "a tool's definition isn't approved", fields);
    }
  };
}
