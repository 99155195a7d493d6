import type { Problems } from "../../../../sidecar/contract.js";
import { skeleton } from "./name.js";

/** What stands between a server's name and a tool's in the names of all servers together. */
export const between = "__";

/** Finds servers whose names look alike: neither a person nor a model could tell their tools apart. */
export function checkServerNames(names: Iterable<string>, problems: Problems): void {
  const seen = new Map<string, string>();
  for (const name of [...names].sort()) {
    const bones = skeleton(name);
    const alike = seen.get(bones);
    if (alike === undefined) seen.set(bones, name);
    else problems.add(`servers.${name}`, `looks like ${alike}; give it another name`);
  }
}
