/** The configuration of stores and their collections (docs/gateway-retrieval.md). */
import type { Json, JsonObject, Problems } from "../../sidecar/contract.js";
import { Fields, isObject } from "../../sidecar/contract.js";
import type { KeyHeader, KeyScheme, UpstreamConfig } from "../upstreams/upstream.js";
import type { FieldConfig, FieldType, TimeForm, Value } from "./document.js";
import { fieldTypes, readValue, timeForms } from "./document.js";

export const storeKinds = [
  ...["chroma", "qdrant", "opensearch", "elasticsearch", "weaviate", "pinecone", "milvus"],
  ...["http", "postgres"],
] as const;
export type StoreKind =
  | "chroma"
  | "qdrant"
  | "opensearch"
  | "elasticsearch"
  | "weaviate"
  | "pinecone"
  | "milvus"
  /** By a mapping. */
  | "http"
  | "postgres";

export interface RetrievalLimits {
  /** Documents that one query may ask for. */
  readonly topK: number;
  /** Documents that one query may pass over. */
  readonly offset: number;
  /** Numbers of a vector. */
  readonly dimensions: number;
  /** Documents that are fetched where the store can't filter by the whole condition. */
  readonly fetched: number;
  /** Documents that one request may write. */
  readonly written: number;
}

export interface CollectionConfig {
  /** What policy calls it: unique over all stores; the door `/v1/retrieval/{key}/query`. */
  readonly key: string;
  /** What the store calls it. */
  readonly name: string;
  readonly store: string;
  /** What policy sees of it: store, region, environment, classification where it is stated. */
  readonly facts: JsonObject;
  /** By the names that policy uses. */
  readonly fields: ReadonlyMap<string, FieldConfig>;
  /** The field that a namespace (tenant, partition) of the store stands for. */
  readonly namespaceField?: string;
  /** Fields of which the operator says that no document has them. */
  readonly absent?: ReadonlySet<string>;
  /** What holds of every document of it, whatever the document says. */
  readonly constants: Readonly<Record<string, Value>>;
  /** The store's paths (`a.b`) that nobody gets, filters or sorts by. */
  readonly hidden: readonly string[];
  /** Where a document's text stands in its metadata, for stores that have no place for it. */
  readonly text?: readonly string[];
  readonly limits: RetrievalLimits;
  /** What the store's kind reads. */
  readonly settings: JsonObject;
}

export interface StoreConfig {
  readonly name: string;
  readonly kind: StoreKind;
  readonly upstream: UpstreamConfig;
  /** What policy sees of it. */
  readonly facts: JsonObject;
  /** By their keys. */
  readonly collections: ReadonlyMap<string, CollectionConfig>;
  /** Finds a collection by what the store calls it. */
  readonly byName: (name: string) => CollectionConfig | undefined;
  /** A port of its own, for clients that can't be given a path: the store's root is there. */
  readonly listen?: string;
  readonly settings: JsonObject;
}

/** What a kind of store has beside, in the configuration of a store and of a collection. */
export interface KindSettings {
  /** Where the store looks for its `api_key`, unless that is a bearer's token. */
  readonly keyIn?: KeyHeader;
  /** What its `api_key_scheme` is, unless it is given. */
  readonly keyScheme?: KeyScheme;
  readonly store?: (fields: Fields, problems: Problems) => JsonObject;
  readonly collection?: (fields: Fields, problems: Problems) => JsonObject;
}

const fieldName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const keyName = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const namespacePath = "$namespace";

