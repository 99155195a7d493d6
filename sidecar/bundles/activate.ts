import type { Policy } from "../decide/policy.js";
import type { BuiltBundle, EntrypointFacts } from "../rego/bundle.js";
import type { ActiveBundle, ActiveEntrypoint } from "./active.js";
import type { Documents } from "./documents.js";

export interface ActivateParts {
  readonly loadPolicy: (bundle: BuiltBundle) => Policy;
  readonly createKeyer: (options: {
    bundleDigest: string;
    entrypoint: string;
    paths: readonly (readonly string[])[];
  }) => NonNullable<ActiveEntrypoint["key"]>;
  /** Where the API may write data: what was written is then a part of each key. */
  readonly documents?: Documents;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Makes a built bundle ready to answer.
 * @throws Error where the policy can't be loaded, or an entrypoint that was promised isn't in it.
 */
export function activate(name: string, built: BuiltBundle, parts: ActivateParts): ActiveBundle {
  const policy = parts.loadPolicy(built);
  const missing = built.entrypoints.filter(({ path }) => !policy.entrypoints.includes(path));
  if (missing.length > 0)
    throw new Error(`entrypoints missing: ${missing.map(({ path }) => path).join(", ")}`);
  const entrypoints = new Map<string, ActiveEntrypoint>();
  for (const facts of built.entrypoints) {
    const key = facts.deterministic ? keyerOf(built.digest, facts, parts) : undefined;
    entrypoints.set(facts.path, { facts, ...(key === undefined ? {} : { key }) });
  }
  return {
    name,
    revision: revisionOf(built),
    digest: built.digest,
    roots: built.manifest.roots ?? [""],
    policy,
    entrypoints,
    rules: built.rules,
    activatedAt: parts.now(),
  };
}

type Keyer = NonNullable<ActiveEntrypoint["key"]>;

function keyerOf(bundleDigest: string, facts: EntrypointFacts, parts: ActivateParts): Keyer {
  const keyer = parts.createKeyer({ bundleDigest, entrypoint: facts.path, paths: facts.input });
  const { documents } = parts;
  if (documents === undefined) return keyer;
  const tops = facts.data.map(([top]) => top);
  const read = tops.includes(undefined) ? "all" : new Set(tops as string[]);
  let generation = -1;
  let digest = "";
  return (input, tenant) => {
    if (generation !== documents.generation()) {
      generation = documents.generation();
      digest = documents.digest(read);
    }
    return digest + keyer(input, tenant);
  };
}

function revisionOf(built: BuiltBundle): string {
  const { revision } = built.manifest;
  return revision === undefined || revision === "" ? built.digest.slice(0, 12) : revision;
}

/** Names the first pair of bundles whose roots overlap: two may not answer for one path. */
export function overlap(bundles: readonly ActiveBundle[]): string | undefined {
  for (const [i, a] of bundles.entries()) {
    for (const b of bundles.slice(i + 1)) {
      if (a.roots.some((x) => b.roots.some((y) => covers(x, y) || covers(y, x))))
        return `${a.name} and ${b.name}`;
    }
  }
  return undefined;
}

function covers(root: string, path: string): boolean {
  return root === "" || path === root || path.startsWith(`${root}/`);
}
