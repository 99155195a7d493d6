/** What a fleet remembers of the bundles that were pushed to it. */

/** One generation of a bundle: a push, or a rollback, which is a new generation that carries old content. */
export interface PushedEntry {
  /** Counts from 1; each is one more than the one before. */
  readonly generation: number;
  /** Tells one attempt from another that would write the same. */
  readonly id: string;
  readonly action: "push" | "rollback";
  /** SHA-256 (hex) of the archive. */
  readonly digest: string;
  /** Bytes of the archive. */
  readonly size: number;
  readonly revision: string;
  /** The manifest's `metadata.version`. */
  readonly version?: number;
  /** The id of the key that verified it; absent: it isn't signed. */
  readonly signed_by?: string;
  readonly tests?: { readonly passed: number; readonly failed: number; readonly skipped: number };
  /** Who: an operator's person. */
  readonly by: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly reason?: string;
  /** The generation whose content a rollback brought back. */
  readonly of?: number;
  /** An operator's word let in a version below the mark. */
  readonly override?: boolean;
}

/** The history of one bundle. */
export interface PushedRecord {
  /** What Redis knows it by. */
  readonly id: string;
  readonly name: string;
  /** Newest first: the head, and those before it, as many as are remembered. */
  readonly entries: readonly [PushedEntry, ...PushedEntry[]];
}

/** How many generations of a bundle are remembered, with their content. */
export const mostGenerations = 20;

export type Committed =
  /** It is the head now. */
  | "written"
  /** Another one is: it came first. */
  | "others"
  /** It can't be known: it may still become the head. */
  | "unknown";

export interface PushedBundles {
  /** Reads what is on the shelf of a bundle, once. Never rejects. */
  load(name: string): Promise<void>;
  record(name: string): PushedRecord | undefined;
  /** Makes an entry the head, where the head's generation is one less. Never rejects. @param untilMs by `clock` */
  commit(name: string, entry: PushedEntry, bytes: Uint8Array, untilMs: number): Promise<Committed>;
  /** Tells the other replicas what is about to be pushed, where it is small: they may compile it, and do no more. */
  announce(name: string, bytes: Uint8Array): void;
  /** Tells of what is about to be pushed elsewhere. INVARIANT: the fleet doesn't have it yet. */
  onComing(listener: (name: string, bytes: Uint8Array) => void): void;
  /** Gives an entry's archive, as its digest says; undefined where it can't be had now. Never rejects. */
  content(name: string, entry: PushedEntry): Promise<Uint8Array | undefined>;
  /** Remembers which generation is in force here. */
  settled(name: string, entry: PushedEntry, bytes: Uint8Array): Promise<void>;
  /** The one that was in force here last. */
  last(name: string): PushedEntry | undefined;
  /** Looks at once whether there is news. */
  sync(): Promise<boolean>;
  /** Tells of each record that came from elsewhere and is newer than what was known. */
  subscribe(listener: (name: string) => void): void;
  status(): PushedStatus;
  close(): Promise<void>;
}

export interface PushedStatus {
  /** What survives what: `redis` a restart of this sidecar, `disk` one of everything. */
  readonly kept: readonly ("memory" | "redis" | "disk")[];
  /** Whether it can't be known now what was pushed elsewhere. */
  readonly stale: boolean;
}
