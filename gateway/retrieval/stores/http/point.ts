/** Writes at JSON pointers; members of objects only, never of lists. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { Pointer } from "./mapping.js";

/** Gives a copy with a value at a pointer, and objects on the way; `undefined` takes what is there away. */
export function set(value: Json | undefined, pointer: Pointer, to: Json | undefined): Json | undefined {
  const [name, ...rest] = pointer;
  if (name === undefined) return to;
  const out: JsonObject = Object.assign(Object.create(null) as JsonObject, isObject(value) ? value : {});
  const inner = Object.hasOwn(out, name) ? out[name] : undefined;
  if (to === undefined && inner === undefined) return out;
  const done = set(inner, rest, to);
  if (done === undefined) delete out[name];
  else out[name] = done;
  return out;
}

/** Gives the rest of a pointer within another's value; undefined where it doesn't lead through it. */
export function within(pointer: Pointer, outer: Pointer): Pointer | undefined {
  return outer.every((name, i) => pointer[i] === name) ? pointer.slice(outer.length) : undefined;
}
