/** Keeps what detectors found in content: counts, and names that are no content. */
import { isObject } from "../contract.js";
import type { Json, JsonObject } from "../contract.js";

/** Kinds, roles, reasons, language codes, media types. */
const name = /^[a-z][a-z0-9_+./-]{0,47}$/;
const version = /^[A-Za-z0-9][A-Za-z0-9.+-]{0,31}$/;
const most = 64;

/** Keeps numbers, booleans and names; what is anything else, or deeper than the facts are, is left out. */
export function contentFacts(content: JsonObject): JsonObject {
  const { detectors, ...found } = content;
  const versions = Object.entries(isObject(detectors) ? detectors : {}).filter(
    ([key, value]) => name.test(key) && typeof value === "string" && version.test(value),
  );
  const out = countsOf(found, 5);
  if (versions.length > 0) out["detectors"] = Object.fromEntries(versions.slice(0, most));
  return out;
}

function countsOf(object: JsonObject, depth: number): JsonObject {
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(object).slice(0, most)) {
    if (!name.test(key)) continue;
    const kept = keep(value, depth);
    if (kept !== undefined) out[key] = kept;
  }
  return out;
}

function keep(value: Json, depth: number): Json | undefined {
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) {
    return value.filter((item) => typeof item === "string" && /^[a-z_]{1,32}$/.test(item)).slice(0, most);
  }
  return isObject(value) && depth > 1 ? countsOf(value, depth - 1) : undefined;
}
