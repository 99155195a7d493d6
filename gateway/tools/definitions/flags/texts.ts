import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";

/** Gives all text of a definition that a model or a person may read, each once: names of members, too, and not the dialects of schemas. */
export function textsOf(tool: JsonObject): ReadonlySet<string> {
  const texts = new Set<string>();
  const walk = (value: Json): void => {
    if (typeof value === "string") texts.add(value);
    else if (Array.isArray(value)) value.forEach(walk);
    else if (isObject(value)) {
      for (const [key, member] of Object.entries(value)) {
        if (key === "$schema" && typeof member === "string" && dialect.test(member)) continue;
        texts.add(key);
        walk(member);
      }
    }
  };
  walk(tool);
  return texts;
}

const dialect = /^https?:\/\/json-schema\.org\/[\w/.-]{1,40}#?$/;
