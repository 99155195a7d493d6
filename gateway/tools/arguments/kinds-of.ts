import { matches } from "../definitions/mapping.js";
import type { ServerConfig } from "../server-config.js";
import type { ArgumentKinds } from "./kinds.js";

/** Finds what the operator says that a tool's arguments hold: of the first rule that matches and says any. */
export function kindsOf(server: ServerConfig | undefined, tool: string): ArgumentKinds {
  const rules = server?.definitions?.rules ?? [];
  return rules.find((rule) => rule.arguments !== undefined && matches(tool, rule.match))?.arguments ?? [];
}
