/** Fences: revocation that reaches work in flight. What one names, and how a call is known by it. */
import type { Call } from "./decision.js";

export const fenceKinds = [
  /** All there is; its value is `*`. */
  "everything",
  "tenant",
  /** Who calls: an identity's `id`. */
  "subject",
  "workload",
  /** Anybody in the chain, the human at its beginning included. */
  "chain",
  /** A credential's own id: `jti`, key id, thumbprint. */
  "token",
  /** The user's session: `sid`. */
  "session",
  /** The device that the user is at, by its id as the issuer's tokens name it. */
  "device",
  /** A task, with all under it. */
  "task",
  "model",
  "provider",
  /** `server/tool`. */
  "tool",
  "server",
  "store",
  "collection",
  "agent",
  /** A policy bundle, by its name. */
  "bundle",
] as const;
export type FenceKind = (typeof fenceKinds)[number];

/** What is fenced: all that is named must fit. With a tenant, only there. */
export type FenceMatch = Partial<Readonly<Record<FenceKind, string>>>;

/** How a call, or something live, is known to fences: `kind:value`, one each, several of a kind where several fit. */
export type Handle = string;

/** A fence as enforcement points get it. */
export interface ActiveFence {
  readonly id: string;
  readonly match: FenceMatch;
  /** Epoch milliseconds; absent: until lifted. */
  readonly expires?: number;
  /** Epoch milliseconds: it reaches only what rests on something issued before, or at a time that nobody knows. */
  readonly issued_before?: number;
}

/** What changed about fences. */
export interface FenceChange {
  /**
   * `all`: what isn't named is in force no more. `stale`, with none: whether there are others can't be known now, and the
   * configuration says to deny then; `fresh`: it can again.
   */
  readonly kind: "all" | "added" | "lifted" | "stale" | "fresh";
  readonly fences: readonly ActiveFence[];
}

/** An enforcement point, as the sidecar knows it: what it has live is cut where a fence says so. */
export interface FencePoint {
  /** Takes what changed; at first all that is in force. */
  change(change: FenceChange): void;
  /** Counts what it has live that a fence would cut, by its kinds: `call`, `stream`, `session` … */
  count(match: FenceMatch, issuedBefore?: number): Promise<Readonly<Record<string, number>>>;
}

/** Makes a handle. */
export function handleOf(kind: FenceKind, value: string): Handle {
  return `${kind}:${value}`;
}

const issued = "issued:";

/** Makes the handle that tells when something that a caller rests on was issued. @param at epoch milliseconds */
export function issuedHandle(at: number): Handle {
  return `${issued}${at}`;
}

/**
 * Tells when the oldest of what the handles tell of was issued, epoch milliseconds.
 * INVARIANT: what nobody knows the time of is older than anything.
 */
export function oldestIssued(handles: Iterable<Handle>): number {
  let oldest = Infinity;
  for (const handle of handles) {
    if (!handle.startsWith(issued)) continue;
    const at = Number(handle.slice(issued.length));
    oldest = at < oldest ? at : Number.isNaN(at) ? -Infinity : oldest;
  }
  return oldest === Infinity ? -Infinity : oldest;
}

/** Tells whether a fence of what was issued before then, or of all, reaches what was issued when the handles say. */
export function reachesBack(before: ActiveFence["issued_before"], handles: Iterable<Handle>): boolean {
  return before === undefined || oldestIssued(handles) < before;
}

/** The fields of a resource's properties that fences know by the same name. */
const named = ["provider", "server", "store"] as const;
/** The types of resources that fences know by the same name. */
const types: ReadonlySet<string> = new Set<FenceKind>([
  "model",
  "tool",
  "collection",
  "agent",
  "store",
  "server",
]);

/** Gives the handles of what a call goes to. */
export function callHandles({ resource }: Pick<Call, "resource">): Handle[] {
  const handles = types.has(resource.type) ? [`${resource.type}:${resource.id}`] : [];
  for (const kind of named) {
    const value = resource.properties[kind];
    if (typeof value === "string") handles.push(`${kind}:${value}`);
  }
  return handles;
}
