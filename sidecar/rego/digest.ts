import { createHash } from "node:crypto";
import type { BuiltBundle } from "./bundle.js";

/** Gives the SHA-256 (hex) over all that a built bundle holds; each part is preceded by its length. */
export function digestOf(bundle: Omit<BuiltBundle, "digest">): string {
  const { wasm, more = [], manifest, data, entrypoints, rules } = bundle;
  return digestOfParts([
    wasm,
    ...more.flatMap((one) => [one.place, one.wasm, String(one.firstRule)]),
    JSON.stringify(manifest),
    data,
    JSON.stringify(entrypoints),
    JSON.stringify(rules),
  ]);
}

/** INVARIANT: no two lists of parts feed the hash the same bytes. */
export function digestOfParts(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    hash.update(`${typeof part === "string" ? Buffer.byteLength(part) : part.byteLength}:`);
    hash.update(part);
  }
  return hash.digest("hex");
}

/** Gives the SHA-256 (hex) of bytes. */
export function digestOfBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
