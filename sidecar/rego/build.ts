import type { BuiltBundle, BuildOutcome, Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { createBundleCache } from "./bundle-cache.js";
import { digestOf, digestOfParts } from "./digest.js";
import { readBundle } from "./read.js";
import type { BuildResult, Files, Outcome, Toolchain } from "./toolchain.js";

export interface CompileOptions {
  /** A directory, a `.tar.gz` or a `.rego` file; Rego, or a bundle that is compiled already. */
  readonly path?: string;
  /** Texts by their path in the bundle, instead of `path`. */
  readonly files?: Files;
  readonly toolchain: Pick<Toolchain, "build" | "version">;
  /** Where compiled bundles are kept, so that the next start needs no compiler. */
  readonly cacheDir?: string;
  /** More entrypoints, `a/b/c`, than METADATA names. */
  readonly entrypoints?: readonly string[];
  readonly revision?: string;
  readonly regoVersion?: 0 | 1;
}

/** Makes a bundle that can answer out of Rego or of a compiled bundle. Never rejects for what is in it. */
export async function compileBundle(options: CompileOptions): Promise<BuildOutcome> {
  const { path, files, toolchain, cacheDir, entrypoints, revision, regoVersion } = options;
  const read =
    path === undefined ? ({ kind: "source", files: files ?? {} } as const) : await readBundle(path);
  if (read.kind === "rejected") return read;
  if (read.kind === "compiled") return { kind: "built", bundle: read.bundle };
  // tests are no part of what is compiled: an edit of one must not look like a new bundle
  const sources = Object.fromEntries(
    Object.entries(read.files).filter(([file]) => !file.endsWith("_test.rego")),
  );
  if (!Object.keys(sources).some((file) => file.endsWith(".rego"))) {
    return rejected("bundle_empty", "there is no Rego and no compiled policy", path);
  }
  const request = {
    files: sources,
    ...(entrypoints === undefined ? {} : { entrypoints }),
    ...(revision === undefined ? {} : { revision }),
    ...(regoVersion === undefined ? {} : { rego_version: regoVersion }),
  };
  const cache = cacheDir === undefined ? undefined : createBundleCache(cacheDir);
  if (cache === undefined) return finish(await toolchain.build(request));

  const settings = JSON.stringify([entrypoints ?? [], revision ?? null, regoVersion ?? null]);
  const texts = Object.entries(sources).sort(([a], [b]) => (a < b ? -1 : 1));
  const key = digestOfParts([await toolchain.version(), settings, ...texts.flat()]);
  const kept = await cache.get(key);
  if (kept !== undefined) return { kind: "built", bundle: kept };
  const outcome = finish(await toolchain.build(request));
  if (outcome.kind === "built") await cache.put(key, outcome.bundle);
  return outcome;
}

function finish(
  outcome: Outcome<BuildResult>,
): { readonly kind: "built"; readonly bundle: BuiltBundle } | Rejected {
  if (outcome.kind === "rejected") return outcome;
  const { wasm, manifest, data, entrypoints, rules, builtins } = outcome.result;
  const bytes = new Uint8Array(Buffer.from(wasm, "base64"));
  const content = { wasm: bytes, manifest, data, entrypoints, rules, builtins };
  return { kind: "built", bundle: { ...content, digest: digestOf(content) } };
}
