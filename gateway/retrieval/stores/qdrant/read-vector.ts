import type { Json } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import { readId } from "./read-id.js";
import { type Facts, list, members, number, text, unread } from "../strict.js";

/** Numbers of one vector, whatever the collection's limit is. */
const mostNumbers = 1_000_000;

/**
 * Reads what is searched by (documentation, Search, Query API): a vector, a sparse one, several, the id of a point, or
 * what the store embeds itself.
 */
export function readVectorInput(value: Json | undefined, facts: Facts): void {
  if (typeof value === "number" || typeof value === "string") {
    facts.kind("ids");
    facts.examples.add(readId(value, "the point that is searched by"));
    return;
  }
  readVector(value, facts);
}

/** As {@link readVectorInput}, but no id. */
export function readVector(value: Json | undefined, facts: Facts): void {
  if (Array.isArray(value)) {
    const [first] = value;
    if (Array.isArray(first)) {
      let dimensions = 0;
      for (const one of list(value, "vector", 10_000)) dimensions = Math.max(dimensions, readNumbers(one));
      return facts.searched("vector", value, dimensions);
    }
    return facts.searched("vector", value, readNumbers(value));
  }
  if (!isObject(value)) return unread("invalid_request", "a vector must be a list of numbers, or an object");
  if (Object.hasOwn(value, "indices")) {
    const { indices, values } = members(value, ["indices", "values"], "a sparse vector");
    readNumbers(indices);
    readNumbers(values);
    return facts.searched("sparse", value);
  }
  const kind = ["text", "image", "object"].find((one) => Object.hasOwn(value, one)) ?? "text";
  const given = members(value, [kind, "model", "options"], "what is embedded");
  text(given["model"], "model", 256);
  if (kind === "text") text(given["text"], "text", 1_000_000);
  facts.searched("text", value);
}

function readNumbers(value: Json | undefined): number {
  const numbers = list(value, "vector", mostNumbers);
  for (const one of numbers) number(one, "a vector's member");
  return numbers.length;
}

/** Reads the vectors of a point that is written: one, or several by their names. */
export function readVectors(value: Json | undefined, facts: Facts): void {
  const embedded = ["text", "image", "object"];
  if (isObject(value) && !embedded.some((name) => Object.hasOwn(value, name))) {
    for (const name of Object.keys(value)) readVector(value[name], facts);
    return;
  }
  if (isObject(value) && !Object.hasOwn(value, "model")) {
    // named `text`, `image` or `object`
    for (const name of Object.keys(value)) readVector(value[name], facts);
    return;
  }
  readVector(value, facts);
}
