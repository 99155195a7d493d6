import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { FoundItem } from "../adapter.js";
import type { CollectionConfig } from "../config.js";
import { at, put } from "../path.js";

/** Stands where a text was. */
const masked = "***";

/** The names under which policy means what a document says. */
export const texts: ReadonlySet<string> = new Set(["text", "content"]);

/** Takes the store's paths that nobody may see out of a document; a text that stands at one of them, too. */
export function withoutHidden(
  item: FoundItem,
  hidden: readonly string[],
  collection: CollectionConfig | undefined,
): FoundItem {
  let { metadata } = item;
  for (const path of hidden) metadata = without(metadata, path.split("."));
  const place = collection?.text?.join(".");
  const { text, ...others } = item;
  if (text !== undefined && place !== undefined && hidden.some((path) => holdsPlace(path, place)))
    return { ...others, metadata };
  return metadata === item.metadata ? item : { ...item, metadata };
}

function holdsPlace(path: string, place: string): boolean {
  return path === place || place.startsWith(`${path}.`);
}

/** Masks fields by their configured names; undefined where one isn't known, so that nothing stays by a slip of the pen. */
export function maskItem(
  item: FoundItem,
  names: readonly string[],
  collection: CollectionConfig | undefined,
): FoundItem | undefined {
  let out = item;
  for (const name of names) {
    const path = collection?.fields.get(name)?.path;
    if (path !== undefined) out = { ...out, metadata: cover(out.metadata, path) };
    else if (!texts.has(name)) return undefined;
    const place = collection?.text;
    // what a document says may be a field, too
    const isText = path !== undefined && place !== undefined && holdsPlace(path.join("."), place.join("."));
    if (!texts.has(name) && !isText) continue;
    const { text, ...others } = out;
    out = {
      ...(text === undefined ? others : { ...others, text: masked }),
      ...(place === undefined ? {} : { metadata: cover(out.metadata, place) }),
    };
  }
  return out;
}

/** A text is covered, anything else is taken out; however else a store spells the path, it is taken out. */
function cover(metadata: JsonObject, path: readonly string[]): JsonObject {
  const found = at(metadata, path);
  const left = without(metadata, path);
  return typeof found === "string" ? (put(left, path, masked) ?? {}) : left;
}

/** A path's names may hold dots: all ways to read it are taken out. */
function without(metadata: JsonObject, path: readonly string[]): JsonObject {
  let out = metadata;
  for (let length = path.length; length > 0; length--) {
    const key = path.slice(0, length).join(".");
    if (!Object.hasOwn(out, key)) continue;
    const rest = path.slice(length);
    const inner = out[key];
    if (rest.length === 0) out = put(out, [key], undefined) ?? out;
    else if (isObject(inner)) out = put(out, [key], without(inner, rest)) ?? out;
    else if (Array.isArray(inner))
      out =
        put(
          out,
          [key],
          inner.map((one) => (isObject(one) ? without(one, rest) : one)),
        ) ?? out;
  }
  return out;
}
