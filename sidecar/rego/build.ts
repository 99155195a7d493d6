import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildOutcome, BuiltBundle, Manifest } from "./bundle.js";
import { rejected } from "./bundle.js";
import type { BundleFiles } from "./read.js";
import { readBundle } from "./read.js";
import type { Toolchain } from "./toolchain.js";

export interface CompileRequest {
  /** A directory or a `.tar.gz`. */
  readonly path: string;
  readonly toolchain: Toolchain;
  /** Keeps built bundles by content, so that the next start needs no compiler. */
  readonly cacheDir?: string;
  readonly entrypoints?: readonly string[];
  readonly revision?: string;
}

const strict = new TextDecoder("utf-8", { fatal: true });

/** Makes a bundle ready to load: Rego is compiled, compiled WASM is taken as it is. Never rejects. */
export async function compileBundle(request: CompileRequest): Promise<BuildOutcome> {
  const read = await readBundle(request.path);
  if (read.kind === "rejected") return read;
  const { files } = read;
  if (files.has("policy.wasm")) return fromCompiled(files);
  if (![...files.keys()].some((name) => name.endsWith(".rego"))) {
    return rejected("bundle_empty", `${request.path} holds neither .rego files nor a policy.wasm`);
  }
  const texts: Record<string, string> = {};
  for (const [name, content] of files) {
    try {
      texts[name] = strict.decode(content);
    } catch {
      return rejected("bundle_unreadable", "the file is not UTF-8", name);
    }
  }
  const key = await cacheKey(files, request);
  const cached = await readCached(request.cacheDir, key);
  if (cached !== undefined) return { kind: "built", bundle: cached };
  const outcome = await request.toolchain.build({
    files: texts,
    ...(request.entrypoints === undefined ? {} : { entrypoints: request.entrypoints }),
    ...(request.revision === undefined ? {} : { revision: request.revision }),
  });
  if (outcome.kind === "rejected") return outcome;
  const { wasm, ...rest } = outcome.result;
  const bundle = withDigest({ ...rest, wasm: Buffer.from(wasm, "base64") });
  await writeCached(request.cacheDir, key, bundle);
  return { kind: "built", bundle };
}

/** Takes a bundle that was compiled elsewhere; without our facts it is keyed by its whole input and not cached. */
function fromCompiled(files: BundleFiles): BuildOutcome {
  const wasm = files.get("policy.wasm");
  const manifestText = files.get(".manifest");
  if (wasm === undefined || manifestText === undefined) {
    return rejected("bundle_no_manifest", "a compiled bundle needs its .manifest");
  }
  let manifest: Manifest;
  try {
    manifest = JSON.parse(strict.decode(manifestText)) as Manifest;
  } catch {
    return rejected("bundle_unreadable", "the manifest is not JSON", ".manifest");
  }
  const others = [...files.keys()].filter(
    (name) => /data\.(?:json|ya?ml)$/.test(name) && name !== "data.json",
  );
  if (others.length > 0) {
    return rejected("bundle_unsupported", "data of a compiled bundle must be in /data.json", others[0]);
  }
  const metadata = (manifest.metadata?.["countersign"] ?? {}) as Partial<
    Pick<BuiltBundle, "entrypoints" | "rules">
  >;
  const entrypoints =
    metadata.entrypoints ??
    [...new Set((manifest.wasm ?? []).map(({ entrypoint }) => entrypoint))].map((path) => ({
      path,
      input: [[]],
      data: [[]],
      deterministic: false,
      nondeterministic: ["unknown"],
    }));
  if (entrypoints.length === 0)
    return rejected("bundle_no_entrypoint", "the manifest names no entrypoint", ".manifest");
  try {
    const data = strict.decode(files.get("data.json") ?? new TextEncoder().encode("{}"));
    return {
      kind: "built",
      bundle: withDigest({ wasm, manifest, data, entrypoints, rules: metadata.rules ?? [] }),
    };
  } catch {
    return rejected("bundle_unreadable", "the file is not UTF-8", "data.json");
  }
}

function withDigest(bundle: Omit<BuiltBundle, "digest">): BuiltBundle {
  const hash = createHash("sha256");
  for (const part of [
    bundle.wasm,
    bundle.data,
    JSON.stringify([bundle.manifest, bundle.entrypoints, bundle.rules]),
  ]) {
    hash.update(`${part.length}:`).update(part);
  }
  return { ...bundle, digest: hash.digest("hex") };
}

/** Names the content, the request and the toolchain that would compile it. */
async function cacheKey(files: BundleFiles, { entrypoints, revision }: CompileRequest): Promise<string> {
  const stamp = fileURLToPath(new URL("./toolchain/stamp", import.meta.url));
  const hash = createHash("sha256");
  hash.update(JSON.stringify([await readFile(stamp, "utf8").catch(() => ""), entrypoints, revision]));
  for (const [name, content] of files)
    hash.update(`${name.length}:${name}${content.byteLength}:`).update(content);
  return hash.digest("hex");
}

/** INVARIANT: a cached bundle whose content doesn't give its own digest is not used. */
async function readCached(directory: string | undefined, key: string): Promise<BuiltBundle | undefined> {
  if (directory === undefined) return undefined;
  try {
    const stored = JSON.parse(await readFile(join(directory, `${key}.json`), "utf8")) as Omit<
      BuiltBundle,
      "wasm"
    > & {
      wasm: string;
    };
    const { digest, ...content } = stored;
    const bundle = withDigest({ ...content, wasm: Buffer.from(stored.wasm, "base64") });
    return bundle.digest === digest ? bundle : undefined;
  } catch {
    return undefined;
  }
}

async function writeCached(directory: string | undefined, key: string, bundle: BuiltBundle): Promise<void> {
  if (directory === undefined) return;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, `${key}.json`);
    const temporary = `${path}.${process.pid}`;
    await writeFile(
      temporary,
      JSON.stringify({ ...bundle, wasm: Buffer.from(bundle.wasm).toString("base64") }),
      {
        mode: 0o600,
      },
    );
    await rename(temporary, path);
  } catch {
    // a cache that can't be written costs the next start its speed, nothing else
  }
}
