import type { Dirent } from "node:fs";
import { readFile, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import type { Entries } from "./archive.js";
import type { Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { limits, matters, placeIn } from "./limits.js";

/**
 * Gives the files of a directory by their place in it, those that matter to a bundle only. Hidden files and folders are
 * left out, `.manifest` at the root excepted. A link is followed only where it ends inside the directory, as Kubernetes
 * mounts configuration that way; any other is refused.
 */
export async function readDirectory(
  root: string,
): Promise<{ readonly kind: "read"; readonly entries: Entries } | Rejected> {
  const top = await realpath(root);
  const entries = new Map<string, Uint8Array>();
  let total = 0;

  const visit = async (folder: string, depth: number): Promise<Rejected | undefined> => {
    if (depth > limits.depth) return rejected("bundle_path", "the folders are nested too deeply", folder);
    const found = await readdir(join(top, folder), { withFileTypes: true });
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const item of found) {
      const place = folder === "" ? item.name : `${folder}/${item.name}`;
      if (item.name.startsWith(".") && place !== ".manifest") continue;
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
        return matters(place) || target !== undefined
          ? rejected("bundle_link", "a link leads out of the directory", place)
          : undefined;
      }
      const facts = await stat(target);
      folder = facts.isDirectory();
      file = facts.isFile();
    }
    if (folder) return visit(place, depth + 1);
    if (!file || !matters(place)) return undefined;
    if (placeIn(place) !== place)
      return rejected("bundle_path", "a file's name has characters that no bundle may hold", place);
    const facts = await stat(join(top, place));
    total += facts.size;
    if (facts.size > limits.fileBytes || total > limits.totalBytes || entries.size >= limits.files) {
      return rejected("bundle_too_large", "the directory holds more than a bundle may", place);
    }
    entries.set(place, await readFile(join(top, place)));
    return undefined;
  };

  return (await visit("", 0)) ?? { kind: "read", entries };
}
