import type { Json, JsonObject } from "../contract.js";
import { isObject, parseJson, stringifyJson } from "../contract.js";

/** The documents of a bundle's JSON data files by their place, `a/data.json`; numbers keep their digits. */
export type BaseFiles = ReadonlyMap<string, Json>;

export function isJsonData(place: string): boolean {
  return /(^|\/)data\.json$/.test(place);
}

export function isYamlData(place: string): boolean {
  return /(^|\/)data\.ya?ml$/.test(place);
}

/**
 * Puts each data file at its folder. Undefined where two say different things of one path. The result shares parts with
 * the files.
 */
export function mergeBase(files: BaseFiles): JsonObject | undefined {
  const root = empty();
  // in whichever order they came, the same files give the same text
  for (const [place, document] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    let at: JsonObject = root;
    for (const segment of place.split("/").slice(0, -1)) {
      const next = Object.hasOwn(at, segment) ? at[segment] : (at[segment] = empty());
      if (!isObject(next)) return undefined;
      at = next;
    }
    if (!merge(at, document)) return undefined;
  }
  return root;
}

/**
 * Gives the text of the merged files. One file's text is taken as it is, as writing 25 MB anew takes two seconds.
 */
export function textOfBase(
  files: BaseFiles,
  texts: Readonly<Record<string, string>>,
  merged: JsonObject,
): string {
  const [place, ...others] = files.keys();
  if (place === undefined) return "{}";
  if (others.length > 0) return stringifyJson(merged);
  const folders = place.split("/").slice(0, -1);
  return `${folders.map((name) => `{${JSON.stringify(name)}:`).join("")}${texts[place]?.trim() ?? "{}"}${"}".repeat(folders.length)}`;
}

/** Merges base documents that are texts; undefined where they overlap. */
export function mergeTexts(one: string, other: string): string | undefined {
  if (other === "{}") return one;
  if (one === "{}") return other;
  const root = empty();
  return merge(root, parseJson(one)) && merge(root, parseJson(other)) ? stringifyJson(root) : undefined;
}

function merge(into: JsonObject, from: Json): boolean {
  if (!isObject(from)) return false;
  for (const [key, value] of Object.entries(from)) {
    if (!Object.hasOwn(into, key)) into[key] = value;
    else {
      const held = into[key];
      if (!isObject(held) || !merge(held, value)) return false;
    }
  }
  return true;
}

function empty(): JsonObject {
  return Object.create(null) as JsonObject;
}
