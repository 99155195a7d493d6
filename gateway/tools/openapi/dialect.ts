/** What OpenAPI 3.0's schemas mean in JSON Schema 2020-12 (OpenAPI 3.0.4, section 4.7.24). */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { follow } from "./refs.js";

/** Words of 2020-12 that mean nothing in 3.0. */
const unknownInThirty = [
  ...["const", "prefixItems", "patternProperties", "propertyNames", "contains", "minContains", "maxContains"],
  ...[
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
  ],
];

/** Translates one level: `nullable`, boolean limits, and that nothing counts beside a `$ref`. */
export function translateThirty(schema: JsonObject): JsonObject {
  const { $ref } = schema;
  if (typeof $ref === "string") return { $ref };
  const out: JsonObject = { ...schema };
  for (const word of unknownInThirty) Reflect.deleteProperty(out, word);
  limit(out, "minimum", "exclusiveMinimum");
  limit(out, "maximum", "exclusiveMaximum");
  const { type, nullable } = schema;
  if (nullable === true && typeof type === "string") out["type"] = [type, "null"];
  return out;
}

function limit(schema: JsonObject, word: string, exclusive: string): void {
  const flag = schema[exclusive];
  const value = schema[word];
  if (typeof flag !== "boolean") return;
  Reflect.deleteProperty(schema, exclusive);
  if (!flag || value === undefined) return;
  Reflect.deleteProperty(schema, word);
  schema[exclusive] = value;
}

/** Tells whether a schema, or one that it is made of, names members: then the others have no name. */
export function saysMembers(
  document: JsonObject,
  schema: Json | undefined,
  seen = new Set<JsonObject>(),
): boolean {
  if (!isObject(schema)) return false;
  const at = typeof schema["$ref"] === "string" ? follow(document, schema) : schema;
  if (seen.has(at)) return false;
  seen.add(at);
  const says = (one: JsonObject): boolean => {
    if (isObject(one["properties"]) || isObject(one["patternProperties"])) return true;
    const lists = ["allOf", "anyOf", "oneOf"].flatMap((word) => one[word] ?? []);
    const parts = [...lists, one["then"], one["else"]];
    return parts.some((part) => saysMembers(document, part, seen));
  };
  return says(at) || (at !== schema && says(schema));
}
