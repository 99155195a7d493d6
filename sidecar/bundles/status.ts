import type { BuildError } from "../rego/bundle.js";
import type { ActiveBundle } from "./active.js";
import type { BundleFacts, Origin } from "./arrival.js";

/** What `/v1/status` says of a bundle. Source: OPA's status API; what is ours stands below. */
export interface BundleStatus {
  readonly name: string;
  readonly active_revision?: string;
  readonly last_successful_activation?: string;
  readonly last_successful_download?: string;
  readonly last_successful_request?: string;
  readonly last_request?: string;
  readonly type?: "snapshot" | "delta";
  /** Bytes. */
  readonly size?: number;
  /** Set while the newest version could not be activated; the one before it still answers. */
  readonly code?: string;
  readonly message?: string;
  readonly errors?: readonly BuildError[];
  /** Of the source's last answer, where it wasn't a good one. */
  readonly http_code?: number;
  readonly version?: number;
  readonly expires?: string;
  readonly origin?: Origin;
  /** `key`: the id of the key that verified it. */
  readonly signed?: { readonly key?: string } | false;
  /** SHA-256 (hex) of the files. */
  readonly digest?: string;
  /** How many versions were refused since the start, by code. */
  readonly rejections?: Readonly<Record<string, number>>;
  /** An operator's word let in a version below the mark. */
  readonly override?: { readonly reason: string; readonly by: string };
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly errors?: readonly BuildError[];
  readonly httpCode?: number;
}

/** What a source tells of its requests. */
export type Asked =
  /** It was asked; what came of it is told apart. */
  | { readonly kind: "asked" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "downloaded" }
  | ({ readonly kind: "failed" } & Problem);

/** What is known of one bundle, in force or not. */
export interface Ledger {
  asked(name: string, what: Asked): void;
  activated(name: string, facts: Activated): void;
  rejected(name: string, problem: Problem): void;
  /** It is in force, and something about it isn't as it should be. */
  warn(name: string, problem: Problem): void;
  /** What came last is in force. */
  settled(name: string): void;
  statusOf(name: string, active: Pick<ActiveBundle, "revision" | "activatedAt"> | undefined): BundleStatus;
}

export interface Activated extends BundleFacts {
  readonly origin: Origin;
  readonly override?: { readonly reason: string; readonly by: string };
}

interface Entry {
  times: Partial<Record<"last_request" | "last_successful_request" | "last_successful_download", string>>;
  problem?: Problem | undefined;
  /** The problem is of what came, or didn't; otherwise of what is in force. */
  isOfNext?: boolean;
  facts?: Activated;
  readonly rejections: Map<string, number>;
}

/** Remembers what happened to bundles. */
export function createLedger(now: () => number): Ledger {
  const entries = new Map<string, Entry>();
  const entryOf = (name: string): Entry => {
    let entry = entries.get(name);
    if (entry === undefined) entries.set(name, (entry = { times: {}, rejections: new Map() }));
    return entry;
  };
  return {
    asked(name, what) {
      const entry = entryOf(name);
      const at = new Date(now()).toISOString();
      entry.times.last_request = at;
      if (what.kind === "failed") {
        const { kind: _kind, ...problem } = what;
        // the same was given again, and not looked at again: what was found in it still holds
        const isSame = problem.code === entry.problem?.code && problem.message === entry.problem.message;
        entry.problem = isSame ? { ...entry.problem, ...problem } : problem;
        entry.isOfNext = true;
      } else if (what.kind !== "asked") {
        entry.times.last_successful_request = at;
        if (what.kind === "downloaded") entry.times.last_successful_download = at;
        // the source answers again; what is wrong with what it gave stays until it gives what is in force
        const isOver = what.kind === "unchanged" && entry.isOfNext === true;
        if (isOver || entry.problem?.code.startsWith("source_") === true) entry.problem = undefined;
      }
    },
    activated(name, facts) {
      const entry = entryOf(name);
      entry.facts = facts;
      entry.problem = undefined;
    },
    rejected(name, problem) {
      const entry = entryOf(name);
      entry.problem = problem;
      entry.isOfNext = true;
      entry.rejections.set(problem.code, (entry.rejections.get(problem.code) ?? 0) + 1);
    },
    warn(name, problem) {
      const entry = entryOf(name);
      entry.problem = problem;
      entry.isOfNext = false;
    },
    settled(name) {
      entryOf(name).problem = undefined;
    },
    statusOf(name, active) {
      const { times, problem, facts, rejections } = entryOf(name);
      return {
        name,
        ...(active === undefined
          ? {}
          : {
              active_revision: active.revision,
              last_successful_activation: new Date(active.activatedAt).toISOString(),
            }),
        ...times,
        ...(active === undefined || facts === undefined ? {} : factsOf(facts)),
        ...(rejections.size === 0 ? {} : { rejections: Object.fromEntries(rejections) }),
        ...(problem === undefined ? {} : problemOf(problem)),
      };
    },
  };
}

function factsOf(facts: Activated): Partial<BundleStatus> {
  const { type, size, origin, verified, contentDigest, version, expires, override } = facts;
  const { keyId } = verified;
  return {
    ...{ type, size, origin, digest: contentDigest },
    signed: verified.signed ? { ...(keyId === undefined ? {} : { key: keyId }) } : false,
    ...(version === undefined ? {} : { version }),
    ...(expires === undefined ? {} : { expires: new Date(expires).toISOString() }),
    ...(override === undefined ? {} : { override }),
  };
}

function problemOf({ code, message, errors = [], httpCode }: Problem): Partial<BundleStatus> {
  return {
    ...{ code, message },
    ...(errors.length === 0 ? {} : { errors }),
    ...(httpCode === undefined ? {} : { http_code: httpCode }),
  };
}
