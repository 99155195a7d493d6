import type { KeyerOptions, Keyer } from "../decide/cache/key.js";
import type { Policy } from "../decide/policy.js";
import type { BuiltBundle } from "../rego/bundle.js";
import { digestOfParts } from "../rego/digest.js";
import type { ActiveBundle, ActiveEntrypoint } from "./active.js";
import { createPolicyData } from "./data-names.js";

export interface ActivateParts {
  readonly loadPolicy: (bundle: BuiltBundle) => Policy;
  readonly createKeyer: (options: KeyerOptions) => Keyer;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Makes a built bundle ready to answer.
 * @throws Error where the policy can't be loaded, or an entrypoint that was promised isn't in it.
 */
export function activate(name: string, built: BuiltBundle, parts: ActivateParts): ActiveBundle {
  const loaded = parts.loadPolicy(built);
  const missing = built.entrypoints.filter(({ path }) => !loaded.entrypoints.includes(path));
  if (missing.length > 0)
    throw new Error(`entrypoints missing: ${missing.map(({ path }) => path).join(", ")}`);
  const data = createPolicyData({ policy: loaded, digest: built.digest, size: built.data.length });
  const policy: Policy = {
    ...loaded,
    patch(patches) {
      try {
        loaded.patch(patches);
      } finally {
        data.changed(patches);
      }
    },
  };
  const policyDigest = digestOfPolicy(built);
  const entrypoints = new Map<string, ActiveEntrypoint>();
  for (const facts of built.entrypoints) {
    // what isn't a function of what is keyed is kept only where its author says for how long
    const { deterministic, cache } = facts;
    const isKept = cache?.ttl === undefined ? deterministic : cache.ttl > 0;
    const key = isKept ? parts.createKeyer({ policyDigest, facts, data: data.namesFor(facts) }) : undefined;
    entrypoints.set(facts.path, { facts, ...(key === undefined ? {} : { key }) });
  }
  return {
    name,
    revision: revisionOf(built),
    digest: built.digest,
    roots: built.manifest.roots ?? [""],
    policy,
    entrypoints,
    dataVersion: data.version,
    rules: built.rules,
    activatedAt: parts.now(),
  };
}

/** Names what is compiled and what is known of it: neither its data nor its revision changes what it makes of both. */
function digestOfPolicy({ wasm, entrypoints, rules }: BuiltBundle): string {
  return digestOfParts([wasm, JSON.stringify(entrypoints), JSON.stringify(rules)]);
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
