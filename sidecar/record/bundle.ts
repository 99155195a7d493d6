/** Describes what was asked of pushed bundles, and what came of it. */
import { hash } from "node:crypto";
import type { ErrorCode } from "../contract.js";
import type { Digest } from "./fact.js";
import { cut, idOf } from "./fact.js";

export interface BundleEntry {
  /** `list` and `read` only look; `refresh` asks again for what is there. */
  readonly action: "push" | "rollback" | "list" | "read" | "refresh";
  /** `attempted`: what comes of it is told after; `unchanged`: it was in force already. */
  readonly result: "attempted" | "done" | "unchanged" | "refused" | "failed";
  /** Who: an operator's person. */
  readonly by: string;
  /** Which credential it was: `key:<name>`, or the identity. */
  readonly credential?: string;
  readonly code?: ErrorCode;
  /** Ids of the operator policy's rules. */
  readonly rules?: readonly string[];
  readonly bundle?: string;
  readonly generation?: number;
  /** SHA-256 (hex) of the archive. */
  readonly digest?: string;
  readonly revision?: string;
  readonly version?: number;
  /** The id of the key that it is signed by. */
  readonly signed_by?: string;
  /** Why the bundle isn't accepted: one of `bundles/codes.ts`. */
  readonly bundle_code?: string;
  /** The generation whose content a rollback brings back. */
  readonly of?: number;
  /** A version below the mark was let in by this word. */
  readonly override?: boolean;
  readonly reason?: string;
}

export interface BundleRecord {
  readonly type: "bundle";
  /** Epoch milliseconds. */
  readonly at: number;
  readonly entry: BundleEntry;
}

/** Gives the fields of an event. INVARIANT: what isn't plain is a digest; people's reasons stay. */
export function bundleFields({ at, entry }: BundleRecord, digest: Digest): Record<string, unknown> {
  const { action, result, by, credential, code, rules, bundle, generation, revision, version } = entry;
  const { signed_by, bundle_code, of, override, reason } = entry;
  const plain = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : idOf(digest, text);
  return {
    type: "bundle",
    timestamp: new Date(at).toISOString(),
    ...{ action, result, code, bundle_code, by: plain(by), credential: plain(credential) },
    rules: rules === undefined || rules.length === 0 ? undefined : rules.slice(0, 16).map(plain),
    ...{ bundle: plain(bundle), generation, of, digest: entry.digest, revision: plain(revision), version },
    ...{ signed_by: plain(signed_by), override: override === true ? true : undefined },
    reason: reason === undefined ? undefined : cut(reason, 512),
  };
}

/** Names an entry where its record could not be written in full. */
export function bundleId({ at, entry }: BundleRecord): string {
  const { action, by, bundle = "", generation = 0 } = entry;
  return hash("sha256", JSON.stringify([at, action, by, bundle, generation]), "hex").slice(0, 32);
}
