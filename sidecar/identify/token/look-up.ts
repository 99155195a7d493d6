import { isObject, type Json, type JsonObject } from "../../contract.js";
import type { ClaimPath, ClaimTest } from "./types.js";

/** Finds a claim; a step of the path through anything but an object finds null, a value of the wrong type. */
export function lookUp(payload: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = payload;
  for (const key of path) {
    if (value === undefined) return undefined;
    if (!isObject(value)) return null;
    value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

/** Tells whether a condition holds; null doesn't count as there, nor as absent. */
export function holds(payload: JsonObject, test: ClaimTest): boolean {
  const found = lookUp(payload, keysOf(test.claim));
  if (test.absent === true) return found === undefined;
  if (test.values !== undefined) return test.values.some((value) => value === found);
  if (found !== undefined && found !== null) return true;
  const other = test.or === undefined ? undefined : lookUp(payload, keysOf(test.or));
  return other !== undefined && other !== null;
}

export function keysOf(path: ClaimPath): readonly string[] {
  return typeof path === "string" ? path.split(".") : path;
}
