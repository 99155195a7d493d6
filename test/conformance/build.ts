/** Compiles cases through the toolchain as a bundle is compiled, and keeps what was compiled. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { BuildError } from "../../sidecar/rego/bundle.js";
import type { BuildRequest, BuildResult, Outcome, Toolchain } from "../../sidecar/rego/toolchain.js";
import type { Case } from "./case.js";

export const entrypoint = "countersign_query/result";
/** Requests to one toolchain at once: enough that it never waits. */
const inFlight = 3;

export type Built =
  | { readonly kind: "done"; readonly wasm: Uint8Array }
  | { readonly kind: "rejected"; readonly errors: readonly BuildError[] };

/** What the toolchain is asked; the modules have the names that OPA's own runner gives them. */
export function requestOf(one: Case): BuildRequest {
  return {
    files: Object.fromEntries(one.modules.map((text, i) => [`test-${i}.rego`, text])),
    query: one.query,
    rego_version: one.version === "v0" ? 0 : 1,
    experimental: one.experimental,
  };
}

export interface BuilderParts {
  readonly toolchain: Toolchain;
  /** A folder for what one toolchain compiled. */
  readonly directory: string;
}

/** Compiles the cases; those that lay together before are read from one file. */
export async function buildCases(cases: readonly Case[], parts: BuilderParts): Promise<Built[]> {
  const requests = cases.map(requestOf);
  const key = createHash("sha256").update(JSON.stringify(requests)).digest("hex").slice(0, 32);
  const path = join(parts.directory, `${key}.br`);
  const kept = await readFile(path).catch(() => undefined);
  if (kept !== undefined) return unpack(brotliDecompressSync(kept));
  const built: Built[] = [];
  const left = [...requests.entries()];
  const compile = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      built[next[0]] = await build(next[1], parts.toolchain);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, compile));
  await mkdir(parts.directory, { recursive: true });
  await writeFile(`${path}.${process.pid}`, brotliCompressSync(pack(built), packing));
  await rename(`${path}.${process.pid}`, path);
  return built;
}

/** Removes what other toolchains compiled, and cases of other versions. */
export async function forgetOthers(cache: string, kept: readonly string[]): Promise<void> {
  const names = await readdir(cache).catch(() => []);
  const others = names.filter((name) => !kept.includes(name));
  await Promise.all(others.map((name) => rm(join(cache, name), { recursive: true, force: true })));
}

/** What says nothing about a case: the compiler's process was ended, or it isn't there. */
const notJudged = ["toolchain_failed", "toolchain_timeout", "toolchain_missing"];

/**
 * Compiles one.
 * @throws Error where the compiler itself failed twice
 */
export async function build(request: BuildRequest, toolchain: Toolchain): Promise<Built> {
  const failed = (outcome: Outcome<BuildResult>): boolean =>
    outcome.kind === "rejected" && outcome.errors.some(({ code }) => notJudged.includes(code));
  let outcome = await toolchain.build(request);
  if (failed(outcome)) outcome = await toolchain.build(request);
  if (failed(outcome)) throw new Error(JSON.stringify(outcome));
  if (outcome.kind === "rejected") return { kind: "rejected", errors: outcome.errors };
  return { kind: "done", wasm: Buffer.from(outcome.result.wasm, "base64") };
}

/** Modules differ in some hundred bytes only: a window over all of them makes 10 MB into 150 KB. */
const packing = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 24 },
};

/** A line of JSON for each: the module's size or the refusal; then the modules. */
function pack(built: readonly Built[]): Uint8Array {
  const heads = built.map((one) =>
    one.kind === "done" ? { size: one.wasm.byteLength } : { errors: one.errors },
  );
  const modules = built.flatMap((one) => (one.kind === "done" ? [one.wasm] : []));
  return Buffer.concat([Buffer.from(`${JSON.stringify(heads)}\n`), ...modules]);
}

function unpack(bytes: Buffer): Built[] {
  const end = bytes.indexOf("\n");
  const heads = JSON.parse(bytes.toString("utf8", 0, end)) as { size?: number; errors?: BuildError[] }[];
  let at = end + 1;
  return heads.map(({ size, errors }) => {
    if (size === undefined) return { kind: "rejected", errors: errors ?? [] };
    at += size;
    return { kind: "done", wasm: bytes.subarray(at - size, at) };
  });
}
