import type { Problems } from "../../../../sidecar/contract.js";
import { skeleton } from "./name.js";

/** What stands between a server's name and a tool's in the names of all servers together. */
export const between = "__";

/** Finds servers whose tools couldn't be told apart in one list: names that look alike, or one a beginning of the other. */
export function checkServerNames(names: Iterable<string>, problems: Problems): void {
  const all = [...names].sort();
  const seen = new Map<string, string>();
  for (const name of all) {
    const alike = seen.get(skeleton(name));
    if (alike !== undefined) problems.add(`servers.${name}`, `looks like ${alike}; give it another name`);
    else seen.set(skeleton(name), name);
  }
  for (const name of all) {
    const other = all.find((one) => one !== name && `${name}${between}`.startsWith(`${one}${between}`));
    if (other !== undefined) {
      problems.add(
        `servers.${name}`,
        `begins with ${other}${between}: tools of the two could have one name; give it another name`,
      );
    }
  }
}
