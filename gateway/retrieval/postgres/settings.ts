/** What a store of the kind `postgres` has beside in the configuration (docs/gateway-retrieval-postgres.md). */
import type { Fields, JsonObject, Problems } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { CollectionConfig, KindSettings, StoreConfig } from "../config.js";

/** The types of columns that are known: what policy goes by is compared in the way of its type. */
export const scalarTypes = [
  ...(["text", "varchar", "uuid", "int2", "int4", "int8", "float4", "float8", "numeric", "bool"] as const),
  ...(["timestamptz", "timestamp", "date", "jsonb", "json", "bytea", "tsvector"] as const),
  ...(["vector", "halfvec", "sparsevec", "bit"] as const),
] as const;
export type ColumnType = (typeof scalarTypes)[number];

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly array: boolean;
  /** Of a vector, where it is declared: every row's has as many. */
  readonly dimensions?: number;
}

export interface Table {
  readonly schema: string;
  readonly name: string;
  /** In the configuration's order: the order of `*`. */
  readonly columns: ReadonlyMap<string, Column>;
  /** The column whose value is a document's id. */
  readonly id: string;
  /** For queries in the gateway's own words. */
  readonly vector?: string;
  readonly distance: Distance;
  /** Whether statements that give no documents (joins of subqueries, aggregates, unions) may read it. */
  readonly derived: boolean;
}

export const distances = { cosine: "<=>", l2: "<->", inner: "<#>", l1: "<+>" } as const;
export type Distance = keyof typeof distances;

export interface StoreSettings {
  readonly user: string;
  /** Where the extension `vector` is. */
  readonly vectorSchema: string;
  /** The schema of names that a statement doesn't qualify. */
  readonly schema: string;
  /** Connections to the database. */
  readonly connections: number;
  /** Connections of clients. */
  readonly clients: number;
  readonly statementMs: number;
  readonly idleMs: number;
  /** Set in each transaction, by the operator. */
  readonly set: Readonly<Record<string, string>>;
  /** Row-level security of the database's own, beside: a role, and settings that hold what is known of the caller. */
  readonly rls?: {
    readonly role?: string;
    readonly settings: Readonly<Record<string, "tenant" | "id" | "type">>;
  };
}

const named = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const setting = /^[a-z_][a-z0-9_]{0,62}(?:\.[a-z_][a-z0-9_]{0,62})?$/;
/** What the gateway sets itself: an operator's word doesn't undo it. */
const own = ["search_path", "role", "session_authorization", "transaction_read_only", "statement_timeout"];

export const postgresSettings: KindSettings = { store: readStoreSettings, collection: readTable };

function readStoreSettings(fields: Fields, problems: Problems): JsonObject {
  const user = fields.required("user");
  const schema = fields.string("schema") ?? "public";
  const vectorSchema = fields.string("vector_schema") ?? "public";
  for (const [key, value] of Object.entries({ schema, vector_schema: vectorSchema }))
    if (!named.test(value)) problems.add(fields.at(key), "must be a plain name");
  const set = readSettings(fields.raw("set"), fields.at("set"), problems);
  for (const name of Object.keys(set))
    if (own.includes(name)) problems.add(`${fields.at("set")}.${name}`, "is set by the gateway");
  const out: JsonObject = {
    ...{ user, schema, vectorSchema, set },
    connections: fields.integer("connections", 1, 1_000) ?? 10,
    clients: fields.integer("clients", 1, 10_000) ?? 100,
    statementMs: fields.integer("statement_ms", 10, 3_600_000) ?? 30_000,
    idleMs: fields.integer("idle_ms", 1_000, 86_400_000) ?? 600_000,
  };
  if (!fields.has("rls")) return out;
  const rls = fields.nested("rls");
  const role = rls.string("role");
  if (role !== undefined && !named.test(role)) problems.add(rls.at("role"), "must be a plain name");
  const settings = readSettings(rls.raw("settings"), rls.at("settings"), problems);
  for (const [name, fact] of Object.entries(settings)) {
    if (!name.includes(".")) problems.add(`${rls.at("settings")}.${name}`, "must be of the form app.name");
    if (!["tenant", "id", "type"].includes(fact))
      problems.add(`${rls.at("settings")}.${name}`, "must be one of tenant, id, type");
  }
  rls.end();
  return { ...out, rls: { settings, ...(role === undefined ? {} : { role }) } };
}

function readSettings(value: unknown, place: string, problems: Problems): Record<string, string> {
  const out: Record<string, string> = {};
  if (value === undefined) return out;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    problems.add(place, "must be an object");
    return out;
  }
  for (const [name, one] of Object.entries(value)) {
    if (!setting.test(name)) problems.add(`${place}.${name}`, "is no name of a setting");
    else if (typeof one !== "string" || one.length > 256) problems.add(`${place}.${name}`, "must be a text");
    else out[name] = one;
  }
  return out;
}

