import { readFile, stat } from "node:fs/promises";
import type { Json } from "../contract.js";
import type { Entries } from "./archive.js";
import { readArchive } from "./archive.js";
import type { BaseFiles } from "./base-documents.js";
import { isJsonData } from "./base-documents.js";
import type { BuildError, Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { readDirectory } from "./directory.js";
import { limits, matters } from "./limits.js";
import type { Compiled } from "./read-compiled.js";
import { readCompiled } from "./read-compiled.js";
import { readJson } from "./read-json.js";
import type { Files } from "./toolchain.js";

/** What was found at a path: Rego to compile, or a bundle that is compiled already. */
export type Read =
  | {
      readonly kind: "source";
      readonly files: Files;
      /** What the JSON data files hold, where there are some: reading 25 MB twice takes a second. */
      readonly base?: BaseFiles;
    }
  | Compiled;

/** Reads a bundle directory, a `.tar.gz` or a single Rego file. Never rejects for what is in it. */
export async function readBundle(path: string): Promise<Read | Rejected> {
  const found = await readEntries(path);
  return found.kind === "rejected" ? found : interpret(found.entries);
}

/**
 * Reads the files of a bundle directory, a `.tar.gz` or a single Rego file, and asks nothing of what is in them: who
 * verifies a signature does it before {@link interpret}. Never rejects.
 */
export async function readEntries(
  path: string,
): Promise<{ readonly kind: "read"; readonly entries: Entries } | Rejected> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) return await readDirectory(path);
    if (facts.size > limits.archiveBytes) return rejected("bundle_too_large", "the file is too large", path);
    if (path.endsWith(".rego")) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      return { kind: "read", entries: new Map([[name, await readFile(path)]]) };
    }
    return await readArchive(await readFile(path));
  } catch (error) {
    const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
    const message = code === "ENOENT" ? "there is no such file or directory" : `it can't be read (${code})`;
    return rejected("bundle_unreadable", `${path}: ${message}`);
  }
}

/** Sorts the entries of a bundle out; JSON is checked strictly here, where row and column can be told. */
export function interpret(entries: Entries): Read | Rejected {
  const files = Object.create(null) as Record<string, string>;
  const errors: BuildError[] = [];
  const base = new Map<string, Json>();
  const modules = [...entries.keys()].filter(isModule);
  let total = 0;
  for (const [place, bytes] of entries) {
    if (/\.manifest(?:\.pb)?$/.test(place) && place !== ".manifest")
      return rejected("bundle_manifest", "a bundle has one manifest, /.manifest, and it is JSON", place);
    if (place === "patch.json" || place.endsWith("/patch.json"))
      return rejected("delta_base", "a delta bundle needs the bundle that it is about", place);
    if (!matters(place) || isModule(place)) continue;
    total += bytes.byteLength;
    if (total > limits.totalBytes)
      return rejected("bundle_too_large", "the files are too large together", place);
    const text = decode(bytes);
    if (text === undefined) {
      errors.push({ code: "invalid_utf8", message: "the file is not valid UTF-8", file: place });
      continue;
    }
    if (place.endsWith(".json") || place === ".manifest") {
      const read = readJson(place, text);
      if (read.kind === "rejected") errors.push(...read.errors);
      else if (isJsonData(place)) base.set(place, read.document);
    }
    files[place] = text;
  }
  if (errors.length > 0) return { kind: "rejected", errors };
  if (modules.length > 0) return readCompiled(entries, files, modules, base);
  return { kind: "source", files, ...(base.size === 0 ? {} : { base }) };
}

/** A compiled module is known by its file's name, in any folder. */
function isModule(place: string): boolean {
  return place === "policy.wasm" || place.endsWith("/policy.wasm");
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
