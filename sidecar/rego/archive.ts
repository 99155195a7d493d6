/** Reads `.tar.gz` in memory, strict about everything that a bundle has no need of. */
import type { Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { gunzipOne } from "./gunzip.js";
import { createPlaces, limits, placeIn } from "./limits.js";
import { Broken, block, longName, paxPath, readHeader } from "./tar-header.js";

export type Entries = ReadonlyMap<string, Uint8Array>;

export interface ReadOptions {
  /** Bytes of all that is unpacked, at most and unless told `limits.archiveBytes`. */
  readonly maxBytes?: number;
}

/**
 * Gives the files of an archive by their place in the bundle (`a/data.json`), those that mean nothing in a bundle, too.
 * Nothing is written to disk; the files share one buffer. One leading `/` or `./` is OPA's way to name the bundle's root
 * and is taken off. Whatever two readers of archives could understand differently is refused, and each thing by its name:
 * links, devices, sparse files, `..`, two names of one place, wrong check sums, what follows the end.
 */
export async function readArchive(
  bytes: Uint8Array,
  { maxBytes = limits.archiveBytes }: ReadOptions = {},
): Promise<{ readonly kind: "read"; readonly entries: Entries } | Rejected> {
  const most = Math.min(maxBytes, limits.archiveBytes);
  if (bytes.byteLength > most) return rejected("bundle_too_large", `the archive has more than ${most} bytes`);
  const unpacked = await gunzipOne(bytes, most);
  if (unpacked.kind === "rejected") return unpacked;
  try {
    return { kind: "read", entries: entriesOf(unpacked.bytes) };
  } catch (error) {
    if (error instanceof Broken) return rejected(error.code, error.message, error.entry);
    throw error;
  }
}

/** What isn't a file, a folder, or a header of one; anything else is of a kind that nobody knows. */
const refused: Readonly<Record<string, readonly [code: string, what: string]>> = {
  "1": ["bundle_link", "a hard link"],
  "2": ["bundle_link", "a symbolic link"],
  K: ["bundle_link", "a link"],
  "3": ["bundle_entry", "a device"],
  "4": ["bundle_entry", "a device"],
  "6": ["bundle_entry", "a pipe"],
  S: ["bundle_entry", "a sparse file"],
};

function entriesOf(tar: Uint8Array): Entries {
  const entries = new Map<string, Uint8Array>();
  const places = createPlaces();
  let name: string | undefined;
  let headers = 0;
  let at = 0;
  for (;;) {
    const bytes = tar.subarray(at, at + block);
    if (bytes.byteLength < block)
      throw new Broken("bundle_truncated", "the archive ends without an end mark");
    if (isZero(bytes)) {
      if (name !== undefined)
        throw new Broken("bundle_truncated", "the archive ends where a file should follow", name);
      if (!isZero(tar.subarray(at)))
        throw new Broken("bundle_trailing", "something follows the end of the archive");
      return entries;
    }
    if (++headers > limits.headers) {
      throw new Broken("bundle_too_large", `there are more than ${limits.headers} entries`);
    }
    const header = readHeader(bytes);
    const start = at + block;
    const end = start + header.size;
    if (end > tar.byteLength)
      throw new Broken("bundle_truncated", "the archive ends in mid-entry", header.name);
    const body = tar.subarray(start, end);
    at = start + Math.ceil(header.size / block) * block;

    const { type } = header;
    if (type === "x" || type === "L") {
      if (header.size > limits.headerBytes) throw new Broken("bundle_too_large", "a header is too large");
      const told = type === "x" ? paxPath(body) : longName(body);
      if (told !== undefined && name !== undefined) {
        throw new Broken("bundle_archive", "an entry is given its name twice", told);
      }
      name = told ?? name;
      continue;
    }
    if (type === "g") {
      // facts about the whole archive (git archive writes its commit there): no reader agrees with another on a name in it
      if (header.size > limits.headerBytes) throw new Broken("bundle_too_large", "a header is too large");
      const told = paxPath(body);
      if (told !== undefined)
        throw new Broken("bundle_archive", "a pax header names all entries at once", told);
      continue;
    }
    const raw = name ?? header.name;
    name = undefined;
    if (type === "5") {
      if (header.size > 0) throw new Broken("bundle_entry", "a folder has a body", raw);
      take(raw.replace(/^\.?\/?$|\/$/, ""), "folder", raw);
      continue;
    }
    if (type !== "0") {
      const [code, what] = refused[type] ?? ["bundle_entry", "neither a file nor a folder"];
      throw new Broken(code, `an entry is ${what}`, raw);
    }
    if (header.size > limits.fileBytes) throw new Broken("bundle_too_large", "a file is too large", raw);
    entries.set(take(raw, "file", raw), body);
    if (entries.size > limits.files) {
      throw new Broken("bundle_too_large", `there are more than ${limits.files} files`);
    }
  }

  function take(path: string, kind: "file" | "folder", raw: string): string {
    if (path === "" && kind === "folder") return path;
    const place = placeIn(path);
    if (place === undefined) {
      throw new Broken("bundle_path", "an entry's name leads out of the bundle, or is too long", raw);
    }
    const problem = places.take(place, kind);
    if (problem !== undefined) throw new Broken("bundle_duplicate", problem, place);
    return place;
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.byteLength; i++) if (bytes[i] !== 0) return false;
  return true;
}
