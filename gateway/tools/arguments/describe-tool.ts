import type { JsonObject } from "../../../sidecar/contract.js";
import { matches } from "../definitions/mapping.js";
import type { ServerConfig } from "../server-config.js";
import type { DescribeArguments } from "./describe.js";
import type { ArgumentKinds } from "./kinds.js";

/** Makes the function that describes arguments of a tool by what its server's configuration says of them. */
export function describeToolArguments(describe: DescribeArguments) {
  const known = new WeakMap<ServerConfig, Map<string, ArgumentKinds>>();
  return (args: JsonObject, server: ServerConfig | undefined, tool: string | undefined): JsonObject => {
    const rules = server?.definitions?.rules;
    if (server === undefined || tool === undefined || rules === undefined) return describe(args);
    const tools = known.get(server) ?? new Map<string, ArgumentKinds>();
    known.set(server, tools);
    let kinds = tools.get(tool);
    if (kinds === undefined) {
      // of all rules that match: a narrower one adds
      kinds = rules.filter(({ match }) => matches(tool, match)).flatMap((rule) => rule.arguments ?? []);
      // names that nobody lists aren't kept
      if (tools.size < 10_000) tools.set(tool, kinds);
    }
    return describe(args, kinds);
  };
}
