/** Makes JSON Schema 2020-12 that stands alone of a document's schemas: of 3.1's own dialect, and of 3.0's. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { addFormat } from "./formats.js";
import { OpenApiRefused } from "./parse-document.js";
import { follow, lookUp } from "./refs.js";
import { saysMembers, translateThirty } from "./dialect.js";

/**
 * How a place treats members that its schema doesn't name. `closed`: they are refused, unless the schema states
 * `additionalProperties`; `part`: this schema is one of several for its value, so that the one around them closes;
 * `open`: as JSON Schema has it, all the way down.
 */
export type Place = "closed" | "part" | "open";

export interface Bundle {
  /** Translates a schema for a place; what it refers to comes under {@link Bundle.defs}. */
  add(schema: Json | undefined, place: Place): JsonObject;
  readonly defs: JsonObject;
}

export interface Dialect {
  readonly document: JsonObject;
  readonly version: "3.0" | "3.1";
  /** Members that only answers hold aren't taken in requests, and the other way round. */
  readonly direction: "request" | "response";
}

/** Values of one bundle. */
const mostValues = 50_000;

const asItIs: ReadonlySet<string> = new Set([
  ...["type", "enum", "const", "title", "description", "default", "format", "deprecated", "required"],
  ...["multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"],
  ...[
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
  ],
  ...["maxProperties", "minProperties", "dependentRequired", "contentEncoding", "contentMediaType"],
]);
/** Keywords that hold schemas, and the place of those; what is "part" of an open place is open. */
const holdsOne: Readonly<Record<string, Place>> = {
  items: "closed",
  additionalProperties: "closed",
  unevaluatedProperties: "closed",
  unevaluatedItems: "closed",
  then: "part",
  else: "part",
  // what these refuse more of, the whole refuses less of
  not: "open",
  if: "open",
  contains: "open",
  propertyNames: "open",
};
const holdsList: Readonly<Record<string, Place>> = {
  allOf: "part",
  anyOf: "part",
  oneOf: "part",
  prefixItems: "closed",
};
const holdsMap: Readonly<Record<string, Place>> = {
  properties: "closed",
  patternProperties: "closed",
  dependentSchemas: "part",
};
/** Keywords by which a schema is found under other names, or is another one by where it is reached from. */
const refused = [
  "$id",
  "$anchor",
  "$dynamicRef",
  "$dynamicAnchor",
  "$recursiveRef",
  "$recursiveAnchor",
  "id",
];
const dialects: ReadonlySet<Json> = new Set([
  "https://json-schema.org/draft/2020-12/schema",
  "https://spec.openapis.org/oas/3.1/dialect/base",
]);

