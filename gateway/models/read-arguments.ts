import type { JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson } from "../../sidecar/contract.js";

/**
 * Reads the arguments of a call, which come as JSON text; a model that gave none wrote nothing. Undefined where they
 * aren't one object, or are ambiguous.
 */
export function readArguments(text: string): JsonObject | undefined {
  if (text.trim() === "") return {};
  try {
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