/** Reads a store; its upstream's own fields are read by what is given. */
export function readStore(
  name: string,
  fields: Fields,
  problems: Problems,
  {
    readUpstream,
    settings,
  }: { readUpstream: () => UpstreamConfig; settings: Partial<Record<StoreKind, KindSettings>> },
): StoreConfig {
  const kind = fields.oneOf<StoreKind>("kind", storeKinds as readonly StoreKind[]);
  if (kind === undefined && !fields.has("kind")) problems.add(fields.at("kind"), "is required");
  const facts = {
    store: name,
    region: fields.required("region"),
    environment: fields.required("environment"),
  };
  const listen = fields.string("listen");
  const own = kind === undefined ? undefined : settings[kind];
  const storeSettings = own?.store?.(fields, problems) ?? {};
  const collections = new Map(
    fields.entries("collections").map(([key, one]): [string, CollectionConfig] => {
      if (!keyName.test(key))
        problems.add(one.at("name"), "the name may hold letters, digits and . _ : - only");
      return [key, readCollection(key, one, problems, { facts, own })];
    }),
  );
  const byName = new Map([...collections.values()].map((one) => [one.name, one]));
  if (byName.size < collections.size)
    problems.add(fields.at("collections"), "two stand for the same one of the store");
  return {
    name,
    kind: kind ?? "http",
    facts,
    collections,
    byName: (one) => byName.get(one),
    ...(listen === undefined ? {} : { listen }),
    settings: storeSettings,
    upstream: readUpstream(),
  };
}

/** Reads a collection's fields, limits and the like. */
export function readCollection(
  key: string,
  fields: Fields,
  problems: Problems,
  { facts, own }: { readonly facts: JsonObject; readonly own: KindSettings | undefined },
): CollectionConfig {
  const name = fields.string("name") ?? key;
  const classification = fields.string("classification");
  const declared = readFields(fields, problems);
  const absent = readAbsent(fields.raw("fields"));
  const namespaced = [...declared.values()].filter(
    ({ path }) => path[0] === namespacePath && path.length === 1,
  );
  if (namespaced.length > 1) problems.add(fields.at("fields"), `one of them is ${namespacePath}`);
  for (const field of namespaced) declared.delete(field.name);
  const [namespaceField] = namespaced;
  const limits = fields.nested("limits");
  const text = readPath(fields.raw("text"), fields.at("text"), problems);
  const collection: CollectionConfig = {
    ...{ key, name, store: String(facts["store"]) },
    facts: {
      ...facts,
      ...(fields.has("region") ? { region: fields.required("region") } : {}),
      ...(classification === undefined ? {} : { classification }),
    },
    fields: declared,
    ...(absent.size === 0 ? {} : { absent }),
    ...(namespaceField === undefined ? {} : { namespaceField: namespaceField.name }),
    constants: readConstants(fields, problems),
    hidden: fields.strings("hidden") ?? [],
    ...(text === undefined ? {} : { text }),
    limits: readLimits(limits),
    settings: own?.collection?.(fields, problems) ?? {},
  };
  limits.end();
  fields.end();
  return collection;
}

function readLimits(limits: Fields): RetrievalLimits {
  return {
    topK: limits.integer("top_k", 1, 10_000) ?? 100,
    offset: limits.integer("offset", 0, 1_000_000) ?? 1_000,
    dimensions: limits.integer("dimensions", 1, 65_536) ?? 4_096,
    fetched: limits.integer("fetched", 1, 10_000) ?? 1_000,
    written: limits.integer("written", 1, 10_000) ?? 256,
  };
}

function readFields(fields: Fields, problems: Problems): Map<string, FieldConfig> {
  const out = new Map<string, FieldConfig>();
  const value = fields.raw("fields");
  if (value === undefined) return out;
  if (!isObject(value)) {
    problems.add(fields.at("fields"), "must be an object");
    return out;
  }
  for (const name of Object.keys(value)) {
    const place = `${fields.at("fields")}.${name}`;
    if (!fieldName.test(name)) problems.add(place, "the name may hold letters, digits and _ only");
    const given = value[name];
    if (given === null) continue;
    const field = isObject(given) ? readField(name, given, place, problems) : undefined;
    const path = field?.path ?? readPath(given, place, problems);
    if (path !== undefined) out.set(name, field ?? { name, path, type: "string" });
  }
  return out;
}

/** The names of fields that are said to be in no document: `null` stands where their path would. */
function readAbsent(value: Json | undefined): ReadonlySet<string> {
  return new Set(isObject(value) ? Object.keys(value).filter((name) => value[name] === null) : []);
}

