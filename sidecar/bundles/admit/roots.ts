import type { BuiltBundle, Rejected } from "../../rego/bundle.js";
import { filterRoot } from "../active.js";

/**
 * Says where a bundle holds rules or data outside of the roots that its manifest claims: two bundles are kept apart by their
 * roots only. The compiler looks at Rego itself; this is for what was compiled elsewhere, too.
 */
export function checkRoots({ manifest, entrypoints, data }: BuiltBundle): Rejected | undefined {
  const roots = manifest.roots ?? [""];
  if (roots.some((root) => trim(root) === "")) return undefined;
  const allowed = roots.map((root) => trim(root).split("/"));
  for (const { path } of entrypoints) {
    const [first = "", ...rest] = path.split("/");
    // what the toolchain derives of a rule is as good as the rule
    const segments = first === filterRoot ? rest : [first, ...rest];
    if (!allowed.some((root) => startsWith(segments, root))) return outside(roots, `the entrypoint ${path}`);
  }
  const stray = strayPath(JSON.parse(data) as unknown, [], allowed);
  return stray === undefined ? undefined : outside(roots, `data at ${stray.join("/")}`);
}

function outside(roots: readonly string[], what: string): Rejected {
  const message = `the manifest's roots ${JSON.stringify(roots)} don't permit ${what}: add a root, or take it out`;
  return { kind: "rejected", errors: [{ code: "roots_violated", message, file: ".manifest" }] };
}

function strayPath(
  value: unknown,
  path: readonly string[],
  roots: readonly string[][],
): string[] | undefined {
  if (roots.some((root) => startsWith(path, root))) return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [...path];
  for (const [key, member] of Object.entries(value)) {
    const next = [...path, key];
    const leads = roots.some((root) => startsWith(next, root) || startsWith(root, next));
    const stray = leads ? strayPath(member, next, roots) : next;
    if (stray !== undefined) return stray;
  }
  return undefined;
}

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= path.length && prefix.every((part, i) => part === path[i]);
}

function trim(root: string): string {
  return root.replace(/^\/|\/$/g, "");
}
