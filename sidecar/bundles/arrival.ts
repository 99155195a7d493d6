/** A bundle on its way into force. */
import type { Policy } from "../decide/policy.js";
import type { BuiltBundle, Rejected } from "../rego/bundle.js";
import type { Applied } from "./delta/apply.js";
import type { Undoable } from "./keep/keep.js";

/** How it came: what a service or a push brings is believed no more than what lies on the disk. */
export type Origin = "path" | "service" | "push" | "persisted";

/** A `.tar.gz`, with those of the changes that came after it, in order; or a folder or file to be read. */
export type Content =
  { readonly bytes: Uint8Array; readonly deltas?: readonly Uint8Array[] } | { readonly path: string };

/** A bundle before anything of it is believed. */
export interface Arrival {
  readonly name: string;
  readonly origin: Origin;
  readonly content: Content;
  readonly etag?: string;
  /** An operator's word, recorded, that a version below the high-water mark may come this time; all else must hold. */
  readonly override?: { readonly reason: string; readonly by: string };
  /** Its tests passed already, in another sidecar of the fleet, whose word is sealed: they aren't run again. */
  readonly tested?: TestCounts;
  /**
   * Asked once all that can be wrong with it was looked for, before it is kept: false, and it doesn't come into force. For what
   * must be somewhere else first, e.g. with the rest of the fleet.
   */
  readonly confirm?: (prepared: Prepared) => Promise<boolean>;
}

/** What its signature says. */
export interface Verified {
  readonly signed: boolean;
  readonly keyId?: string;
  readonly scope?: string;
}

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What is known of a bundle that was built. */
export interface BundleFacts {
  readonly verified: Verified;
  readonly type: "snapshot" | "delta";
  /** The manifest's `metadata.version`, where it is a whole number. */
  readonly version?: number;
  /** The manifest's `metadata.expires`, epoch milliseconds. */
  readonly expires?: number;
  /** Bytes of the archive, or of the files. */
  readonly size: number;
  /** SHA-256 (hex) of its files, signatures left out: how they are packed and compiled changes nothing in it. */
  readonly contentDigest: string;
  /** SHA-256 (hex) of the archive's bytes, where it came as one. */
  readonly archiveDigest?: string;
}

/** What is in force, as far as the next one rests on it. */
export interface InForce extends BundleFacts {
  /** SHA-256 (hex) of what was built. */
  readonly digest: string;
  /** Absent where changes can't come: what lies at a path is read anew instead. */
  readonly built?: BuiltBundle;
}

/** A bundle that passed all that it must; what is left is to put it in the place of the one before. */
export interface Prepared extends BundleFacts {
  readonly kind: "prepared";
  readonly built: BuiltBundle;
  /** Loaded with the bundle's data; absent where all that is in force needs is {@link changes}. */
  readonly policy?: Policy;
  /** What a delta changes of the data of what is in force. */
  readonly changes?: Applied;
  readonly tests?: TestCounts;
  /** A version below the mark came by an operator's word. */
  readonly override?: { readonly reason: string; readonly by: string };
  /** Whether it is still configured, and in the way in which it was looked at: that may have changed since. */
  readonly isCurrent: () => boolean;
  /**
   * Keeps it and its mark on disk, until it is said whether it came into force. Called once nothing but an assignment is left: what can't be marked mustn't come into force.
   * Never rejects.
   */
  keep(): Promise<Kept>;
}

export type Kept =
  | ({ readonly kind: "kept" } & Undoable)
  /** It may come into force, and a restart may not find it. */
  | ({ readonly kind: "unkept"; readonly message: string } & Undoable)
  | Rejected;

/** What came is what is in force already. */
export interface Unchanged {
  readonly kind: "unchanged";
}

/** Reads, verifies, builds and checks an arrival. Never rejects: what is wrong is told by a code of {@link bundleCodes}. */
export type Prepare = (arrival: Arrival, inForce?: InForce) => Promise<Prepared | Unchanged | Rejected>;
