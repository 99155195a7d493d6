/** Reads a bundle from a directory or a `.tar.gz` into memory; nothing is ever written to disk. */
import { createReadStream } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Parser } from "tar";
import type { ReadEntry } from "tar";
import type { Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";

/** Contents by path, `/` between segments, no leading slash. */
export type BundleFiles = ReadonlyMap<string, Uint8Array>;

export interface ReadLimits {
  /** Bytes of all files together; 256 MiB. */
  readonly bytes?: number;
  /** 10,000. */
  readonly files?: number;
}

/** A bundle that can't be read as it stands. */
class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly file?: string,
  ) {
    super(message);
  }
}

const wanted = /(?:\.rego|(?:^|\/)data\.(?:json|ya?ml)|^\.manifest|^policy\.wasm)$/;

/** Reads what belongs to a policy bundle; other files are passed over. Never rejects. */
export async function readBundle(
  path: string,
  { bytes = 256 * 2 ** 20, files = 10_000 }: ReadLimits = {},
): Promise<{ readonly kind: "read"; readonly files: BundleFiles } | Rejected> {
  const out = new Map<string, Uint8Array>();
  let size = 0;
  const take = (name: string, content: Uint8Array): void => {
    size += content.byteLength;
    if (size > bytes) throw new Refused("bundle_too_large", `the bundle holds more than ${bytes} bytes`);
    if (out.size >= files) throw new Refused("bundle_too_large", `the bundle holds more than ${files} files`);
    if (out.has(name)) throw new Refused("bundle_duplicate_entry", "the same file twice", name);
    out.set(name, content);
  };
  try {
    const stat = await lstat(path).catch(() => undefined);
    if (stat === undefined) return rejected("bundle_not_found", `there is no ${path}`);
    if (stat.isDirectory()) await readDirectory(path, path, take);
    else if (stat.isFile()) await readTar(path, bytes, take);
    else return rejected("bundle_not_found", `${path} is neither a directory nor a file`);
    return { kind: "read", files: out };
  } catch (error) {
    if (error instanceof Refused) return rejected(error.code, error.message, error.file);
    return rejected("bundle_unreadable", `${path} could not be read`);
  }
}

type Take = (name: string, content: Uint8Array) => void;

async function readDirectory(root: string, directory: string, take: Take): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    const name = relative(root, path).split(sep).join("/");
    // links could lead out of the bundle
    if (entry.isDirectory()) {
      if (!entry.name.startsWith(".")) await readDirectory(root, path, take);
    } else if (entry.isFile() && wanted.test(name)) take(name, await readFile(path));
  }
}

/** Checks each entry's name and kind before its content is looked at. */
async function readTar(path: string, limit: number, take: Take): Promise<void> {
  const failures: unknown[] = [];
  const seen = new Set<string>();
  let size = 0;
  const parser = new Parser({ strict: true, maxMetaEntrySize: 65_536 });
  parser.on("entry", (entry: ReadEntry) => {
    const chunks: Buffer[] = [];
    try {
      const name = entryName(entry);
      if (name !== undefined && seen.has(name))
        throw new Refused("bundle_duplicate_entry", "the same file twice", name);
      if (name !== undefined) seen.add(name);
      entry.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > limit) {
          failures.push(new Refused("bundle_too_large", `the bundle holds more than ${limit} bytes`));
          parser.abort(new Error("too large"));
          return;
        }
        if (name !== undefined && wanted.test(name)) chunks.push(chunk);
      });
      entry.on("end", () => {
        if (name === undefined || !wanted.test(name) || failures.length > 0) return;
        try {
          take(name, Buffer.concat(chunks));
        } catch (error) {
          failures.push(error);
        }
      });
    } catch (error) {
      failures.push(error);
      entry.resume();
    }
  });
  try {
    await pipeline(createReadStream(path), createGunzip(), parser as unknown as NodeJS.WritableStream);
  } catch (error) {
    throw (
      failures[0] ??
      new Refused(
        "bundle_unreadable",
        `${path} is not a well-formed .tar.gz`,
        (error as { tarCode?: string }).tarCode,
      )
    );
  }
  if (failures.length > 0) throw failures[0];
}

/** Gives an entry's name, or undefined for a directory. @throws Refused */
function entryName(entry: ReadEntry): string | undefined {
  const { path, type } = entry;
  if (path.startsWith("/") || /(?:^|\/)\.\.(?:\/|$)/.test(path) || /[\\\0]/.test(path)) {
    throw new Refused("bundle_bad_path", "a name that leads out of the bundle", path.slice(0, 100));
  }
  if (type === "Directory" || type === "GNUDumpDir") return undefined;
  if (type !== "File" && type !== "OldFile" && type !== "ContiguousFile") {
    throw new Refused("bundle_bad_entry", `entries of type ${type} are not taken`, path.slice(0, 100));
  }
  return path.replace(/^(?:\.\/)+/, "");
}
