import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson } from "../../sidecar/contract.js";

/**
 * Reads the arguments of a call, which come as JSON text, or from some servers as the object itself; a model that gave
 * none wrote nothing. Undefined where they aren't one object, or are ambiguous.
 */
export function readArguments(given: Json | undefined): JsonObject | undefined {
  if (given === undefined || given === null) return {};
  if (isObject(given)) return given;
  if (typeof given !== "string") return undefined;
  if (given.trim() === "") return {};
  try {
    const value = parseJson(given);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
