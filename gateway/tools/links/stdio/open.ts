/** Opens links to children, by who may share them. */
import type { Holder, Link, LinkCaller } from "../link.js";
import type { CommandConfig } from "../../command-config.js";
import type { Greeting } from "../duplex/greet.js";
import type { Era } from "../link.js";
import { keyOf } from "./key.js";
import type { ChildLinkParts } from "./own-child.js";
import { openOwnChild } from "./own-child.js";
import type { SharedChild } from "./shared-child.js";
import { createSharedChild } from "./shared-child.js";

export type OpenChild = (
  parts: ChildLinkParts,
  holder: Holder,
  caller: LinkCaller,
  signal: AbortSignal,
) => Promise<Link | Exclude<Greeting, { era: Era }>>;

export function createOpenChild(): OpenChild {
  const shared = new WeakMap<CommandConfig, Map<string, SharedChild>>();
  return (parts, holder, caller, signal) => {
    const { command } = parts;
    if (command.isolation === "caller") return openOwnChild(parts, holder, caller, signal);
    const key = keyOf(command.isolation, holder);
    const mine = shared.get(command) ?? new Map<string, SharedChild>();
    shared.set(command, mine);
    const one = mine.get(key) ?? createSharedChild(parts, key, holder.clientInfo);
    mine.set(key, one);
    return one.open(holder, caller, signal);
  };
}
