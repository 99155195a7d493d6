import { stringifyJson } from "../contract.js";
import type { Entries } from "./archive.js";
import type { BaseFiles } from "./base-documents.js";
import { isJsonData, isYamlData, mergeBase, mergeTexts, textOfBase } from "./base-documents.js";
import type { BuiltBundle, BuildOutcome, Manifest, Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { createBundleCache } from "./bundle-cache.js";
import { digestOf, digestOfParts } from "./digest.js";
import { joinRego } from "./join-rego.js";
import { readManifest, refuseOutside } from "./manifest.js";
import { readJson } from "./read-json.js";
import type { Read } from "./read.js";
import { interpret, readBundle } from "./read.js";
import { skeletonOf } from "./skeleton.js";
import type { Files, Toolchain } from "./toolchain.js";

export interface CompileOptions {
  /** A directory, a `.tar.gz` or a `.rego` file; Rego, or a bundle that is compiled already. */
  readonly path?: string;
  /** Instead of `path`: its files, read and, where that is asked for, verified. */
  readonly entries?: Entries;
  /** Instead of `path`: texts by their path in the bundle. */
  readonly files?: Files;
  readonly toolchain: Pick<Toolchain, "build" | "data" | "version">;
  /** Where compiled bundles are kept, so that the next start needs no compiler. */
  readonly cacheDir?: string;
  /** More entrypoints, `a/b/c`, than METADATA names. */
  readonly entrypoints?: readonly string[];
  readonly revision?: string;
  readonly regoVersion?: 0 | 1;
}

/**
 * Makes a bundle that can answer: out of Rego, of a compiled bundle, or of both in one. Never rejects for what is in it.
 */
export async function compileBundle(options: CompileOptions): Promise<BuildOutcome> {
  const read = await readOf(options);
  if (read.kind === "rejected") return read;
  if (read.kind === "source") return compileSource(read, options);
  const { bundle, rest } = read;
  if (rest === undefined) return { kind: "built", bundle };
  if (Object.keys(rest).some(isRego)) {
    const compiled = await compileSource({ files: rest }, options);
    if (compiled.kind === "built") return joinRego(bundle, compiled.bundle);
    // `opa build` leaves the packages of rules that it took out
    if (compiled.errors[0]?.code !== "no_entrypoint") return compiled;
    if (!Object.keys(rest).some(isYamlData)) return { kind: "built", bundle };
  }
  const data = await options.toolchain.data({ files: rest });
  return data.kind === "rejected" ? data : withData({ ...bundle, data: "{}" }, data.result.data);
}

async function compileSource(
  read: { readonly files: Files; readonly base?: BaseFiles },
  options: CompileOptions,
): Promise<BuildOutcome> {
  const { path, toolchain, cacheDir, entrypoints, revision, regoVersion } = options;
  // tests are no part of what is compiled: an edit of one must not look like a new bundle
  const sources = Object.fromEntries(
    Object.entries(read.files).filter(([file]) => !file.endsWith("_test.rego")),
  );
  if (!Object.keys(sources).some(isRego)) {
    return rejected("bundle_empty", "there is no Rego and no compiled policy", path);
  }
  const manifest = readManifest(sources[".manifest"]);
  if (manifest.kind === "rejected") return manifest;
  const split = splitData(sources, read.base, manifest.manifest);
  if (split.kind === "rejected") return split;
  const request = {
    files: split.sources,
    skeleton: true,
    ...(entrypoints === undefined ? {} : { entrypoints }),
    ...(revision === undefined ? {} : { revision }),
    ...(regoVersion === undefined ? {} : { rego_version: regoVersion }),
  };
  const cache = cacheDir === undefined ? undefined : createBundleCache(cacheDir);
  const settings = JSON.stringify([entrypoints ?? [], revision ?? null, regoVersion ?? null]);
  const texts = Object.entries(split.sources).sort(([a], [b]) => (a < b ? -1 : 1));
  const key = digestOfParts([await toolchain.version(), settings, ...texts.flat()]);
  const kept = await cache?.get(key);
  if (kept !== undefined) return withData(kept, split.data);
  const outcome = await toolchain.build(request);
  if (outcome.kind === "rejected") return outcome;
  const { wasm, manifest: made, data, entrypoints: facts, rules, builtins } = outcome.result;
  const bytes = new Uint8Array(Buffer.from(wasm, "base64"));
  const compiled = { wasm: bytes, manifest: made, data, entrypoints: facts, rules, builtins };
  // without the data: they may change while the policy stays as it is
  await cache?.put(key, { ...compiled, digest: digestOf(compiled) });
  return withData(compiled, split.data);
}

function readOf({ path, entries, files }: CompileOptions): Read | Rejected | Promise<Read | Rejected> {
  if (entries !== undefined) return interpret(entries);
  return path === undefined ? { kind: "source", files: files ?? {} } : readBundle(path);
}

interface Split {
  readonly kind: "split";
  /** What the compiler gets: Rego, YAML, the manifest and a skeleton in the place of the JSON data. */
  readonly sources: Files;
  /** Text of the JSON data. */
  readonly data: string;
}

function splitData(files: Files, known: BaseFiles | undefined, manifest: Manifest): Split | Rejected {
  const rest: Record<string, string> = {};
  const base = new Map(known);
  for (const [place, text] of Object.entries(files)) {
    if (!isJsonData(place)) rest[place] = text;
    else if (!base.has(place)) {
      const read = readJson(place, text);
      if (read.kind === "rejected") return read;
      base.set(place, read.document);
    }
  }
  const merged = mergeBase(base);
  if (merged === undefined) return overlapping;
  const outside = refuseOutside(merged, manifest);
  if (outside !== undefined) return outside;
  const rego = Object.entries(rest).flatMap(([place, text]) => (isRego(place) ? [text] : []));
  const skeleton = stringifyJson(skeletonOf(merged, rego, manifest.roots ?? [""]));
  return {
    kind: "split",
    sources: base.size === 0 ? rest : { ...rest, "data.json": skeleton },
    data: textOfBase(base, files, merged),
  };
}

const overlapping = rejected("bundle_data", "the bundle's data files say different things of one path");

function isRego(place: string): boolean {
  return place.endsWith(".rego");
}

/** INVARIANT: the digest is over all that the bundle answers from. */
function withData(compiled: Omit<BuiltBundle, "digest">, data: string): BuildOutcome {
  const all = mergeTexts(data, compiled.data);
  if (all === undefined) return overlapping;
  const content = { ...compiled, data: all };
  return { kind: "built", bundle: { ...content, digest: digestOf(content) } };
}
