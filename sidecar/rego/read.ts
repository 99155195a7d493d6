import { readFile, stat } from "node:fs/promises";
import type { Json } from "../contract.js";
import { JsonRefused, parseJson } from "../contract.js";
import type { Entries } from "./archive.js";
import { readArchive } from "./archive.js";
import type { BaseFiles } from "./base-documents.js";
import { isJsonData } from "./base-documents.js";
import type { BuildError, BuiltBundle, Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { readDirectory } from "./directory.js";
import { limits, matters } from "./limits.js";
import { readCompiled } from "./read-compiled.js";

/** What was found at a path: Rego to compile, or a bundle that is compiled already. */
export type Read =
  | {
      readonly kind: "source";
      readonly files: Readonly<Record<string, string>>;
      /** What the JSON data files hold, where there are some: reading 25 MB twice takes a second. */
      readonly base?: BaseFiles;
    }
  | { readonly kind: "compiled"; readonly bundle: BuiltBundle };

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
    return readArchive(await readFile(path));
  } catch (error) {
    const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
    const message = code === "ENOENT" ? "there is no such file or directory" : `it can't be read (${code})`;
    return rejected("bundle_unreadable", `${path}: ${message}`);
  }
}

/** Sorts the entries of a bundle out; JSON is checked strictly here, where row and column can be told. */
export function interpret(entries: Entries): Read | Rejected {
  const files: Record<string, string> = {};
  const errors: BuildError[] = [];
  const base = new Map<string, Json>();
  let total = 0;
  for (const [place, bytes] of entries) {
    if (!matters(place) || place.endsWith("policy.wasm")) continue;
    total += bytes.byteLength;
    if (total > limits.totalBytes)
      return rejected("bundle_too_large", "the files are too large together", place);
    const text = decode(bytes);
    if (text === undefined) {
      errors.push({ code: "invalid_utf8", message: "the file is not valid UTF-8", file: place });
      continue;
    }
    if (place.endsWith("patch.json"))
      return rejected("bundle_delta", "delta bundles are not supported", place);
    if (place.endsWith(".json") || place === ".manifest") {
      const read = readJson(place, text);
      if (read.kind === "rejected") errors.push(...read.errors);
      else if (isJsonData(place)) base.set(place, read.document);
    }
    files[place] = text;
  }
  if (errors.length > 0) return { kind: "rejected", errors };
  const modules = [...entries.keys()].filter((place) => place.endsWith("policy.wasm"));
  if (modules.length > 0) return readCompiled(entries, files, modules, base);
  return { kind: "source", files, ...(base.size === 0 ? {} : { base }) };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Reads JSON strictly; what is wrong is told with its row and column. */
export function readJson(
  file: string,
  text: string,
): { readonly kind: "read"; readonly document: Json } | Rejected {
  const refused = (error: Omit<BuildError, "file">): Rejected => ({
    kind: "rejected",
    errors: [{ ...error, file }],
  });
  try {
    const document = parseJson(text);
    if (typeof document === "object" && document !== null && !Array.isArray(document)) {
      return { kind: "read", document };
    }
    return refused({ code: "invalid_json", message: "the document must be an object", row: 1, col: 1 });
  } catch (error) {
    if (!(error instanceof JsonRefused)) throw error;
    const before = text.slice(0, error.offset).split("\n");
    return refused({
      code: error.code,
      message: error.message,
      row: before.length,
      col: (before.at(-1) ?? "").length + 1,
    });
  }
}
