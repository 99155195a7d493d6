/** What a client is told of the servers behind a route. */
import type { Decision, Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import type { Hello } from "../links/link.js";
import { clientInfo } from "./peer.js";
import type { Turn } from "./turn.js";
import { linkTo, refused } from "./turn.js";
import type { Reply } from "./turn.js";

/** What is carried of what a server can do. */
const carried: Readonly<Record<string, readonly string[]>> = {
  tools: ["listChanged"],
  resources: ["subscribe", "listChanged"],
  prompts: ["listChanged"],
  completions: [],
  logging: [],
};

const together: JsonObject = {
  ...{ tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } },
  ...{ prompts: { listChanged: true }, completions: {}, logging: {} },
};

const longestInstructions = 16_384;

/** Gives what servers can do together, and, of one alone, who it says that it is. */
export async function greet(turn: Turn, allowed: ReadonlyMap<string, Decision>): Promise<Hello | Reply> {
  // what several have together is asked of them when it is wanted: one that hangs would keep all waiting
  if (turn.place.servers.size > 1) return { capabilities: together, serverInfo: clientInfo };
  const found = await Promise.all(
    [...allowed].map(async ([server, decision]) => {
      const linked = await linkTo(turn, server, decision);
      return "failed" in linked ? linked.failed : linked.link.hello;
    }),
  );
  const [hello] = found;
  if (hello === undefined) return refused(refuse("unknown_server"));
  if ("kind" in hello) return hello;
  const { instructions } = hello;
  return {
    capabilities: carriedOf(hello.capabilities),
    serverInfo: infoOf(hello.serverInfo),
    ...(instructions === undefined || instructions.length > longestInstructions ? {} : { instructions }),
  };
}

function carriedOf(said: JsonObject): JsonObject {
  const capabilities: JsonObject = {};
  for (const [name, parts] of Object.entries(carried)) {
    const has = said[name];
    if (isObject(has))
      capabilities[name] = Object.fromEntries(
        parts.flatMap((part) => (has[part] === true ? [[part, true]] : [])),
      );
  }
  return capabilities;
}

/** Name and version are texts for people; nothing else of it is given on. */
function infoOf(said: JsonObject): JsonObject {
  const text = (value: Json | undefined, otherwise: string): string =>
    typeof value === "string" && value.length <= 256 ? value : otherwise;
  const { title } = said;
  return {
    name: text(said["name"], "tool server"),
    version: text(said["version"], "0"),
    ...(typeof title === "string" && title.length <= 256 ? { title } : {}),
  };
}
