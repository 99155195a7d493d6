import type { FenceMatch, Handle } from "../../contract.js";
import type { WatchKind } from "./config.js";

/**
 * Names what is fenced of a call by its handles, within its tenant: of a task the one that asks, of a chain its beginning
 * (the human), of credentials each one.
 */
export function targetsOf(handles: readonly Handle[], kinds: readonly WatchKind[]): FenceMatch[] {
  const of = (kind: string): string[] =>
    handles.flatMap((handle) => (handle.startsWith(`${kind}:`) ? [handle.slice(kind.length + 1)] : []));
  const [tenant] = of("tenant");
  // who isn't known to be of a tenant can't be told from others of the same name
  if (tenant === undefined) return [];
  return kinds.flatMap((kind) => {
    const values = of(kind);
    const meant = kind === "token" ? values : kind === "task" ? values.slice(-1) : values.slice(0, 1);
    return meant.map((value) => ({ tenant, [kind]: value }));
  });
}
