/** How much a bundle may hold. Memory is the reason: reading JSON takes some ten times its size. */
export const limits = {
  /** Bytes of an unpacked archive, its headers included. */
  archiveBytes: 128 * 2 ** 20,
  /** Bytes of all files that are read. */
  totalBytes: 112 * 2 ** 20,
  fileBytes: 96 * 2 ** 20,
  files: 10_000,
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
  return bad || segments.length > limits.depth || /[\\\u0000-\u001f\u007f]|^[A-Za-z]:/.test(place)
    ? undefined
    : place;
}

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
