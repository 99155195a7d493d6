/** How much a bundle may hold. Memory is the reason: reading JSON takes some ten times its size. */
export const limits = {
  /** Bytes of an unpacked archive, its headers included. */
  archiveBytes: 128 * 2 ** 20,
  /** Bytes of all files that are read. */
  totalBytes: 112 * 2 ** 20,
  fileBytes: 96 * 2 ** 20,
  files: 10_000,
  /** Of an archive: files, folders, and the headers that speak of them. */
  headers: 40_000,
  /** Bytes of one header's body. */
  headerBytes: 64 * 2 ** 10,
  /** UTF-16 units of a name, folders included. */
  nameLength: 1_024,
  /** Levels of folders. */
  depth: 32,
} as const;

/**
 * Gives a name's place in the bundle, or undefined where it leads elsewhere. One leading `/` or `./` stands for the
 * bundle's root.
 */
export function placeIn(name: string): string | undefined {
  const place = name.replace(/^(\.\/|\/)/, "");
  const segments = place.split("/");
  const bad = segments.some((part) => part === "" || part === "." || part === "..");
  return bad ||
    place.length > limits.nameLength ||
    segments.length > limits.depth ||
    /[\\\u0000-\u001f\u007f]|^[A-Za-z]:/.test(place)
    ? undefined
    : place;
}

/** The signature of all other files. */
export const signaturesFile = ".signatures.json";

/** Says whether a file of this name means something in a bundle. */
export function matters(place: string): boolean {
  const name = place.slice(place.lastIndexOf("/") + 1);
  return (
    place === ".manifest" ||
    name === "policy.wasm" ||
    name === "patch.json" ||
    name === "data.json" ||
    name === "data.yaml" ||
    name === "data.yml" ||
    name.endsWith(".rego")
  );
}

/** The places that a bundle has taken; a folder is taken by what is in it. */
export interface Places {
  /** Gives what is wrong where the place isn't free. A folder may come twice. */
  take(place: string, kind: "file" | "folder"): string | undefined;
}

/**
 * Tells places apart as the least careful file system does: two names that differ only in case, or in how Unicode writes a
 * sign, are one, so that whoever unpacks a bundle sees the files that were verified.
 */
export function createPlaces(): Places {
  const taken = new Map<string, "file" | "folder">();
  const takeFolder = (folded: string): string | undefined => {
    const held = taken.get(folded);
    if (held === "file") return "a file and a folder have the same place";
    if (held === "folder") return undefined;
    taken.set(folded, "folder");
    const slash = folded.lastIndexOf("/");
    return slash === -1 ? undefined : takeFolder(folded.slice(0, slash));
  };
  return {
    take(place, kind) {
      const folded = fold(place);
      if (kind === "folder") return takeFolder(folded);
      const held = taken.get(folded);
      if (held === "folder") return "a file and a folder have the same place";
      if (held === "file") return "two files have the same place, or names that differ in case only";
      taken.set(folded, "file");
      const slash = folded.lastIndexOf("/");
      return slash === -1 ? undefined : takeFolder(folded.slice(0, slash));
    },
  };
}

function fold(place: string): string {
  // ASCII needs no more; the others by way of capitals, as `ſ` and `K` have the small letters `s` and `k`
  return /^[\u0000-\u007f]*$/.test(place)
    ? place.toLowerCase()
    : place.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
