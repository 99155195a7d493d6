import type { Json } from "../contract.js";
import type { EntrypointFacts, RuleFacts } from "../rego/bundle.js";
import type { Policy } from "../decide/policy.js";

/** A bundle that answers: its policy is loaded, its facts are known. */
export interface ActiveBundle {
  readonly name: string;
  readonly revision: string;
  /** SHA-256 (hex) over policy and data. */
  readonly digest: string;
  readonly roots: readonly string[];
  readonly policy: Policy;
  /** By path, `a/b/c`. */
  readonly entrypoints: ReadonlyMap<string, ActiveEntrypoint>;
  readonly rules: readonly RuleFacts[];
  /** Epoch milliseconds. */
  readonly activatedAt: number;
}

export interface ActiveEntrypoint {
  readonly facts: EntrypointFacts;
  /** Gives the cache key; absent where the result isn't a function of the input alone. */
  readonly key?: (input: Json, tenant: string) => string;
}

/** The bundles in force. A whole new set replaces the old one in one assignment. */
export interface BundleSet {
  readonly bundles: readonly ActiveBundle[];
}

/** Where a data path is answered: an entrypoint and what to select from its result. */
export interface Resolved {
  readonly bundle: ActiveBundle;
  readonly entrypoint: string;
  readonly rest: readonly string[];
}

/** Where the toolchain puts what it derives of filters: an entrypoint for each, which is no part of the data. */
export const filterRoot = "countersign_filter";

/** Finds the entrypoint at a path or at the nearest of its prefixes. */
export function resolvePath(set: BundleSet, segments: readonly string[]): Resolved | undefined {
  for (let length = segments.length; length > 0; length--) {
    const entrypoint = segments.slice(0, length).join("/");
    for (const bundle of set.bundles) {
      if (bundle.entrypoints.has(entrypoint)) return { bundle, entrypoint, rest: segments.slice(length) };
    }
  }
  return undefined;
}
