import type { Json, JsonObject } from "../contract.js";
import { isObject } from "../contract.js";
import type { Manifest, Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { readJson } from "./read-json.js";

type Test = (value: unknown) => boolean;

const isText: Test = (value) => typeof value === "string";
const isRecord: Test = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isVersion: Test = (value) => value === 0 || value === 1;
const isResolver: Test = (value) => {
  const { entrypoint, module } = (isRecord(value) ? value : {}) as Record<string, unknown>;
  return isText(entrypoint) && isText(module);
};
const listOf =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && value.every(test);

/** What each member must be, in words. Others are nobody's: OPA takes no notice of them either. */
const members = new Map<string, readonly [Test, string]>([
  ["revision", [isText, "a string"]],
  ["roots", [listOf(isText), "a list of strings"]],
  ["wasm", [listOf(isResolver), "a list of objects with entrypoint and module"]],
  ["metadata", [isRecord, "an object"]],
  ["rego_version", [isVersion, "0 or 1"]],
  [
    "file_rego_versions",
    [
      (value) => isRecord(value) && Object.values(value as object).every(isVersion),
      "an object of patterns whose values are 0 or 1",
    ],
  ],
]);

/**
 * Reads OPA's `.manifest`; without one, all is as OPA has it then. Roots come without slashes at their ends.
 * Source: OPA 1.22, v1/bundle/bundle.go. OPA also takes `Roots` for `roots`: refused, as who reads it may not.
 */
export function readManifest(
  text: string | undefined,
): { readonly kind: "read"; readonly manifest: Manifest } | Rejected {
  const refused = (message: string): Rejected => rejected("bundle_manifest", message, ".manifest");
  const strict = readJson(".manifest", text ?? "{}");
  if (strict.kind === "rejected") return strict;
  const read = JSON.parse(text ?? "{}") as Record<string, unknown>;
  for (const [name, value] of Object.entries(read)) {
    const known = members.get(name);
    if (known === undefined) {
      const meant = name.toLowerCase();
      if (members.has(meant)) return refused(`write ${meant} for ${name}`);
    } else if (!known[0](value)) return refused(`${name} must be ${known[1]}`);
  }
  const manifest = read as Manifest;
  if (manifest.roots === undefined) return { kind: "read", manifest };
  const roots = manifest.roots.map((root) => root.replace(/^\/+|\/+$/g, ""));
  for (const [i, a] of roots.entries()) {
    const b = roots.slice(i + 1).find((other) => covers(a, other) || covers(other, a));
    if (b !== undefined) return refused(`its roots '${a}' and '${b}' overlap`);
  }
  return { kind: "read", manifest: { ...manifest, roots } };
}

/** Tells whether a root leads to a path, both `a/b/c`. The empty root leads everywhere. */
export function covers(root: string, path: string): boolean {
  return root === "" || path === root || path.startsWith(`${root}/`);
}

/**
 * Tells whether a root leads to a path of segments. INVARIANT: never by a joined path: a key may hold a slash.
 */
export function permits(roots: readonly string[], path: readonly string[]): boolean {
  return roots.some((root) => root === "" || root.split("/").every((part, i) => part === path[i]));
}

/** Says where documents lie outside of the roots, `a/b`; undefined where they don't. */
export function outsideRoots(document: JsonObject, roots: readonly string[]): string | undefined {
  const own = roots.map((root) => (root === "" ? [] : root.split("/")));
  const find = (value: Json | undefined, path: readonly string[]): readonly string[] | undefined => {
    const leads = own.filter((root) => path.every((part, i) => i >= root.length || part === root[i]));
    if (leads.some((root) => root.length <= path.length)) return undefined;
    if (leads.length === 0 || !isObject(value)) return path;
    for (const key of Object.keys(value)) {
      const found = find(value[key], [...path, key]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return find(document, [])?.join("/");
}

/** Refuses documents outside of the roots. */
export function refuseOutside(document: JsonObject, { roots = [""] }: Manifest): Rejected | undefined {
  const outside = outsideRoots(document, roots);
  return outside === undefined
    ? undefined
    : rejected("roots_violated", `the roots ${JSON.stringify(roots)} don't permit data at '${outside}'`);
}

/** Where the toolchain puts what it derives of filters, `countersign_filter/a/b` of `a/b`: an entrypoint, and no part of the data. */
export const filterRoot = "countersign_filter";

/** Says whether an entrypoint lies below one of the roots. What the toolchain derived of a rule is as good as the rule. */
export function permitsEntrypoint(roots: readonly string[], entrypoint: string): boolean {
  const own = entrypoint.startsWith(`${filterRoot}/`) ? entrypoint.slice(filterRoot.length + 1) : entrypoint;
  return roots.some((root) => covers(root, own));
}
