/** Compiles cases through the toolchain as a bundle is compiled, and keeps what was compiled. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { BuildError } from "../../sidecar/rego/bundle.js";
import type { BuildRequest, Toolchain } from "../../sidecar/rego/toolchain.js";
import type { Case } from "./case.js";

export const entrypoint = "countersign_query/result";

export type Built =
  | { readonly kind: "done"; readonly wasm: Uint8Array }
  | { readonly kind: "rejected"; readonly errors: readonly BuildError[] };

/** What the toolchain is asked: the case's modules, and a rule that gathers the bindings of its query. */
export function requestOf(
  one: Case,
): BuildRequest & { strict_builtin_errors: boolean; experimental: boolean } {
  const bindings = one.vars.map((name) => `${JSON.stringify(name)}: ${name}`).join(", ");
  const query = [
    "package countersign_query",
    // OPA reads the queries of both versions as Rego v1
    ...(one.version === "v0" ? ["import rego.v1"] : []),
    `result contains {${bindings}} if {`,
    one.query,
    "}",
  ];
  return {
    files: {
      ...Object.fromEntries(one.modules.map((text, i) => [`module-${i}.rego`, text])),
      "query.rego": `${query.join("\n")}\n`,
    },
    entrypoints: [entrypoint],
    rego_version: one.version === "v0" ? 0 : 1,
    strict_builtin_errors: one.strictError,
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
  const built = await Promise.all(requests.map((request) => build(request, parts.toolchain)));
  await mkdir(parts.directory, { recursive: true });
  await writeFile(`${path}.${process.pid}`, brotliCompressSync(pack(built), packing));
  await rename(`${path}.${process.pid}`, path);
  return built;
}

/** Removes what other toolchains compiled. */
export async function forgetOthers(cache: string, stamp: string): Promise<void> {
  const names = await readdir(cache).catch(() => []);
  const others = names.filter((name) => !name.startsWith("cases-") && name !== stamp);
  await Promise.all(others.map((name) => rm(join(cache, name), { recursive: true, force: true })));
}

/** Compiles one. */
export async function build(request: BuildRequest, toolchain: Toolchain): Promise<Built> {
  const outcome = await toolchain.build(request);
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
