import type { BuildOutcome, BuiltBundle, EntrypointFacts } from "./bundle.js";
import { rejected } from "./bundle.js";
import { digestOf } from "./digest.js";
import { covers } from "./manifest.js";

/**
 * Puts the Rego that stood beside compiled modules with them, as one more module. The modules answer the entrypoints
 * that the manifest gives to them, Rego all others (`opa build` leaves there what isn't an entrypoint).
 *
 * INVARIANT: no question has two answers, and none is answered from half of the rules. A rule at an entrypoint of a
 * module is refused. What lies above or below one, or reads one, isn't an entrypoint: Rego alone doesn't know its value.
 */
export function joinRego(compiled: BuiltBundle, rego: BuiltBundle): BuildOutcome {
  const answered = compiled.entrypoints.map(({ path }) => path);
  const twice = leaves(rego.entrypoints).find((path) => answered.includes(path));
  if (twice !== undefined) {
    return rejected("bundle_wasm", `${twice} is answered by a compiled module, and defined by Rego, too`);
  }
  const own = rego.entrypoints.filter((facts) => !answered.some((path) => meets(facts, path)));
  const { data } = rego;
  if (own.length === 0) return built({ ...compiled, data });
  const place = freePlace(compiled);
  const paths = new Set(own.map(({ path }) => path));
  const resolvers = rego.manifest.wasm?.filter(({ entrypoint }) => paths.has(entrypoint)) ?? [];
  const firstRule = compiled.rules.length;
  // what modules of others use, nobody knows
  const { builtins, ...rest } = compiled;
  return built({
    ...rest,
    more: [...(compiled.more ?? []), { place, wasm: rego.wasm, firstRule }],
    manifest: {
      ...compiled.manifest,
      wasm: [...(compiled.manifest.wasm ?? []), ...resolvers.map((one) => ({ ...one, module: `/${place}` }))],
    },
    data,
    entrypoints: [...compiled.entrypoints, ...own],
    rules: [...compiled.rules, ...rego.rules.map((rule) => ({ ...rule, index: rule.index + firstRule }))],
    ...(builtins === undefined || rego.builtins === undefined
      ? {}
      : { builtins: [...builtins, ...rego.builtins] }),
  });
}

function built(content: Omit<BuiltBundle, "digest">): BuildOutcome {
  return { kind: "built", bundle: { ...content, digest: digestOf(content) } };
}

/** Paths of rules: those under which there is no other. A package without rules is none of the entrypoints. */
function leaves(entrypoints: readonly EntrypointFacts[]): string[] {
  const above = new Set<string>();
  for (const { path } of entrypoints) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
      above.add(path.slice(0, at));
  }
  return entrypoints.map(({ path }) => path).filter((path) => !above.has(path));
}

function meets({ path, data, lookups = [] }: EntrypointFacts, answered: string): boolean {
  if (covers(path, answered) || covers(answered, path)) return true;
  const read = [...data, ...lookups.map(({ table }) => table)].map((one) => one.join("/"));
  return read.some((one) => covers(one, answered) || covers(answered, one));
}

function freePlace({ manifest }: BuiltBundle): string {
  const taken = new Set(manifest.wasm?.map(({ module }) => module.replace(/^\//, "")));
  for (let n = 0; ; n++) {
    const place = `countersign${n === 0 ? "" : `-${n}`}/policy.wasm`;
    if (!taken.has(place)) return place;
  }
}