function readField(
  name: string,
  value: JsonObject,
  place: string,
  problems: Problems,
): FieldConfig | undefined {
  const { path: givenPath, type = "string", form, ...others } = value;
  for (const other of Object.keys(others)) problems.add(`${place}.${other}`, "unknown field");
  const path = readPath(givenPath ?? name, `${place}.path`, problems);
  const known = fieldTypes.find((one): one is FieldType => one === type);
  if (known === undefined) problems.add(`${place}.type`, `must be one of ${fieldTypes.join(", ")}`);
  const written = timeForms.find((one): one is TimeForm => one === form);
  if (form !== undefined && (written === undefined || known !== "time"))
    problems.add(`${place}.form`, `is for times, one of ${timeForms.join(", ")}`);
  if (path === undefined || known === undefined) return undefined;
  return { name, path, type: known, ...(written === undefined ? {} : { form: written }) };
}

/** A path is `a.b`, or a list where a name holds a dot. */
function readPath(value: Json | undefined, place: string, problems: Problems): string[] | undefined {
  if (value === undefined) return undefined;
  const path = typeof value === "string" ? value.split(".") : value;
  if (Array.isArray(path) && path.length > 0 && path.length <= 8) {
    const names = path.filter((one) => typeof one === "string" && one !== "" && one.length <= 256);
    if (names.length === path.length) return names as string[];
  }
  return problems.add(place, "must be a path, as a.b, or a list of names");
}

function readConstants(fields: Fields, problems: Problems): Record<string, Value> {
  const out = Object.create(null) as Record<string, Value>;
  const value = fields.raw("constants");
  if (value === undefined) return out;
  if (!isObject(value)) problems.add(fields.at("constants"), "must be an object");
  for (const [name, one] of Object.entries(isObject(value) ? value : {})) {
    const place = `${fields.at("constants")}.${name}`;
    if (!fieldName.test(name)) problems.add(place, "the name may hold letters, digits and _ only");
    const read = (["string", "number", "boolean", "strings"] as const)
      .map((type) => readValue(one, type))
      .find((found) => found !== undefined);
    if (read === undefined)
      problems.add(place, "must be a text, a number, true or false, or a list of texts");
    else out[name] = read;
  }
  return out;
}

/** What documents of a collection that is configured in short are asked for. */
const usual: readonly FieldConfig[] = [
  ...["tenant", "classification", "department", "region", "owner"].map((name): FieldConfig => ({
    name,
    path: [name],
    type: "string",
  })),
  { name: "labels", path: ["labels"], type: "strings" },
  { name: "created", path: ["created"], type: "time" },
  { name: "expires", path: ["expires"], type: "time" },
];

/**
 * Reads a collection that is configured in short, by its url: a store of the kind `http` with its default mapping.
 * INVARIANT: its name can't stand in a path, so that it has the neutral door only.
 */
export function readCollectionStore(
  key: string,
  fields: Fields,
  problems: Problems,
  readUpstream: () => UpstreamConfig,
): StoreConfig {
  const name = `collections/${key}`;
  const classification = fields.required("classification");
  const facts = {
    store: name,
    region: fields.required("region"),
    environment: fields.required("environment"),
  };
  const collection: CollectionConfig = {
    ...{ key, name: key, store: name },
    facts: { ...facts, classification },
    fields: new Map(usual.map((one) => [one.name, one])),
    ...{ constants: {}, hidden: [], settings: {} },
    limits: readLimits(new Fields(undefined, "", problems)),
  };
  return {
    ...{ name, kind: "http", facts, settings: {} },
    collections: new Map([[key, collection]]),
    byName: (one) => (one === key ? collection : undefined),
    upstream: readUpstream(),
  };
}

/** Holds that each key means one collection, whichever store it is in. */
export function checkCollections(stores: ReadonlyMap<string, StoreConfig>, problems: Problems): void {
  const taken = new Set<string>();
  for (const { name, collections } of stores.values()) {
    for (const key of collections.keys()) {
      if (taken.has(key))
        problems.add(`stores.${name}.collections.${key}`, "the name is taken by another collection");
      taken.add(key);
    }
  }
}

/** Finds the collection that is called so, whichever store it is in. */
export function findCollection(
  stores: ReadonlyMap<string, StoreConfig>,
  key: string,
): { readonly store: StoreConfig; readonly collection: CollectionConfig } | undefined {
  for (const store of stores.values()) {
    const collection = store.collections.get(key);
    if (collection !== undefined) return { store, collection };
  }
  return undefined;
}
