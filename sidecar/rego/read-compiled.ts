import type { Entries } from "./archive.js";
import type { BaseFiles } from "./base-documents.js";
import { isYamlData, mergeBase, textOfBase } from "./base-documents.js";
import type { BuiltBundle, Manifest, Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { digestOf } from "./digest.js";
import type { Facts } from "./read-facts.js";
import { digestOfModule, isFacts } from "./read-facts.js";

/** The place in a manifest's metadata where {@link writeBundle} keeps what only the compiler knows. */
export const metadataKey = "countersign";

/**
 * Reads a compiled bundle in OPA's layout: `/policy.wasm`, `.manifest` with its `wasm` entries, `data.json` at any
 * level. Without our own facts in the metadata (`opa build` writes none) each entrypoint counts as reading everything
 * and as not deterministic, so that its results are never cached. Facts name the module that they are about: what another
 * compiler made of the same folder takes none of them over.
 */
export function readCompiled(
  entries: Entries,
  files: Readonly<Record<string, string>>,
  modules: readonly string[],
  base: BaseFiles,
): { readonly kind: "compiled"; readonly bundle: BuiltBundle } | Rejected {
  const wasm = entries.get("policy.wasm");
  if (modules.length !== 1 || wasm === undefined) {
    return rejected("bundle_wasm", "a compiled bundle has one module, /policy.wasm", modules[0]);
  }
  if (!WebAssembly.validate(wasm))
    return rejected("bundle_wasm", "the module is not valid WebAssembly", "policy.wasm");
  const text = files[".manifest"];
  if (text === undefined)
    return rejected("bundle_manifest", "a compiled bundle needs a .manifest", ".manifest");
  const read = JSON.parse(text) as unknown;
  if (!isManifest(read))
    return rejected("bundle_manifest", "the manifest does not have OPA's shape", ".manifest");
  const resolvers = read.wasm ?? [];
  if (resolvers.length === 0)
    return rejected("bundle_manifest", "the manifest names no entrypoint", ".manifest");
  if (resolvers.some(({ module }) => module.replace(/^\//, "") !== "policy.wasm")) {
    return rejected("bundle_manifest", "the manifest names a module that is not there", ".manifest");
  }
  const data = Object.keys(files).some(isYamlData) ? undefined : mergeBase(base);
  if (data === undefined) {
    return rejected(
      "bundle_data",
      "the data of a compiled bundle must be JSON, and its files must not overlap",
    );
  }

  const { metadata, ...rest } = read;
  const { [metadataKey]: own, ...theirs } = metadata ?? {};
  const manifest: Manifest = Object.keys(theirs).length === 0 ? rest : { ...rest, metadata: theirs };
  const paths = new Set(resolvers.map(({ entrypoint }) => entrypoint));
  if (own !== undefined && !isFacts(own, paths)) {
    return rejected(
      "bundle_manifest",
      `metadata.${metadataKey} does not have the expected shape: build with this version of countersign, or take it out`,
      ".manifest",
    );
  }
  if (own !== undefined && own.module !== digestOfModule(wasm)) {
    return rejected(
      "bundle_manifest",
      `metadata.${metadataKey} is about another module: build with countersign, or take it out`,
      ".manifest",
    );
  }
  const facts = own ?? cautious([...paths]);
  const content = {
    wasm,
    manifest,
    data: textOfBase(base, files, data),
    entrypoints: facts.entrypoints,
    rules: facts.rules,
    ...(facts.builtins === undefined ? {} : { builtins: facts.builtins }),
  };
  return { kind: "compiled", bundle: { ...content, digest: digestOf(content) } };
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const absentOr = (value: unknown, test: (value: unknown) => boolean): boolean =>
  value === undefined || test(value);

function isManifest(value: unknown): value is Manifest {
  return (
    isRecord(value) &&
    absentOr(value.revision, isText) &&
    absentOr(value.roots, isTexts) &&
    absentOr(value.metadata, isRecord) &&
    absentOr(
      value.wasm,
      (wasm) =>
        Array.isArray(wasm) &&
        wasm.every((one) => isRecord(one) && isText(one.entrypoint) && isText(one.module)),
    )
  );
}
