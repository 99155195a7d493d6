import type { Fields, JsonObject, Problems } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { CollectionConfig, KindSettings, StoreConfig } from "../../config.js";

/** Milvus's data types, as its documentation of schemas names them. */
const types = [
  ...["bool", "int8", "int16", "int32", "int64", "float", "double", "varchar", "text", "json", "geometry"],
  ...[
    "timestamptz",
    "array",
    "array<bool>",
    "array<int32>",
    "array<int64>",
    "array<double>",
    "array<varchar>",
  ],
  ...["float_vector", "float16_vector", "bfloat16_vector", "int8_vector", "binary_vector"],
  "sparse_float_vector",
] as const;
export type ColumnType =
  | "bool"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "float"
  | "double"
  | "varchar"
  | "json"
  | (string & Record<never, never>);

/** What a collection's fields are. */
export interface Schema {
  readonly primary: string;
  readonly columns: ReadonlyMap<string, ColumnType>;
  /** Names that aren't in the schema are keys of the dynamic field. */
  readonly dynamic: boolean;
  /** The vector column that is searched where a request names none. */
  readonly vector: string | undefined;
  /** The column that a text is searched by, where a function of the collection makes its vectors. */
  readonly textSearch: string | undefined;
}

const columnName = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

/** The keys of a Milvus store and of its collections in the gateway's configuration (docs/gateway-retrieval-milvus.md). */
export const milvusSettings: KindSettings = {
  store: (fields) => ({ database: fields.string("database") ?? "default" }),
  collection: readCollection,
};

function readCollection(fields: Fields, problems: Problems): JsonObject {
  const given = fields.raw("schema");
  const schema: JsonObject = {};
  if (!isObject(given)) problems.add(fields.at("schema"), "must be an object: each column and its type");
  for (const [name, type] of Object.entries(isObject(given) ? given : {})) {
    const place = `${fields.at("schema")}.${name}`;
    if (!columnName.test(name)) problems.add(place, "is no name of a column");
    const known = types.find((one) => one === type);
    if (known === undefined) problems.add(place, `must be one of ${types.join(", ")}`);
    else schema[name] = known;
  }
  const primary = fields.string("primary") ?? "id";
  if (schema[primary] !== "int64" && schema[primary] !== "varchar")
    problems.add(fields.at("primary"), "must be a column of the schema, int64 or varchar");
  const search = fields.string("text_search");
  if (search !== undefined && schema[search] === undefined)
    problems.add(fields.at("text_search"), "must be a column of the schema");
  return {
    ...{ schema, primary, dynamic: fields.boolean("dynamic") ?? false },
    ...(search === undefined ? {} : { text_search: search }),
  };
}

const read = new WeakMap<JsonObject, Schema>();

/** Gives a collection's schema as it is configured. */
export function schemaOf({ settings }: CollectionConfig): Schema {
  const known = read.get(settings);
  if (known !== undefined) return known;
  const { schema, primary, dynamic, text_search } = settings;
  const columns = new Map(
    Object.entries(isObject(schema) ? schema : {}).map(([name, type]): [string, string] => [
      name,
      String(type as string),
    ]),
  );
  const vectors = [...columns].flatMap(([name, type]) => (isVector(type) ? [name] : []));
  const found: Schema = {
    primary: typeof primary === "string" ? primary : "id",
    columns,
    dynamic: dynamic === true,
    vector: vectors.length === 1 ? vectors[0] : vectors.find((name) => name === "vector"),
    textSearch: typeof text_search === "string" ? text_search : undefined,
  };
  read.set(settings, found);
  return found;
}

export function databaseOf({ settings }: StoreConfig): string {
  const { database } = settings;
  return typeof database === "string" ? database : "default";
}

export function isVector(type: ColumnType | undefined): boolean {
  return type?.endsWith("_vector") === true;
}

/** Where a field of policy stands in the store. */
export type Place =
  | { readonly kind: "column"; readonly type: ColumnType }
  /** Within a JSON column, or the dynamic field: any type. `root` is the JSON column. */
  | { readonly kind: "json"; readonly root?: string };

/** Tells where a path stands; undefined where the schema has no such place. */
export function placeOf({ columns, dynamic }: Schema, path: readonly string[]): Place | undefined {
  const [root = ""] = path;
  const type = columns.get(root);
  if (type === undefined) return dynamic ? { kind: "json" } : undefined;
  if (type === "json") return path.length > 1 ? { kind: "json", root } : undefined;
  return path.length === 1 ? { kind: "column", type } : undefined;
}
