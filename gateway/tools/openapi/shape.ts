/** What a parameter's text stands for, by its schema: text itself has no type. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { OpenApiRefused } from "./parse-document.js";

export type Scalar = "string" | "integer" | "number" | "boolean";

export type Shape =
  | { readonly kind: "scalar"; readonly types: ReadonlySet<Scalar> }
  | { readonly kind: "list"; readonly types: ReadonlySet<Scalar> }
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, Shape> };

/** How deep schemas are looked into for their type. */
const deepest = 16;

/**
 * Finds out what a schema of a bundle describes.
 * @throws OpenApiRefused where text could be more than one kind of thing, or a thing within a thing
 */
export function shapeOf(schema: JsonObject, defs: JsonObject): Shape {
  const types = typesOf(schema, defs, 0);
  // there is no text for null
  types.delete("null");
  if (types.has("array")) {
    if (types.size > 1) throw new OpenApiRefused("a parameter may be a list or something else");
    const items = find(schema, defs, "items", 0);
    return { kind: "list", types: scalars(isObject(items) ? typesOf(items, defs, 0) : new Set(["string"])) };
  }
  if (types.has("object")) {
    if (types.size > 1) throw new OpenApiRefused("a parameter may be an object or something else");
    const properties = find(schema, defs, "properties", 0);
    const members = new Map<string, Shape>();
    for (const [name, member] of Object.entries(isObject(properties) ? properties : {})) {
      const shape = isObject(member) ? shapeOf(member, defs) : undefined;
      if (shape === undefined || shape.kind === "object")
        throw new OpenApiRefused("a parameter is an object of objects");
      members.set(name, shape);
    }
    if (members.size === 0) throw new OpenApiRefused("a parameter is an object without properties");
    return { kind: "object", members };
  }
  return { kind: "scalar", types: scalars(types) };
}

function scalars(types: ReadonlySet<string>): ReadonlySet<Scalar> {
  const out = new Set<Scalar>();
  for (const type of types) {
    if (type === "null") continue;
    if (type !== "string" && type !== "integer" && type !== "number" && type !== "boolean")
      throw new OpenApiRefused("a parameter is a list of lists or objects");
    out.add(type);
  }
  return out.size === 0 ? new Set(["string"]) : out;
}

/** The types that a schema allows, as far as it says so; text where it doesn't. */
function typesOf(schema: JsonObject, defs: JsonObject, depth: number): Set<string> {
  const said = saidTypes(schema, defs, depth);
  return said ?? new Set(["string"]);
}

function saidTypes(schema: JsonObject, defs: JsonObject, depth: number): Set<string> | undefined {
  if (depth > deepest) throw new OpenApiRefused("a parameter's schema is nested too deeply");
  const { type, const: only, enum: choices } = schema;
  if (typeof type === "string") return new Set([type]);
  if (Array.isArray(type)) return new Set(type.filter((one) => typeof one === "string"));
  if (only !== undefined) return new Set([typeName(only)]);
  if (Array.isArray(choices)) return new Set(choices.map(typeName));
  const target = targetOf(schema, defs);
  if (target !== undefined) {
    const there = saidTypes(target, defs, depth + 1);
    if (there !== undefined) return there;
  }
  for (const part of partsOf(schema["allOf"])) {
    const there = saidTypes(part, defs, depth + 1);
    if (there !== undefined) return there;
  }
  const choicesOf = [...partsOf(schema["anyOf"]), ...partsOf(schema["oneOf"])];
  if (choicesOf.length > 0) return new Set(choicesOf.flatMap((part) => [...typesOf(part, defs, depth + 1)]));
  if (schema["items"] !== undefined) return new Set(["array"]);
  return schema["properties"] === undefined ? undefined : new Set(["object"]);
}

/** Finds a keyword in a schema or in those that it is made of. */
function find(schema: JsonObject, defs: JsonObject, word: string, depth: number): Json | undefined {
  if (schema[word] !== undefined || depth > deepest) return schema[word];
  const target = targetOf(schema, defs);
  const parts = [
    ...(target === undefined ? [] : [target]),
    ...["allOf", "anyOf", "oneOf"].flatMap((list) => partsOf(schema[list])),
  ];
  for (const part of parts) {
    const found = find(part, defs, word, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function targetOf({ $ref }: JsonObject, defs: JsonObject): JsonObject | undefined {
  const target = typeof $ref === "string" ? defs[$ref.slice("#/$defs/".length)] : undefined;
  return isObject(target) ? target : undefined;
}

function partsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function typeName(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return isObject(value) ? "object" : typeof value === "object" ? "number" : typeof value;
}
