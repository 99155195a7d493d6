import type { KeyerOptions, Keyer } from "../decide/cache/key.js";
import type { Policy } from "../decide/policy.js";
import type { BuiltBundle } from "../rego/bundle.js";
import { digestOfParts } from "../rego/digest.js";
import type { ActiveBundle, ActiveEntrypoint } from "./active.js";
import { createPolicyData } from "./data-names.js";
import type { Member } from "./join-policies.js";
import { joinPolicies } from "./join-policies.js";

export interface ActivateParts {
  /** Loads one module of a bundle. */
  readonly loadPolicy: (module: Omit<BuiltBundle, "more">) => Policy;
  readonly createKeyer: (options: KeyerOptions) => Keyer;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Makes a built bundle ready to answer.
 * @throws Error where the policy can't be loaded, or an entrypoint that was promised isn't in it.
 */
export function activate(
  name: string,
  built: BuiltBundle,
  parts: ActivateParts,
  /** Loaded already. */
  loaded: Policy = loadModules(built, parts.loadPolicy),
): ActiveBundle {
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

/**
 * Loads a bundle's modules.
 * @throws Error where one can't be loaded, or an entrypoint that was promised isn't in it.
 */
// INVARIANT: each entrypoint is answered by the module that the manifest gives it to, and by no other
export function loadModules(built: BuiltBundle, load: ActivateParts["loadPolicy"]): Policy {
  const { wasm, more = [], ...rest } = built;
  const { manifest, entrypoints } = rest;
  const others = new Set(more.map(({ place }) => place));
  const placeOf = new Map(manifest.wasm?.map((one) => [one.entrypoint, one.module.replace(/^\//, "")]));
  const named = (place: string | undefined): string[] =>
    entrypoints
      .map(({ path }) => path)
      .filter((path) => {
        const own = placeOf.get(path) ?? "";
        return place === undefined ? !others.has(own) : own === place;
      });
  const member = (module: Uint8Array, place: string | undefined, firstRule: number): Member => {
    const policy = load({ ...rest, wasm: module });
    const paths = named(place);
    const missing = paths.filter((path) => !policy.entrypoints.includes(path));
    if (missing.length > 0) throw new Error(`entrypoints missing: ${missing.join(", ")}`);
    return { policy, entrypoints: paths, firstRule };
  };
  const first = member(wasm, undefined, 0);
  if (more.length === 0) return first.policy;
  return joinPolicies(
    first,
    more.map(({ place, wasm: module, firstRule }) => member(module, place, firstRule)),
  );
}

/** Names what is compiled and what is known of it: neither its data nor its revision changes what it makes of both. */
function digestOfPolicy({ wasm, more = [], manifest, entrypoints, rules }: BuiltBundle): string {
  const others = more.flatMap(({ place, wasm: module }) => [place, module]);
  const routed = more.length === 0 ? [] : [...others, JSON.stringify(manifest.wasm)];
  return digestOfParts([wasm, ...routed, JSON.stringify(entrypoints), JSON.stringify(rules)]);
}

/** Names what is in force: by its own revision, or else by its digest. */
export function revisionOf(built: BuiltBundle): string {
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
