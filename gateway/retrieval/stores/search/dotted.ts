/** To the store `{"a.b": 1}` and `{"a": {"b": 1}}` are one; to who looks at a document they must be, too. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../config.js";

/** The paths on which anything depends. */
function pathsOf({ fields, hidden, text }: CollectionConfig): readonly (readonly string[])[] {
  return [
    ...[...fields.values()].map(({ path }) => path),
    ...hidden.map((path) => path.split(".")),
    ...(text === undefined ? [] : [text]),
  ];
}

/**
 * Whether a document writes one of a collection's fields in another way than it is configured to be written.
 * INVARIANT: of such a document, what is read at the configured path isn't what the store's filter sees.
 */
export function writesOtherwise(document: JsonObject, collection: CollectionConfig): boolean {
  return pathsOf(collection).some((path) => ways(document, path.join(".").split("."), path));
}

/** Gives a document whose fields stand where they are configured; one that stands in two ways has no value. */
export function plainly(document: JsonObject, collection: CollectionConfig): JsonObject {
  if (!writesOtherwise(document, collection)) return document;
  let out = document;
  for (const path of pathsOf(collection)) {
    const values = [...valuesAt(document, path.join(".").split("."), false)];
    const own = ownAt(document, path);
    if (values.length === 0 || (values.length === 1 && own !== undefined)) continue;
    const [first = null] = values;
    out = place(out, path, values.length === 1 ? first : null);
  }
  return out;
}

function ways(document: JsonObject, names: readonly string[], path: readonly string[]): boolean {
  const found = [...valuesAt(document, names, true)].length;
  return found > (ownAt(document, path) === undefined ? 0 : 1);
}

function ownAt(document: JsonObject, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined),
    document,
  );
}

/** What a path means to the store: each way to cut it into keys, of each element of a list. */
function* valuesAt(value: Json, names: readonly string[], lists: boolean): Generator<Json> {
  if (names.length === 0) {
    yield value;
    return;
  }
  if (Array.isArray(value)) {
    if (lists) for (const one of value) if (isObject(one)) yield* valuesAt(one, names, lists);
    return;
  }
  if (!isObject(value)) return;
  for (let length = 1; length <= names.length; length++) {
    const key = names.slice(0, length).join(".");
    if (!Object.hasOwn(value, key)) continue;
    const inner = value[key];
    if (inner !== undefined) yield* valuesAt(inner, names.slice(length), lists);
  }
}

function place(document: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [key = "", ...rest] = path;
  const out = Object.assign(Object.create(null) as JsonObject, document);
  const inner = Object.hasOwn(out, key) ? out[key] : undefined;
  out[key] = rest.length === 0 ? value : place(isObject(inner) ? inner : {}, rest, value);
  return out;
}
