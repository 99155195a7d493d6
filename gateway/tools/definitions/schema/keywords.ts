/** The keywords of JSON Schema that bear on what is valid, and what each takes. All others are annotations, and ignored. */
export type Takes =
  | "schema"
  | "schemas"
  | "schema_map"
  /** A schema, or (before 2020-12) one for each place. */
  | "schema_or_schemas"
  /** A schema, or a list of names, for each name. */
  | "dependencies"
  | "names"
  | "names_map"
  | "count"
  | "number"
  | "boolean"
  | "type"
  | "text"
  | "any"
  | "list"
  | "reference"
  | "anchor";

export type Dialect = "2020-12" | "2019-09" | "draft-07";

/** What `$schema` may say; absent: 2020-12. */
export const dialects: ReadonlyMap<string, Dialect> = new Map([
  ["https://json-schema.org/draft/2020-12/schema", "2020-12"],
  ["https://json-schema.org/draft/2019-09/schema", "2019-09"],
  ["http://json-schema.org/draft-07/schema", "draft-07"],
  ["https://json-schema.org/draft-07/schema", "draft-07"],
]);

const common = {
  type: "type",
  enum: "list",
  const: "any",
  multipleOf: "number",
  maximum: "number",
  exclusiveMaximum: "number",
  minimum: "number",
  exclusiveMinimum: "number",
  maxLength: "count",
  minLength: "count",
  pattern: "text",
  maxItems: "count",
  minItems: "count",
  uniqueItems: "boolean",
  maxProperties: "count",
  minProperties: "count",
  required: "names",
  properties: "schema_map",
  patternProperties: "schema_map",
  additionalProperties: "schema",
  propertyNames: "schema",
  contains: "schema",
  allOf: "schemas",
  anyOf: "schemas",
  oneOf: "schemas",
  not: "schema",
  if: "schema",
  then: "schema",
  else: "schema",
  definitions: "schema_map",
  $defs: "schema_map",
  $ref: "reference",
  // kept by ajv in later dialects, too, as the specification allows
  dependencies: "dependencies",
} as const satisfies Record<string, Takes>;

const since2019 = {
  maxContains: "count",
  minContains: "count",
  dependentRequired: "names_map",
  dependentSchemas: "schema_map",
  unevaluatedItems: "schema",
  unevaluatedProperties: "schema",
  $anchor: "anchor",
} as const satisfies Record<string, Takes>;

const before2020 = { items: "schema_or_schemas", additionalItems: "schema" } as const;

export const keywords: Readonly<Record<Dialect, ReadonlyMap<string, Takes>>> = {
  "draft-07": new Map<string, Takes>(Object.entries({ ...common, ...before2020 })),
  "2019-09": new Map<string, Takes>(Object.entries({ ...common, ...since2019, ...before2020 })),
  "2020-12": new Map<string, Takes>(
    Object.entries({
      ...common,
      ...since2019,
      items: "schema",
      prefixItems: "schemas",
      $dynamicRef: "reference",
      $dynamicAnchor: "anchor",
    } as const),
  ),
};

/** Change what a schema is, or where its references lead: refused below the root, so that each reference means one thing. */
export const refusedBelow: ReadonlySet<string> = new Set(["$schema", "$id"]);
/** Not to be had without guessing. */
export const refused: ReadonlySet<string> = new Set(["$recursiveRef", "$recursiveAnchor", "$vocabulary"]);

export const types: ReadonlySet<string> = new Set([
  "null",
  "boolean",
  "integer",
  "number",
  "string",
  "array",
  "object",
]);
