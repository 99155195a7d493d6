import type { Json } from "../contract.js";
import type { Asker } from "../decide/asker.js";
import type { EntrypointFacts, RuleFacts } from "../rego/bundle.js";
import type { Policy } from "../decide/policy.js";

export { filterRoot } from "../rego/manifest.js";

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
  /** Counts the changes of its data in place. */
  readonly dataVersion: () => number;
  readonly rules: readonly RuleFacts[];
  /** Epoch milliseconds. */
  readonly activatedAt: number;
}

export interface ActiveEntrypoint {
  readonly facts: EntrypointFacts;
  /** Gives the cache key; absent, or undefined for an asker, where nothing may be kept. */
  readonly key?: (input: Json, asker: Asker) => string | undefined;
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

const depths = new WeakMap<ActiveBundle, number>();

/** Tells how much of a path may lead to an entrypoint: who asks chooses its length, and that mustn't cost anything. */
export function mostSegments(bundles: readonly ActiveBundle[], path: readonly string[]): number {
  let most = 0;
  for (const bundle of bundles) {
    let depth = depths.get(bundle);
    if (depth === undefined) {
      depth = 0;
      for (const entrypoint of bundle.entrypoints.keys())
        depth = Math.max(depth, entrypoint.split("/").length);
      depths.set(bundle, depth);
    }
    most = Math.max(most, depth);
  }
  return Math.min(most, path.length);
}

/** Finds the entrypoint at a path or at the nearest of its prefixes. */
export function resolvePath(set: BundleSet, segments: readonly string[]): Resolved | undefined {
  for (let length = mostSegments(set.bundles, segments); length > 0; length--) {
    const entrypoint = segments.slice(0, length).join("/");
    for (const bundle of set.bundles) {
      if (bundle.entrypoints.has(entrypoint)) return { bundle, entrypoint, rest: segments.slice(length) };
    }
  }
  return undefined;
}
