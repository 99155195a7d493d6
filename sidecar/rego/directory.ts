import type { Dirent } from "node:fs";
import { readFile, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import type { Entries } from "./archive.js";
import type { Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { createPlaces, limits, matters, placeIn, signaturesFile } from "./limits.js";

export interface DirectoryOptions {
  /** Bytes of all files, at most and unless told `limits.totalBytes`. */
  readonly maxBytes?: number;
  /** All files are wanted, as they are to be signed; else that is so where `.signatures.json` is there. */
  readonly all?: boolean;
}

/**
 * Gives the files of a directory by their place in it: those that matter to a bundle only, or, where it is signed, all of
 * them, as the signature speaks of all. Hidden files and folders are left out, `.manifest` and `.signatures.json` at the
 * root excepted. A link is followed only where it ends inside the directory, as Kubernetes mounts configuration that way;
 * any other is refused.
 */
export async function readDirectory(
  root: string,
  { maxBytes = limits.totalBytes, all }: DirectoryOptions = {},
): Promise<{ readonly kind: "read"; readonly entries: Entries } | Rejected> {
  const top = await realpath(root);
  const entries = new Map<string, Uint8Array>();
  const places = createPlaces();
  const most = Math.min(maxBytes, limits.totalBytes);
  const signed =
    all ??
    (await stat(join(top, signaturesFile)).then(
      () => true,
      () => false,
    ));
  const wanted = (place: string): boolean => signed || matters(place);
  let total = 0;

  const visit = async (folder: string, depth: number): Promise<Rejected | undefined> => {
    if (depth > limits.depth) return rejected("bundle_path", "the folders are nested too deeply", folder);
    const found = await readdir(join(top, folder), { withFileTypes: true });
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const item of found) {
      const place = folder === "" ? item.name : `${folder}/${item.name}`;
      if (item.name.startsWith(".") && place !== ".manifest" && place !== signaturesFile) continue;
      const problem = await take(place, item, depth);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };

  const take = async (place: string, item: Dirent, depth: number): Promise<Rejected | undefined> => {
    let folder = item.isDirectory();
    let file = item.isFile();
    if (item.isSymbolicLink()) {
      const target = await realpath(join(top, place)).catch(() => undefined);
      if (target === undefined || !target.startsWith(top + sep)) {
        return wanted(place) || target !== undefined
          ? rejected("bundle_link", "a link leads out of the directory", place)
          : undefined;
      }
      const facts = await stat(target);
      folder = facts.isDirectory();
      file = facts.isFile();
    }
    if (folder) return visit(place, depth + 1);
    if (!wanted(place)) return undefined;
    if (!file) return rejected("bundle_entry", "it is neither a file nor a folder", place);
    if (placeIn(place) !== place)
      return rejected("bundle_path", "a file's name has characters that no bundle may hold", place);
    const problem = places.take(place, "file");
    if (problem !== undefined) return rejected("bundle_duplicate", problem, place);
    const tooLarge = (size: number): boolean => size > limits.fileBytes || total + size > most;
    if (tooLarge((await stat(join(top, place))).size) || entries.size >= limits.files) {
      return rejected("bundle_too_large", "the directory holds more than a bundle may", place);
    }
    const bytes = await readFile(join(top, place));
    // it may have grown since
    if (tooLarge(bytes.byteLength))
      return rejected("bundle_too_large", "the directory holds more than a bundle may", place);
    total += bytes.byteLength;
    entries.set(place, bytes);
    return undefined;
  };

  return (await visit("", 0)) ?? { kind: "read", entries };
}
