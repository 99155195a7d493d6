/** Compiles policies with the product's toolchain, and OPA itself with Go; keeps both under .cache. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import type { PolicyCase } from "./policies.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const cache = join(root, ".cache", "bench");

export interface Compiled {
  readonly wasm: Uint8Array;
  readonly data: string;
  /** Bodies that are looked up, not tried one after the other. */
  readonly indexedRules: number;
  readonly buildMs: number;
}

export interface CompileSettings {
  /** Rules are looked up by what they ask for, where the toolchain can. */
  readonly index: boolean;
  /** Annotated rules tell that they held. */
  readonly marks: boolean;
}

/** Compiles; data go around the compiler, as they don't change the module. @throws Error with the compiler's words */
export async function compileCase(
  toolchain: Pick<Toolchain, "build" | "version">,
  { files, entrypoint, data }: PolicyCase,
  { index, marks }: CompileSettings,
): Promise<Compiled> {
  const sources = marks
    ? files
    : Object.fromEntries(Object.entries(files).map(([path, text]) => [path, unmarked(text)]));
  const request = { files: sources, entrypoints: [entrypoint], index };
  const key = createHash("sha256")
    .update(JSON.stringify([await toolchain.version(), request]))
    .digest("hex");
  const path = join(cache, `${key}.json`);
  let kept: { wasm: string; indexedRules: number; buildMs: number };
  if (existsSync(path)) kept = JSON.parse(await readFile(path, "utf8")) as typeof kept;
  else {
    const start = performance.now();
    const outcome = await toolchain.build(request);
    if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
    const { wasm, indexed } = outcome.result;
    const indexedRules = ((indexed as typeof indexed | undefined) ?? []).reduce(
      (sum, { rules }) => sum + rules,
      0,
    );
    kept = { wasm, indexedRules, buildMs: performance.now() - start };
    await mkdir(cache, { recursive: true });
    await writeFile(path, JSON.stringify(kept));
  }
  return { ...kept, wasm: new Uint8Array(Buffer.from(kept.wasm, "base64")), data };
}

/**
 * Takes comments out, and with them METADATA, save in files whose rules read their own METADATA.
 * No policy here has a `#` in a string at the start of a line.
 */
function unmarked(text: string): string {
  return text.includes("rego.metadata") ? text : text.replace(/^\s*#.*$/gm, "");
}

export interface OpaPrograms {
  readonly kind: "built";
  /** OPA's command. */
  readonly server: string;
  /** bench/engine/opa: OPA's evaluator in process. */
  readonly evaluator: string;
}

/** Builds OPA with Go; says why where that can't be done. */
export async function buildOpa(): Promise<OpaPrograms | { readonly kind: "missing"; readonly why: string }> {
  const out = join(root, ".cache", "opa");
  const built = { kind: "built", server: join(out, "opa"), evaluator: join(out, "evaluate") } as const;
  await mkdir(out, { recursive: true });
  for (const [program, source] of [
    [built.evaluator, "."],
    [built.server, "github.com/open-policy-agent/opa"],
  ] as const) {
    const { status, stderr, error } = spawnSync("go", ["build", "-o", program, source], {
      cwd: join(root, "bench", "engine", "opa"),
      encoding: "utf8",
    });
    if (status !== 0) {
      const why = error === undefined ? stderr.trim().split("\n").at(-1) : "Go is not installed";
      return { kind: "missing", why: `OPA itself is left out, it could not be built: ${why ?? ""}` };
    }
  }
  return built;
}
