import { filterRoot } from "./active.js";

/** Where the toolchain keeps what it makes of rules: no document may stand there. */
const reserved: readonly unknown[] = ["countersign_index", filterRoot, "countersign_twin"];

interface Owner {
  readonly name: string;
  readonly roots: readonly string[];
}

/**
 * Says why the API may not write at a path: a bundle owns it, or something that lies under it or above it.
 * Source: OPA's server, `checkPathScope`, messages included.
 */
export function ownerRefusal(path: readonly string[], bundles: readonly Owner[]): string | undefined {
  if (reserved.includes(path[0])) return `path ${path.join("/")} is reserved`;
  if (path.length === 0 && bundles.length > 0) {
    return "can't write to document root with bundle roots configured";
  }
  for (const { name, roots } of bundles) {
    for (const root of roots) {
      if (root === "") return `all paths owned by bundle ${JSON.stringify(name)}`;
      const own = root.split("/");
      if (own.slice(0, path.length).every((part, i) => part === path[i])) {
        return `path ${path.join("/")} is owned by bundle ${JSON.stringify(name)}`;
      }
    }
  }
  return undefined;
}

/** Tells whether a bundle's own documents lie somewhere under a path, which makes it an object. */
export function leadsToBundle(path: readonly string[], bundles: readonly Owner[]): boolean {
  return bundles.some(({ roots }) =>
    roots.some((root) => {
      const own = root.split("/");
      return own.length > path.length && path.every((part, i) => part === own[i]);
    }),
  );
}

/** Names the first rule in whose way a document stands, `a/b/c`. Source: OPA's `CheckPathConflicts`. */
export function conflictingRule(
  rules: readonly string[],
  kind: (path: readonly string[]) => "object" | "array" | "scalar" | undefined,
): string | undefined {
  return rules.find((rule) => {
    const path = rule.split("/");
    if (kind(path) !== undefined) return true;
    for (let length = path.length - 1; length > 0; length--) {
      const found = kind(path.slice(0, length));
      if (found !== undefined) return found !== "object";
    }
    return false;
  });
}

/** Paths of rules among entrypoints: those under which there is no other. A package without rules counts as one. */
export function rulesAmong(entrypoints: readonly string[]): string[] {
  const above = new Set<string>();
  for (const path of entrypoints) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
      above.add(path.slice(0, at));
  }
  return entrypoints.filter((path) => !above.has(path));
}
