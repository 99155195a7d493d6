import type { Json } from "../../contract.js";
import { isObject } from "../../contract.js";

/** Gives what lies at a path of objects' own members. */
export function valueAt(input: Json, path: readonly string[]): Json | undefined {
  let at: Json | undefined = input;
  for (const name of path)
    at = at !== undefined && isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return at;
}
