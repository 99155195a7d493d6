import type { BuiltBundle, Rejected } from "../../rego/bundle.js";
import { filterRoot } from "../active.js";

/**
 * Says which entrypoint of a bundle lies outside of the roots that its manifest claims: two bundles are kept apart by their
 * roots only. Data are looked at where they are read, Rego where it is compiled; this is for what was compiled elsewhere, too.
 */
export function checkRoots({ manifest, entrypoints }: BuiltBundle): Rejected | undefined {
  const roots = manifest.roots ?? [""];
  if (roots.some((root) => trim(root) === "")) return undefined;
  const allowed = roots.map((root) => trim(root).split("/"));
  for (const { path } of entrypoints) {
    const [first = "", ...rest] = path.split("/");
    // what the toolchain derives of a rule is as good as the rule
    const segments = first === filterRoot ? rest : [first, ...rest];
    if (!allowed.some((root) => startsWith(segments, root))) return outside(roots, `the entrypoint ${path}`);
  }
  return undefined;
}

function outside(roots: readonly string[], what: string): Rejected {
  const message = `the manifest's roots ${JSON.stringify(roots)} don't permit ${what}: add a root, or take it out`;
  return { kind: "rejected", errors: [{ code: "roots_violated", message, file: ".manifest" }] };
}

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= path.length && prefix.every((part, i) => part === path[i]);
}

function trim(root: string): string {
  return root.replace(/^\/|\/$/g, "");
}
