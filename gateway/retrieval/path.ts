/** Reads and writes what stands at a path, member by member: of objects only, never of lists. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";

/** Gives what stands at a path; undefined where the path leads through what is no object, or nowhere. */
export function at(value: Json | undefined, path: readonly string[]): Json | undefined {
  let found = value;
  for (const key of path) {
    if (!isObject(found) || !Object.hasOwn(found, key)) return undefined;
    found = found[key];
  }
  return found;
}

/** Gives a copy with a value at a path; `undefined` takes what is there away. Undefined where the path leads through what is no object. */
export function put(
  document: JsonObject,
  path: readonly string[],
  value: Json | undefined,
): JsonObject | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return undefined;
  const out = Object.assign(Object.create(null) as JsonObject, document);
  if (rest.length === 0) {
    if (value === undefined) delete out[key];
    else out[key] = value;
    return out;
  }
  const inner = Object.hasOwn(out, key) ? out[key] : value === undefined ? undefined : {};
  if (inner === undefined) return document;
  const done = isObject(inner) ? put(inner, rest, value) : undefined;
  if (done === undefined) return undefined;
  out[key] = done;
  return out;
}
