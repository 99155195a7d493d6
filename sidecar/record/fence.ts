/** Describes what was asked of fences, and what came of it. */
import { hash } from "node:crypto";
import type { ErrorCode, FenceMatch } from "../contract.js";
import type { Digest } from "./fact.js";
import { cut, idOf } from "./fact.js";

export interface FenceEntry {
  /** `add` and `lift` as they were asked for; `list` and `dry_run` only look. */
  readonly action: "add" | "lift" | "list" | "dry_run";
  /** `attempted`: what comes of it is told after; `waits`: for a second person. */
  readonly result: "attempted" | "done" | "waits" | "unwritten" | "refused";
  /** Who: an operator's person, `rule:…`, `policy:…`, `signal:…`. */
  readonly by: string;
  /** Which credential it was, where a person asked: `key:<name>`, or the identity. */
  readonly credential?: string;
  readonly code?: ErrorCode;
  /** Ids of the operator policy's rules. */
  readonly rules?: readonly string[];
  readonly fence?: string;
  readonly match?: FenceMatch;
  readonly reason?: string;
  /** Epoch milliseconds. */
  readonly expires?: number;
  /** Epoch milliseconds. */
  readonly issued_before?: number;
  /** The other person, of two that lifted. */
  readonly agreed?: string;
}

export interface FenceRecord {
  readonly type: "fence";
  /** Epoch milliseconds. */
  readonly at: number;
  readonly entry: FenceEntry;
}

/** Gives the fields of a fence's event. INVARIANT: what a policy wrote is a digest where it isn't plain; people's reasons stay. */
export function fenceFields({ at, entry }: FenceRecord, digest: Digest): Record<string, unknown> {
  const {
    action,
    result,
    by,
    credential,
    code,
    rules,
    fence,
    match,
    reason,
    expires,
    issued_before,
    agreed,
  } = entry;
  const plain = (text: string): string => idOf(digest, text);
  return {
    type: "fence",
    timestamp: new Date(at).toISOString(),
    action,
    result,
    code,
    by: plain(by),
    credential: credential === undefined ? undefined : plain(credential),
    agreed: agreed === undefined ? undefined : plain(agreed),
    rules: rules === undefined || rules.length === 0 ? undefined : rules.slice(0, 16).map(plain),
    fence: fence === undefined ? undefined : cut(fence, 128),
    match:
      match === undefined
        ? undefined
        : Object.fromEntries(Object.entries(match).map(([kind, value]) => [kind, plain(value)])),
    reason: reason === undefined ? undefined : by.startsWith("policy:") ? plain(reason) : cut(reason, 512),
    expires: expires === undefined ? undefined : new Date(expires).toISOString(),
    issued_before: issued_before === undefined ? undefined : new Date(issued_before).toISOString(),
  };
}

/** Names an entry where its record could not be written in full. */
export function fenceId({ at, entry }: FenceRecord): string {
  return hash("sha256", JSON.stringify([at, entry.action, entry.by, entry.fence ?? ""]), "hex").slice(0, 32);
}
