/** Follows references within one document. INVARIANT: nothing outside the document is ever read. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { OpenApiRefused } from "./parse-document.js";

/** The longest chain of references. */
const longest = 32;

/** Gives what a reference points at. @throws OpenApiRefused where that is outside the document, or nothing */
export function lookUp(document: JsonObject, ref: string): Json {
  if (!ref.startsWith("#/")) throw new OpenApiRefused("a $ref leads out of the document");
  let at: Json | undefined = document;
  for (const part of ref.slice(2).split("/")) {
    const name = decode(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) at = /^(?:0|[1-9][0-9]{0,6})$/.test(name) ? at[Number(name)] : undefined;
    else at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
    if (at === undefined) throw new OpenApiRefused("a $ref leads nowhere");
  }
  return at;
}

/** Follows references until there is none. @throws OpenApiRefused also where they go round in a circle */
export function follow(document: JsonObject, value: Json | undefined): JsonObject {
  let at = value;
  for (let i = 0; i < longest; i++) {
    if (!isObject(at)) throw new OpenApiRefused("an object is missing");
    const ref: Json | undefined = at["$ref"];
    if (typeof ref !== "string") return at;
    at = lookUp(document, ref);
  }
  throw new OpenApiRefused("references go round in a circle");
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new OpenApiRefused("a $ref isn't a JSON pointer");
  }
}
