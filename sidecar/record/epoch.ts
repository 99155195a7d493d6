/** Describes what was asked of epochs, and what came of it. */
import { hash } from "node:crypto";
import type { EpochMatch, ErrorCode } from "../contract.js";
import type { Digest } from "./fact.js";
import { cut, idOf } from "./fact.js";

export interface EpochEntry {
  /** `list` only looks. */
  readonly action: "bump" | "list";
  readonly result: "done" | "unwritten" | "refused";
  /** Who: an operator's person, `signal:…`, `task`. */
  readonly by: string;
  /** Which credential it was, where a person asked: `key:<name>`, or the identity. */
  readonly credential?: string;
  readonly code?: ErrorCode;
  /** Ids of the operator policy's rules. */
  readonly rules?: readonly string[];
  readonly match?: EpochMatch;
  readonly reason?: string;
  /** The number that it has since. */
  readonly epoch?: number;
}

export interface EpochRecord {
  readonly type: "epoch";
  /** Epoch milliseconds. */
  readonly at: number;
  readonly entry: EpochEntry;
}

/** Gives the fields of a bump's event. INVARIANT: what isn't plain is a digest; people's reasons stay. */
export function epochFields({ at, entry }: EpochRecord, digest: Digest): Record<string, unknown> {
  const { action, result, by, credential, code, rules, match, reason, epoch } = entry;
  const plain = (text: string): string => idOf(digest, text);
  return {
    type: "epoch",
    timestamp: new Date(at).toISOString(),
    ...{ action, result, code, by: plain(by) },
    credential: credential === undefined ? undefined : plain(credential),
    rules: rules === undefined || rules.length === 0 ? undefined : rules.slice(0, 16).map(plain),
    match:
      match === undefined
        ? undefined
        : Object.fromEntries(Object.entries(match).map(([kind, value]) => [kind, plain(value)])),
    reason: reason === undefined ? undefined : cut(reason, 512),
    epoch,
  };
}

/** Names an entry where its record could not be written in full. */
export function epochId({ at, entry }: EpochRecord): string {
  return hash("sha256", JSON.stringify([at, entry.action, entry.by, entry.epoch ?? 0]), "hex").slice(0, 32);
}