function readTable(fields: Fields, problems: Problems): JsonObject {
  const columns: JsonObject = {};
  const given = fields.raw("columns");
  if (!isObject(given) || Object.keys(given).length === 0)
    problems.add(fields.at("columns"), "must be an object of the table's columns and their types");
  for (const [name, type] of Object.entries(isObject(given) ? given : {})) {
    const place = `${fields.at("columns")}.${name}`;
    if (name.length > 63 || name === "" || name.includes("\0")) problems.add(place, "is no name of a column");
    else if (typeof type !== "string" || readType(name, type) === undefined)
      problems.add(place, `must be one of ${scalarTypes.join(", ")}, with [] for arrays, (n) for vectors`);
    else columns[name] = type;
  }
  const has = (name: string | undefined, key: string): void => {
    if (name !== undefined && columns[name] === undefined)
      problems.add(fields.at(key), "is not among the columns");
  };
  const id = fields.string("id") ?? "id";
  const vector = fields.string("vector");
  has(id, "id");
  has(vector, "vector");
  checkFields(fields, columns, problems);
  return {
    ...{ columns, id, derived: fields.boolean("derived") ?? false },
    distance: fields.oneOf("distance", Object.keys(distances) as Distance[]) ?? "cosine",
    ...(vector === undefined ? {} : { vector }),
  };
}

/** The types that a field of policy's can be read from. */
const fitting: Readonly<Record<string, readonly string[]>> = {
  string: ["text", "varchar", "uuid", "jsonb"],
  number: ["int2", "int4", "int8", "float4", "float8", "numeric", "jsonb"],
  boolean: ["bool", "jsonb"],
  strings: ["text[]", "varchar[]", "jsonb"],
  time: ["timestamptz", "int4", "int8", "float8", "numeric", "jsonb"],
};

/** INVARIANT: a field whose column isn't compared exactly as policy would isn't configured. */
function checkFields(fields: Fields, columns: JsonObject, problems: Problems): void {
  const declared = fields.raw("fields");
  for (const [name, one] of Object.entries(isObject(declared) ? declared : {})) {
    const { path: givenPath = name, type = "string", form = "rfc3339" } = isObject(one) ? one : { path: one };
    const path = typeof givenPath === "string" ? givenPath.split(".") : givenPath;
    const [column] = Array.isArray(path) ? path : [];
    if (column === "$namespace") {
      problems.add(`${fields.at("fields")}.${name}`, "a table has no namespaces");
      continue;
    }
    const place = `${fields.at("fields")}.${name}`;
    const kept = typeof column === "string" ? columns[column] : undefined;
    if (typeof kept !== "string") problems.add(place, "its column is not among the columns");
    else if (Array.isArray(path) && path.length > 1 && kept !== "jsonb")
      problems.add(place, "only a jsonb column has anything inside");
    else if (Array.isArray(path) && path.length === 1 && kept === "jsonb")
      problems.add(place, "say which member of the jsonb column");
    else if (!(fitting[String(type)] ?? []).includes(kept))
      problems.add(place, `a column of the type ${kept} can't be read as ${String(type)}`);
    else if (type === "time" && kept !== "jsonb" && (kept === "timestamptz") !== (form === "rfc3339"))
      problems.add(place, "numbers need form: epoch_s or epoch_ms, timestamptz none");
  }
}

/** Reads a column's type. */
export function readType(name: string, text: string): Column | undefined {
  const [, word = "", size, brackets] = /^([a-z0-9]+)(?:\((\d{1,5})\))?(\[\])?$/.exec(text) ?? [];
  const type = scalarTypes.find((one) => one === word);
  if (type === undefined) return undefined;
  const sized = type === "vector" || type === "halfvec" || type === "sparsevec" || type === "bit";
  if (size !== undefined && !sized) return undefined;
  const array = brackets !== undefined;
  return { name, type, array, ...(size === undefined ? {} : { dimensions: Number(size) }) };
}

/** Gives what a store's settings say. */
export function settingsOf(store: StoreConfig): StoreSettings {
  return store.settings as unknown as StoreSettings;
}

const tables = new WeakMap<CollectionConfig, Table>();

/** Gives the table that a collection is. */
export function tableOf(
  collection: CollectionConfig,
  { schema: usual }: Pick<StoreSettings, "schema">,
): Table {
  const known = tables.get(collection);
  if (known !== undefined) return known;
  const { columns, id, vector, distance, derived } = collection.settings as unknown as {
    columns: Record<string, string>;
  } & Pick<Table, "id" | "vector" | "distance" | "derived">;
  const [first = "", second] = collection.name.split(".");
  const table: Table = {
    schema: second === undefined ? usual : first,
    name: second ?? first,
    columns: new Map(
      Object.entries(columns).flatMap(([name, text]) => {
        const column = readType(name, text);
        return column === undefined ? [] : [[name, column] as const];
      }),
    ),
    ...{ id, distance, derived },
    ...(vector === undefined ? {} : { vector }),
  };
  tables.set(collection, table);
  return table;
}
