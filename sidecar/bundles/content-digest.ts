import { createHash } from "node:crypto";
import type { Entries } from "../rego/archive.js";

const signatures = ".signatures.json";

/**
 * Gives the SHA-256 (hex) over the files of a bundle, in whichever order they came. Its signatures are left out: who signs the
 * same files anew makes no other bundle of them.
 */
export function digestOfEntries(entries: Entries): string {
  const hash = createHash("sha256");
  const files = [...entries].filter(([place]) => place !== signatures);
  for (const [place, bytes] of files.sort(([a], [b]) => (a < b ? -1 : 1))) {
    // INVARIANT: no two sets of files feed the hash the same bytes
    hash.update(`${Buffer.byteLength(place)}:${place}${bytes.byteLength}:`);
    hash.update(bytes);
  }
  return hash.digest("hex");
}

export function digestOfText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
