import type { Policy } from "../decide/policy.js";
import { parseJson } from "../contract.js";
import type { BuiltBundle } from "../rego/bundle.js";
import type { ActiveBundle, ActiveEntrypoint } from "./active.js";

export interface ActivateParts {
  readonly loadPolicy: (bundle: BuiltBundle) => Policy;
  readonly createKeyer: (options: {
    bundleDigest: string;
    entrypoint: string;
    paths: readonly (readonly string[])[];
  }) => NonNullable<ActiveEntrypoint["key"]>;
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
    const key = facts.deterministic
      ? parts.createKeyer({ bundleDigest: built.digest, entrypoint: facts.path, paths: facts.input })
      : undefined;
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
    data: parseJson(built.data),
    activatedAt: parts.now(),
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
