import type { Fields, JsonObject, Problems } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { CollectionConfig, KindSettings } from "../../config.js";

/**
 * Weaviate's data types, and how texts are taken apart for filters (Weaviate documentation, "Data types", "Tokenization"):
 * - `text`: into words; no condition is pushed down
 * - `text_field`: tokenization `field`; what stands around a text, white space, isn't compared
 * - `keyword`: the same, where no stored text has white space around it (the operator's word)
 */
const types = [
  ...["text", "text_field", "keyword", "uuid", "int", "number", "boolean", "date", "object", "other"],
  ...["text[]", "text_field[]", "keyword[]", "object[]", "vector"],
] as const;
export type PropertyType = (typeof types)[number];

export interface Schema {
  readonly properties: ReadonlyMap<string, PropertyType>;
  /** How a neutral query's text is searched for. */
  readonly textSearch: "bm25" | "hybrid" | "nearText";
}

const searches = ["bm25", "hybrid", "nearText"] as const;
const propertyName = /^[_A-Za-z][_0-9A-Za-z]{0,230}$/;

/** The keys of a Weaviate collection in the gateway's configuration (docs/gateway-retrieval-weaviate.md). */
export const weaviateSettings: KindSettings = {
  collection(fields: Fields, problems: Problems): JsonObject {
    const given = fields.raw("schema");
    const schema: JsonObject = {};
    if (!isObject(given)) problems.add(fields.at("schema"), "must be an object: each property and its type");
    for (const [name, type] of Object.entries(isObject(given) ? given : {})) {
      const place = `${fields.at("schema")}.${name}`;
      if (!propertyName.test(name)) problems.add(place, "is no name of a property");
      const known = types.find((one) => one === type);
      if (known === undefined) problems.add(place, `must be one of ${types.join(", ")}`);
      else schema[name] = known;
    }
    return { schema, text_search: fields.oneOf("text_search", searches) ?? "bm25" };
  },
};

const read = new WeakMap<JsonObject, Schema>();

export function schemaOf({ settings }: CollectionConfig): Schema {
  const known = read.get(settings);
  if (known !== undefined) return known;
  const { schema, text_search } = settings;
  const properties = new Map<string, PropertyType>();
  for (const [name, type] of Object.entries(isObject(schema) ? schema : {})) {
    const fitting = types.find((one) => one === type);
    if (fitting !== undefined) properties.set(name, fitting);
  }
  const found = { properties, textSearch: searches.find((one) => one === text_search) ?? "bm25" };
  read.set(settings, found);
  return found;
}
