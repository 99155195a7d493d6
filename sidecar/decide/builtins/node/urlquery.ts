/** Queries of URLs. Source: OPA, v1/topdown/encoding.go; Go, net/url. */
import type { RegoValue } from "../../engine/value.js";
import { compareValues, objectOf, RegoObject } from "../../engine/value.js";
import type { Bytes } from "./bytes.js";
import { fromBytes, toBytes } from "./bytes.js";
import { keyText } from "../../engine/go-json.js";
import { BuiltinLimit } from "../limit.js";
import { fault, itemsOf, longestText, operandFault, stringOperand, typeFault } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";
import { toGo } from "./to-go.js";
import { escapePart, unescapePart } from "./url-escape.js";

const encode = (text: string): string => escapePart(toBytes(text), "query");

const valuesOf = (value: RegoValue): readonly string[] => {
  const values = typeof value === "string" ? [value] : itemsOf(value);
  if (values === undefined || values.some((item) => typeof item !== "string")) {
    throw operandFault(1, "values must be string, array[string], or set[string]");
  }
  return values as readonly string[];
};

const encodeObject: NodeBuiltin = (_context, object) => {
  if (!(object instanceof RegoObject)) throw typeFault(1, object, "object");
  const parameters = new Map(object.entries.map(([key, value]) => [keyText(key), valuesOf(value)]));
  const parts: string[] = [];
  let size = 0;
  for (const key of [...parameters.keys()].sort(compareValues)) {
    for (const value of parameters.get(key) ?? []) {
      size += (key.length + value.length) * 3;
      if (size > longestText) throw new BuiltinLimit("a string that is too long");
      parts.push(`${encode(key)}=${encode(value)}`);
    }
  }
  return parts.join("&");
};

/** Go's limit. */
const mostParameters = 10_000;

const decodeObject: NodeBuiltin = (_context, query) => {
  const parts = toBytes(stringOperand(query, 1)).split("&");
  if (parts.length > mostParameters) throw fault("number of URL query parameters exceeded limit");
  const found = new Map<Bytes, Bytes[]>();
  let wrong: unknown;
  for (const part of parts) {
    if (part.includes(";")) wrong = fault("invalid semicolon separator in query");
    else if (part !== "") {
      const equals = part.indexOf("=");
      try {
        const key = unescapePart(equals < 0 ? part : part.slice(0, equals), "query");
        const value = unescapePart(equals < 0 ? "" : part.slice(equals + 1), "query");
        const values = found.get(key) ?? [];
        values.push(value);
        found.set(key, values);
      } catch (error) {
        wrong ??= error;
      }
    }
  }
  if (wrong !== undefined) throw wrong;
  const entries: [string, string[]][] = [];
  for (const [key, values] of found) {
    const name = fromBytes(key);
    const texts = values.map(fromBytes).filter((text) => text !== toGo);
    if (name === toGo || texts.length < values.length) return toGo;
    entries.push([name, texts]);
  }
  return objectOf(entries);
};

export const urlquery: readonly (readonly [string, NodeBuiltin])[] = [
  ["urlquery.encode", (_context, text) => encode(stringOperand(text, 1))],
  ["urlquery.decode", (_context, text) => fromBytes(unescapePart(toBytes(stringOperand(text, 1)), "query"))],
  ["urlquery.encode_object", encodeObject],
  ["urlquery.decode_object", decodeObject],
];