/** Creates an empty bundle. */
export function createBundle(dialect: Dialect): Bundle {
  const { document, version } = dialect;
  const defs = Object.create(null) as JsonObject;
  const names = new Map<string, string>();
  let left = mostValues;

  const nameOf = (ref: string, place: Place): string => {
    const key = `${place} ${ref}`;
    const known = names.get(key);
    if (known !== undefined) return known;
    const last = ref.slice(ref.lastIndexOf("/") + 1).replace(/[^A-Za-z0-9_.-]/g, "_");
    const wanted = `${last === "" || last.startsWith("__") ? "schema" : last}${place === "part" ? ".part" : ""}`;
    let name = wanted;
    for (let i = 2; name in defs; i++) name = `${wanted}.${i}`;
    names.set(key, name);
    defs[name] = {};
    defs[name] = translate(lookUp(document, ref), place);
    return name;
  };

  const translate = (given: Json | undefined, place: Place): JsonObject => {
    if (--left < 0) throw new OpenApiRefused("a schema is too large");
    if (given === true) return {};
    if (given === false) return { not: {} };
    if (!isObject(given)) throw new OpenApiRefused("a schema isn't an object");
    const schema = version === "3.0" ? translateThirty(given) : given;
    for (const word of refused)
      if (typeof schema[word] === "string") throw new OpenApiRefused(`a schema says ${word}`);
    if (schema["$schema"] !== undefined && !dialects.has(schema["$schema"]))
      throw new OpenApiRefused("a schema is of another dialect");
    const out = Object.create(null) as JsonObject;
    const alone = !Object.keys(schema).some((word) => constrains(word));
    const { $ref } = schema;
    if (typeof $ref === "string") {
      // also finds out whether it goes round in a circle
      follow(document, schema);
      out["$ref"] = `#/$defs/${nameOf($ref, place === "closed" && !alone ? "part" : place)}`;
    }
    const own = membersFor(dialect, schema);
    for (const [word, value] of Object.entries(own)) {
      if (asItIs.has(word)) {
        count(value);
        out[word] = value;
      } else if (Object.hasOwn(holdsOne, word)) out[word] = translate(value, inner(place, holdsOne[word]));
      else if (Object.hasOwn(holdsList, word)) out[word] = listOf(value, inner(place, holdsList[word]));
      else if (Object.hasOwn(holdsMap, word)) out[word] = mapOf(value, inner(place, holdsMap[word]));
      // others say nothing of what is valid
    }
    addFormat(out);
    if (place === "closed" && !(typeof $ref === "string" && alone)) close(out, schema);
    return out;
  };
  const inner = (place: Place, wanted: Place = "open"): Place => (place === "open" ? "open" : wanted);
  const count = (value: Json): void => {
    if (--left < 0) throw new OpenApiRefused("a schema is too large");
    if (Array.isArray(value)) for (const item of value) count(item);
    else if (isObject(value)) for (const member of Object.values(value)) count(member);
  };
  const listOf = (value: Json, place: Place): Json[] => {
    if (!Array.isArray(value)) throw new OpenApiRefused("a schema's list isn't one");
    return value.map((item) => translate(item, place));
  };
  const mapOf = (value: Json, place: Place): JsonObject => {
    if (!isObject(value)) throw new OpenApiRefused("a schema's properties aren't an object");
    const out = Object.create(null) as JsonObject;
    for (const [name, member] of Object.entries(value)) {
      if (name === "__proto__") throw new OpenApiRefused("a schema names __proto__");
      out[name] = translate(member, place);
    }
    return out;
  };
  const close = (out: JsonObject, schema: JsonObject): void => {
    if (out["additionalProperties"] !== undefined || out["unevaluatedProperties"] !== undefined) return;
    if (!saysMembers(document, schema)) return;
    const whole = !["$ref", "allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas"].some(
      (word) => word in out,
    );
    out[whole ? "additionalProperties" : "unevaluatedProperties"] = false;
  };
  return { add: translate, defs };
}

function constrains(word: string): boolean {
  if (["title", "description", "default", "deprecated"].includes(word)) return false;
  return [
    asItIs.has(word),
    ...[holdsOne, holdsList, holdsMap].map((table) => Object.hasOwn(table, word)),
  ].includes(true);
}

/** Leaves out the members that aren't for this direction. */
function membersFor({ document, direction }: Dialect, schema: JsonObject): JsonObject {
  const { properties, required } = schema;
  if (!isObject(properties)) return schema;
  const flag = direction === "request" ? "readOnly" : "writeOnly";
  const isOther = (member: Json | undefined): boolean => {
    if (!isObject(member)) return false;
    return (
      member[flag] === true || (typeof member["$ref"] === "string" && follow(document, member)[flag] === true)
    );
  };
  const others = new Set(Object.keys(properties).filter((name) => isOther(properties[name])));
  if (others.size === 0) return schema;
  const kept = Object.create(null) as JsonObject;
  for (const [name, member] of Object.entries(properties)) if (!others.has(name)) kept[name] = member;
  return {
    ...schema,
    properties: kept,
    ...(Array.isArray(required)
      ? { required: required.filter((name) => typeof name !== "string" || !others.has(name)) }
      : {}),
  };
}
