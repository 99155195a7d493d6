import type { Patch } from "../decide/engine/engine.js";
import type { ActiveBundle } from "./active.js";
import type { Changed, Documents } from "./documents.js";
import { leadsToBundle } from "./ownership.js";

/** Patches the data of each policy in place; gives the names of those that were left broken. */
export function spread(patches: readonly Patch[], bundles: readonly ActiveBundle[]): string[] {
  return bundles.filter(({ policy }) => !patched(policy, patches)).map(({ name }) => name);
}

function patched(policy: ActiveBundle["policy"], patches: readonly Patch[]): boolean {
  if (patches.length === 0) return true;
  try {
    policy.patch(patches);
    return true;
  } catch {
    return false;
  }
}

/**
 * Takes out what the API wrote under a bundle's roots, or in the way to them, before these came up; undefined where
 * there is nothing.
 */
export function eraseUnder(
  documents: Documents,
  roots: readonly string[],
  others: readonly ActiveBundle[],
): Changed | undefined {
  const paths = new Map<string, string[]>();
  for (const root of roots) {
    const segments = root === "" ? [] : root.split("/");
    const inTheWay = segments.findIndex((_segment, i) => {
      const kind = documents.kind(segments.slice(0, i + 1));
      return kind !== undefined && (kind !== "object" || i === segments.length - 1);
    });
    if (inTheWay >= 0) {
      const path = segments.slice(0, inTheWay + 1);
      paths.set(path.join("/"), path);
    }
  }
  const all = roots.includes("") && documents.text([]) !== "{}";
  if (paths.size === 0 && !all) return undefined;
  const change = documents.change(
    all
      ? [{ op: "add", path: [], value: {} }]
      : [...paths.values()].map((path) => ({ op: "remove" as const, path })),
    (path) => leadsToBundle(path, others),
  );
  return change.kind === "changed" ? change : undefined;
}
