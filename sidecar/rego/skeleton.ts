import type { Json, JsonObject } from "../contract.js";
import { isObject } from "../contract.js";

/** Packages that the toolchain generates: it refuses documents there. */
const reserved = ["countersign_index", "countersign_query", "countersign_filter", "countersign_twin"];

/**
 * Gives what the compiler must know of the base documents: whether something stands where a rule does, and whether all of
 * it lies under the bundle's roots. Values are left out, and so are keys that no Rego text holds: 25 MB of documents
 * would take all of the compiler's memory.
 *
 * INVARIANT: each key that a package or rule could be named by is kept; keeping others costs only memory.
 * @param sources texts of the Rego files
 */
export function skeletonOf(
  document: JsonObject,
  sources: readonly string[],
  roots: readonly string[],
): JsonObject {
  // within a template string other strings may stand, in which the search for strings could lose its way
  if (sources.some((text) => text.includes("\\") && /\$["`]/.test(text)))
    return bare(document, () => true, "");
  const names = new Set(reserved);
  for (const text of sources) namesIn(text, names);
  const within = (path: string): boolean =>
    roots.some((root) => root === "" || path === root || path.startsWith(`${root}/`));
  return bare(document, (key, path) => names.has(key) || !within(path), "");
}

function bare(from: JsonObject, keeps: (key: string, path: string) => boolean, path: string): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const key of Object.keys(from)) {
    const below = path === "" ? key : `${path}/${key}`;
    const value: Json | undefined = from[key];
    if (keeps(key, below)) out[key] = isObject(value) ? bare(value, keeps, below) : null;
  }
  return out;
}

/** Adds what could be a name: words, what strings hold, and what stands between any two quotes. */
function namesIn(text: string, into: Set<string>): void {
  for (const [word] of text.matchAll(/\w+/g)) into.add(word);
  for (const piece of text.split(/["`\n]/)) into.add(piece);
  for (const [token] of text.matchAll(/"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*/g)) {
    if (token.startsWith("`")) into.add(token.slice(1, -1));
    else if (token.startsWith('"') && token.includes("\\")) into.add(unquoted(token));
  }
}

function unquoted(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    return "";
  }
}
