/** A bundle on its way into force. */
import type { BuiltBundle, Rejected } from "../rego/bundle.js";

/** How it came: what a service or a push brings is believed no more than what lies on the disk. */
export type Origin = "path" | "service" | "push" | "persisted";

/** A bundle before anything of it is believed. */
export interface Arrival {
  readonly name: string;
  readonly origin: Origin;
  /** A `.tar.gz`, or a folder or file to be read. */
  readonly content: { readonly bytes: Uint8Array } | { readonly path: string };
  readonly etag?: string;
  /** An operator's word, recorded, that a version below the high-water mark may come this time; all else must hold. */
  readonly override?: { readonly reason: string; readonly by: string };
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

/** A bundle that passed all that it must; what is left is to put it in the place of the one before. */
export interface Prepared {
  readonly kind: "prepared";
  readonly built: BuiltBundle;
  readonly verified: Verified;
  readonly type: "snapshot" | "delta";
  /** The manifest's `metadata.version`. */
  readonly version?: number;
  /** The manifest's `metadata.expires`, epoch milliseconds. */
  readonly expires?: number;
  readonly tests?: TestCounts;
  /** Bytes of the archive. */
  readonly size: number;
  /** SHA-256 (hex) of the archive's bytes, where it came as one. */
  readonly archiveDigest?: string;
  /** Keeps it and its mark. Called once it is in force; must not throw. */
  kept?(): Promise<void>;
}

/** Reads, verifies, builds and checks an arrival. Never rejects: what is wrong is told by a code of {@link bundleCodes}. */
export type Prepare = (arrival: Arrival) => Promise<Prepared | Rejected>;
