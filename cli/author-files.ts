/** Reads what an author's command works on, by the names that the author gave: OPA's loader then sorts it out. */
import { lstat, readFile, readdir, realpath, stat } from "node:fs/promises";
import { join, normalize, relative } from "node:path";
import { readGlob } from "../sidecar/bundles/signature/glob.js";
import type { AuthorError, AuthorFiles } from "../sidecar/rego/author.js";
import { limits } from "../sidecar/rego/limits.js";
import { UsageError } from "./main.js";

export type AuthorRead =
  | { readonly kind: "read"; readonly read: AuthorFiles }
  | { readonly kind: "rejected"; readonly errors: readonly AuthorError[] };

interface Options {
  readonly bundle?: boolean;
  readonly ignore?: readonly string[];
  /** Only Rego counts. */
  readonly onlyRego?: boolean;
}

/** Where a path of the command line leads: `a.b:FILE` has a prefix, which is a place in `data`. */
export function fileOf(given: string): string {
  const [, file = given] = /^[^:]+:(?!\/\/)(.+)$/s.exec(given) ?? [];
  return file.startsWith("file://") ? decodeURIComponent(new URL(file).pathname) : file;
}

/** Reads files and folders. Never rejects for what is in them. @throws UsageError for a pattern that is malformed */
export async function readAuthorFiles(paths: readonly string[], options: Options): Promise<AuthorRead> {
  const { ignore = [] } = options;
  const patterns = ignore.map((pattern) => {
    const glob = readGlob(pattern);
    if (glob === undefined) throw new UsageError(`--ignore: ${pattern} is no pattern`);
    return glob;
  });
  const files: Record<string, string> = Object.create(null) as Record<string, string>;
  const archives: Record<string, string> = Object.create(null) as Record<string, string>;
  const errors: AuthorError[] = [];
  let total = 0;
  let count = 0;

  const take = async (name: string): Promise<void> => {
    const bytes = await readFile(name);
    total += bytes.byteLength;
    count += 1;
    if (total > limits.totalBytes || count > limits.files) {
      throw new Refused(
        "bundle_too_large",
        "there is more than a bundle may hold; leave files out by --ignore",
        name,
      );
    }
    if (/\.(tar\.gz|wasm)$/.test(name)) {
      archives[name] = bytes.toString("base64");
      return;
    }
    try {
      files[name] = utf8.decode(bytes);
    } catch {
      errors.push({ code: "invalid_utf8", message: "the file is not valid UTF-8", file: name });
    }
  };

  const visit = async (name: string, depth: number, above: readonly string[]): Promise<void> => {
    if (depth > limits.depth) throw new Refused("bundle_path", "the folders are nested too deeply", name);
    const facts = await stat(name);
    if (!facts.isDirectory()) {
      if (facts.isFile() && (depth === 0 || counts(name, options))) await take(name);
      return;
    }
    const real = await realpath(name);
    if (above.includes(real))
      throw new Refused("bundle_link", "a link leads to a folder that it lies in", name);
    for (const item of (await readdir(name)).sort()) {
      const place = join(name, item);
      if (patterns.some((fits) => fits(item))) continue;
      // OPA's loader of bundles follows no links
      if (options.bundle === true && (await lstat(place)).isSymbolicLink()) continue;
      await visit(place, depth + 1, [...above, real]);
    }
  };

  for (const given of paths) {
    const path = fileOf(given);
    try {
      await visit(normalize(path), 0, []);
    } catch (error) {
      if (error instanceof Refused)
        errors.push({ code: error.code, message: error.message, file: error.file });
      else errors.push({ code: "", message: unreadable(path, error) });
    }
  }
  return errors.length > 0
    ? { kind: "rejected", errors }
    : { kind: "read", read: { paths: paths.map((path) => path), files, archives } };
}

class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly file: string,
  ) {
    super(message);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Says whether OPA's loader could want a file that lies in a folder. */
function counts(name: string, { bundle, onlyRego }: Options): boolean {
  if (name.endsWith(".rego")) return true;
  if (bundle === true) {
    return /(^|\/)(data\.(json|ya?ml)|\.manifest|\.signatures\.json|patch\.json|plan\.json|policy\.wasm)$/.test(
      name,
    );
  }
  return onlyRego !== true && /\.(json|ya?ml|tar\.gz)$/.test(name);
}

function unreadable(path: string, error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return code === "ENOENT"
    ? `stat ${path}: no such file or directory`
    : `${path} can't be read${code === "" ? "" : ` (${code})`}`;
}

/** Gives the schemas of `--schema FILE|FOLDER`. @throws UsageError where they can't be read */
export async function readSchemas(
  path: string | undefined,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (path === undefined) return undefined;
  const schemas: Record<string, unknown> = {};
  const take = async (file: string, place: string): Promise<void> => {
    try {
      schemas[place] = JSON.parse(await readFile(file, "utf8"));
    } catch (error) {
      throw new UsageError(
        `--schema: ${error instanceof SyntaxError ? `${file} is no JSON` : unreadable(file, error)}`,
      );
    }
  };
  const facts = await stat(path).catch((error: unknown) => {
    throw new UsageError(`--schema: ${unreadable(path, error)}`);
  });
  if (!facts.isDirectory()) await take(path, "");
  else {
    for (const item of await readdir(path, { recursive: true, withFileTypes: true })) {
      const file = join(item.parentPath, item.name);
      if (item.isFile()) await take(file, relative(path, file).replace(/\.[^./]*$/, ""));
    }
  }
  return schemas;
}

/** Gives the text of a capabilities file, or the name of a version. */
export async function readCapabilities(given: string | undefined): Promise<string | undefined> {
  return given === undefined ? undefined : readFile(given, "utf8").catch(() => given);
}
