/** Reads an OpenAPI document's text: JSON or YAML, of bounded size, without anything outside of itself. */
import yaml from "js-yaml";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, parseJson } from "../../../sidecar/contract.js";

/** Why a document can't be used; of its own words, names of operations and places only. */
export class OpenApiRefused extends Error {
  override readonly name = "OpenApiRefused";
}

const deepest = 128;
/** Values in a document, those that YAML's aliases repeat counted each time. */
const mostValues = 2_000_000;

/** Parses a document. @throws OpenApiRefused where it is none, too deep, or too large when written out */
export function parseDocument(text: string): JsonObject {
  let value: unknown;
  try {
    // JSON is YAML, too, but only here are numbers and duplicate keys read as anywhere else
    value = /^\s*\{/.test(text)
      ? parseJson(text, { depth: deepest })
      : yaml.load(text, { schema: yaml.CORE_SCHEMA });
  } catch {
    throw new OpenApiRefused("the document is neither JSON nor YAML, or says a key twice");
  }
  const plain = copyOf(value);
  if (!isObject(plain)) throw new OpenApiRefused("the document isn't an object");
  return plain;
}

/** Copies what was parsed into plain JSON; numbers become doubles, which schemas are made of. */
function copyOf(document: unknown): Json {
  let left = mostValues;
  const copy = (value: unknown, depth: number): Json => {
    if (--left < 0) throw new OpenApiRefused(`the document holds more than ${mostValues} values`);
    // YAML can hold an object that holds itself
    if (depth > deepest) throw new OpenApiRefused(`the document is nested deeper than ${deepest} levels`);
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (value instanceof JsonNumber) return finite(value.valueOf());
    if (typeof value === "number") return finite(value);
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
    if (typeof value !== "object") throw new OpenApiRefused("the document holds what JSON can't");
    const out = Object.create(null) as JsonObject;
    for (const [key, member] of Object.entries(value)) out[key] = copy(member, depth + 1);
    return out;
  };
  return copy(document, 0);
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new OpenApiRefused("the document holds a number beyond all bounds");
  return value;
}
