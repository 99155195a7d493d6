import type { Entries } from "./archive.js";
import type { BaseFiles } from "./base-documents.js";
import { isYamlData, mergeBase, textOfBase } from "./base-documents.js";
import type { BuiltBundle, Manifest, Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { digestOf } from "./digest.js";
import { permitsEntrypoint, readManifest, refuseOutside } from "./manifest.js";
import type { Facts } from "./read-facts.js";
import { digestOfModule, isFacts } from "./read-facts.js";
import type { Files } from "./toolchain.js";

/** The place in a manifest's metadata where {@link writeBundle} keeps what only the compiler knows. */
export const metadataKey = "countersign";

/** More modules hold more copies of the data than memory is for. */
const mostModules = 16;
/** An archive's header has room for no more. */
const longestPlace = 98;

/** What is found in a bundle's files. */
export interface Compiled {
  readonly kind: "compiled";
  readonly bundle: BuiltBundle;
  /** What only the compiler can read: Rego and YAML beside the modules, with all data. Of both, nothing is in `bundle` yet. */
  readonly rest?: Files;
}

/**
 * Reads a compiled bundle in OPA's layout: files named `policy.wasm` in any folder, `.manifest` with its `wasm` entries,
 * `data.json` at any level. Without our own facts in the metadata (`opa build` writes none) each entrypoint counts as
 * reading everything and as not deterministic, so that its results are never cached. Facts name the modules that they are
 * about: what another compiler made of the same folder takes none of them over.
 */
export function readCompiled(
  entries: Entries,
  files: Files,
  modules: readonly string[],
  base: BaseFiles,
): Compiled | Rejected {
  const broken = refuseModules(entries, modules);
  if (broken !== undefined) return broken;
  if (files[".manifest"] === undefined)
    return rejected("bundle_manifest", "a compiled bundle needs a .manifest", ".manifest");
  const read = readManifest(files[".manifest"]);
  if (read.kind === "rejected") return read;
  const wrong = refuseResolvers(read.manifest, modules);
  if (wrong !== undefined) return wrong;
  const data = mergeBase(base);
  if (data === undefined)
    return rejected("bundle_data", "the bundle's data files say different things of one path");
  const outside = refuseOutside(data, read.manifest);
  if (outside !== undefined) return outside;

  const { metadata, ...others } = read.manifest;
  const { [metadataKey]: own, ...theirs } = metadata ?? {};
  const manifest: Manifest = Object.keys(theirs).length === 0 ? others : { ...others, metadata: theirs };
  const paths = new Set(manifest.wasm?.map(({ entrypoint }) => entrypoint));
  if (own !== undefined && !isFacts(own, paths)) {
    return rejected(
      "bundle_manifest",
      `metadata.${metadataKey} does not have the expected shape: build with this version of countersign, or take it out`,
      ".manifest",
    );
  }
  const ordered = own === undefined ? inOrder(entries, modules) : asTold(entries, modules, own);
  if (ordered === undefined) {
    return rejected(
      "bundle_manifest",
      `metadata.${metadataKey} is about another module: build with countersign, or take it out`,
      ".manifest",
    );
  }
  const facts = own ?? cautious([...paths]);
  const content = {
    ...ordered,
    manifest,
    data: textOfBase(base, files, data),
    entrypoints: facts.entrypoints,
    rules: facts.rules,
    ...(facts.builtins === undefined ? {} : { builtins: facts.builtins }),
  };
  const rest = restOf(files, read.manifest);
  return {
    kind: "compiled",
    bundle: { ...content, digest: digestOf(content) },
    ...(rest === undefined ? {} : { rest }),
  };
}

/** Gives the place of a bundle's first module. */
export function placeOfFirst({ manifest, more = [] }: Pick<BuiltBundle, "manifest" | "more">): string {
  const others = new Set(more.map(({ place }) => place));
  return manifest.wasm?.map(placeOfResolver).find((place) => !others.has(place)) ?? firstPlace;
}

/** Gives the place of the module that answers an entrypoint. */
export function placeOfResolver({ module }: { readonly module: string }): string {
  return module.replace(/^\//, "");
}

const firstPlace = "policy.wasm";

function refuseModules(entries: Entries, modules: readonly string[]): Rejected | undefined {
  if (modules.length > mostModules)
    return rejected("bundle_wasm", `there are more than ${mostModules} compiled modules`);
  for (const place of modules) {
    if (Buffer.byteLength(place) > longestPlace)
      return rejected("bundle_wasm", "the path of a compiled module is too long", place);
    if (!WebAssembly.validate(entries.get(place) ?? new Uint8Array()))
      return rejected("bundle_wasm", "the module is not valid WebAssembly", place);
  }
  return undefined;
}

/** Each entrypoint has one module that is there and lies under the roots; each module has an entrypoint. */
function refuseResolvers(
  { wasm = [], roots = [""] }: Manifest,
  modules: readonly string[],
): Rejected | undefined {
  if (wasm.length === 0) return rejected("bundle_manifest", "the manifest names no entrypoint", ".manifest");
  const seen = new Set<string>();
  for (const { entrypoint, module } of wasm) {
    if (!modules.includes(placeOfResolver({ module })))
      return rejected("bundle_wasm", `the manifest names ${module}, which is not there`, ".manifest");
    if (!permitsEntrypoint(roots, entrypoint)) {
      const message = `the roots ${JSON.stringify(roots)} don't permit the entrypoint ${entrypoint}`;
      return rejected("roots_violated", message, ".manifest");
    }
    if (seen.has(entrypoint))
      return rejected("bundle_manifest", `the entrypoint ${entrypoint} stands twice`, ".manifest");
    seen.add(entrypoint);
  }
  const named = new Set(wasm.map(placeOfResolver));
  const nameless = modules.find((place) => !named.has(place));
  return nameless === undefined
    ? undefined
    : rejected("bundle_wasm", "the manifest names no entrypoint of the module", nameless);
}

type Modules = Pick<BuiltBundle, "wasm" | "more">;

/** The one at the bundle's root, or else the first by its name, is the first. */
function inOrder(entries: Entries, modules: readonly string[]): Modules | undefined {
  const [first = firstPlace, ...rest] = [...modules].sort((a, b) =>
    a === firstPlace ? -1 : b === firstPlace || a > b ? 1 : -1,
  );
  return together(
    entries,
    first,
    rest.map((place) => ({ place, firstRule: 0 })),
  );
}

/** Undefined where the facts are about others. */
function asTold(
  entries: Entries,
  modules: readonly string[],
  { module, more = [], rules }: Facts,
): Modules | undefined {
  const first = modules.find((place) => more.every((one) => one.place !== place));
  const named = new Set(more.map(({ place }) => place));
  const digests = new Map(
    modules.map((place) => [place, digestOfModule(entries.get(place) ?? new Uint8Array())]),
  );
  const agrees =
    first !== undefined &&
    named.size === more.length &&
    modules.length === more.length + 1 &&
    digests.get(first) === module &&
    more.every((one) => digests.get(one.place) === one.module && one.firstRule <= rules.length);
  return agrees ? together(entries, first, more) : undefined;
}

function together(
  entries: Entries,
  first: string,
  more: readonly { readonly place: string; readonly firstRule: number }[],
): Modules | undefined {
  const wasm = entries.get(first);
  if (wasm === undefined) return undefined;
  const others = more.flatMap(({ place, firstRule }) => {
    const module = entries.get(place);
    return module === undefined ? [] : [{ place, wasm: module, firstRule }];
  });
  return { wasm, ...(others.length === 0 ? {} : { more: others }) };
}

/** Undefined where the modules and JSON are all. Tests are no part of what is compiled. */
function restOf(files: Files, manifest: Manifest): Files | undefined {
  const rest = Object.entries(files).filter(
    ([place]) => place !== ".manifest" && !place.endsWith("_test.rego"),
  );
  if (!rest.some(([place]) => place.endsWith(".rego") || isYamlData(place))) return undefined;
  const { roots, rego_version, file_rego_versions } = manifest;
  return Object.fromEntries([
    ...rest,
    [".manifest", JSON.stringify({ roots, rego_version, file_rego_versions })],
  ]);
}

function cautious(paths: readonly string[]): Omit<Facts, "module"> {
  return {
    entrypoints: paths.map((path) => ({
      path,
      input: [[]],
      data: [[]],
      deterministic: false,
      nondeterministic: [],
      annotated: true,
    })),
    rules: [],
  };
}
