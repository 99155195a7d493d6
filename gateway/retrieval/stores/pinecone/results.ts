import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse } from "../../../../sidecar/contract.js";
import type { Found, FoundItem, StoreAnswer } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { Cursors } from "../../cursors.js";
import { byCondition, byId, type PineconeNarrowed } from "./narrow.js";
import { pages, type PineconeOperation } from "./operation.js";

type Items = readonly (FoundItem | undefined)[];
interface Place {
  readonly item: FoundItem;
  readonly record: JsonObject;
}

/** Reads an answer: every record of it, and nothing that isn't known. */
export function results(
  operation: PineconeOperation,
  sent: PineconeNarrowed,
  { value }: StoreAnswer,
  cursors: Cursors,
): Found | Refusal {
  const { handling, collection } = operation;
  if (handling === "upsert-records") return plain(undefined);
  const answer = value ?? {};
  if (!isObject(answer)) return refuse("upstream_invalid");
  switch (handling) {
    case "query": {
      // of several queries in one, which aren't asked
      const others = answer["results"];
      if (Array.isArray(others) && others.length > 0) return refuse("upstream_invalid");
      return readPlaces(answer["matches"] ?? [], operation, sent, (places, items) => ({
        results: [],
        matches: write(places, items, operation),
        ...rest(answer, "namespace"),
        ...usage(answer),
      }));
    }
    case "search-records": {
      const { result } = answer;
      return readPlaces(isObject(result) ? result["hits"] : undefined, operation, sent, (places, items) => ({
        result: { hits: write(places, items, operation) },
        usage: { read_units: 0, ...usage(answer)["usage"] },
      }));
    }
    case "fetch":
    case "fetch-by-metadata": {
      const vectors = listOf(answer["vectors"]);
      const next = tokenOf(answer);
      if (next === null) return refuse("upstream_invalid");
      return readPlaces(vectors, operation, sent, (places, items) => ({
        vectors: Object.fromEntries(write(places, items, operation).map((one) => [String(one["id"]), one])),
        ...rest(answer, "namespace"),
        ...usage(answer),
        ...paged(next, `${pages.metadata}:`, collection, cursors),
      }));
    }
    case "list":
      return readList(answer, operation, sent, cursors);
    default:
      return readPlain(answer, operation);
  }
}

/** By their ids, as a list: an id of the map and of its member are one. */
function listOf(value: Json | undefined): Json[] | undefined {
  if (value === undefined) return [];
  if (!isObject(value)) return undefined;
  const out: Json[] = [];
  for (const id of Object.keys(value)) {
    const one = value[id];
    if (!isObject(one) || (one["id"] ?? id) !== id) return undefined;
    out.push({ ...one, id });
  }
  return out;
}

function readPlaces(
  value: Json | undefined,
  { collection, handling }: PineconeOperation,
  { hidden }: PineconeNarrowed,
  rebuild: (places: readonly Place[], items: Items) => JsonObject,
): Found | Refusal {
  if (!Array.isArray(value)) return refuse("upstream_invalid");
  const isRecord = handling === "search-records";
  const places: Place[] = [];
  for (const record of value) {
    const id = isObject(record) ? record[isRecord ? "_id" : "id"] : undefined;
    const metadata = isObject(record) ? (record[isRecord ? "fields" : "metadata"] ?? {}) : undefined;
    if (!isObject(record) || typeof id !== "string" || !isObject(metadata)) return refuse("upstream_invalid");
    const score = plainNumber(record[isRecord ? "_score" : "score"]);
    const text = textOf(metadata, collection, hidden);
    places.push({
      record,
      item: {
        ...{ ask: 0, id, metadata },
        ...(text === undefined ? {} : { text }),
        ...(score === undefined ? {} : { score }),
      },
    });
  }
  return {
    ...{ kind: "found", items: places.map(({ item }) => item) },
    rebuild: (items) => rebuild(places, items),
  };
}

function textOf(
  metadata: JsonObject,
  collection: CollectionConfig | undefined,
  hidden: readonly string[],
): string | undefined {
  const [name, ...others] = collection?.text ?? [];
  if (name === undefined || others.length > 0 || hidden.includes(name) || !Object.hasOwn(metadata, name))
    return undefined;
  const value = metadata[name];
  return typeof value === "string" ? value : undefined;
}

/** Writes the records that are left, of members that are known and were asked for. */
function write(
  places: readonly Place[],
  items: Items,
  { handling, shows, fields }: PineconeOperation,
): JsonObject[] {
  return places.flatMap(({ record }, i): JsonObject[] => {
    const item = items[i];
    if (item === undefined) return [];
    const { metadata } = item;
    if (handling === "search-records") {
      const asked = Object.entries(metadata).filter(
        ([name]) => fields === undefined || fields.includes(name),
      );
      return [{ ...rest(record, "_id", "_score"), fields: Object.fromEntries(asked) }];
    }
    return [
      {
        ...rest(record, "id", "score"),
        ...(shows.values
          ? rest(record, "values", "sparseValues")
          : handling === "query"
            ? { values: [] }
            : {}),
        ...(shows.metadata && record["metadata"] !== undefined ? { metadata } : {}),
      },
    ];
  });
}

function readList(
  answer: JsonObject,
  operation: PineconeOperation,
  sent: PineconeNarrowed,
  cursors: Cursors,
): Found | Refusal {
  const { prefix = "", collection } = operation;
  const vectors = sent.filtered ? listOf(answer["vectors"]) : (answer["vectors"] ?? []);
  const next = tokenOf(answer);
  if (!Array.isArray(vectors) || next === null) return refuse("upstream_invalid");
  const kind = `${pages.list}:${sent.filtered ? byCondition : byId}`;
  // a prefix can't be asked for together with a condition
  const named = vectors.filter((one) => !isObject(one) || String(one["id"]).startsWith(prefix));
  return readPlaces(named, operation, sent, (places, items) => ({
    vectors: places.flatMap(({ item: { id } }, i) => (items[i] === undefined ? [] : [{ id }])),
    ...rest(answer, "namespace"),
    ...usage(answer),
    ...paged(next, kind, collection, cursors),
  }));
}

/** Null: it has none that can be read. */
function tokenOf(answer: JsonObject): string | undefined | null {
  const { pagination } = answer;
  if (pagination === undefined || pagination === null) return undefined;
  const next = isObject(pagination) ? (pagination["next"] ?? "") : null;
  if (typeof next !== "string") return null;
  return next === "" ? undefined : next;
}

function paged(
  next: string | undefined,
  kind: string,
  collection: CollectionConfig | undefined,
  cursors: Cursors,
): JsonObject {
  if (next === undefined || collection === undefined) return {};
  return { pagination: { next: cursors.give(`${kind}${next}`, collection.key) } };
}

function rest(value: JsonObject, ...names: readonly string[]): JsonObject {
  const out: JsonObject = {};
  for (const name of names) {
    const member = value[name];
    if (member !== undefined && member !== null) out[name] = member;
  }
  return out;
}

/** What it cost: numbers. */
function usage({ usage: value }: JsonObject): { readonly usage?: JsonObject } {
  if (!isObject(value)) return {};
  const numbers = Object.entries(value).filter(([, one]) => plainNumber(one) !== undefined);
  return { usage: Object.fromEntries(numbers) };
}

function plain(value: Json | undefined): Found {
  return { kind: "found", items: [], rebuild: () => value };
}

/** Reads what tells of no record by itself. */
function readPlain(answer: JsonObject, { handling, asks }: PineconeOperation): Found | Refusal {
  switch (handling) {
    case "stats":
      // how many records there are, in which namespaces, is of all callers
      return plain(rest(answer, "dimension", "metric", "vectorType", "indexFullness"));
    case "describe-namespace": {
      const count = plainNumber(answer["record_count"]);
      const said = rest(answer, "name", "record_count", "schema");
      return { ...plain(said), ...(count === undefined ? {} : { count }) } as Found;
    }
    case "create-namespace":
      return plain(rest(answer, "name", "record_count", "schema"));
    case "update": {
      const count = plainNumber(answer["matchedRecords"]);
      return { ...plain(rest(answer, "matchedRecords")), ...(count === undefined ? {} : { count }) } as Found;
    }
    case "upsert":
      return plain(rest(answer, "upsertedCount"));
    case "delete":
    case "delete-namespace":
    case "delete-index":
      return plain({});
    default:
      return asks.some(({ effect }) => effect === "find") ? refuse("upstream_invalid") : plain(answer);
  }
}

/** What the store says of an index; where it is found is through the gateway, or nowhere. */
const indexMembers = [
  ...["name", "dimension", "metric", "deletion_protection", "tags", "embed", "spec", "status", "vector_type"],
];

/** Reads what the control plane says of indexes. */
export function indexResults(
  { handling }: PineconeOperation,
  { value }: StoreAnswer,
  store: Pick<StoreConfig, "byName">,
): Found | Refusal {
  const describe = (one: JsonObject): JsonObject => {
    const name = one["name"];
    const host = typeof name === "string" ? store.byName(name)?.settings["host"] : undefined;
    return { ...rest(one, ...indexMembers), ...(host === undefined ? {} : { host }) };
  };
  if (handling === "delete-index") return plain(undefined);
  if (!isObject(value)) return refuse("upstream_invalid");
  if (handling !== "list-indexes") return plain(describe(value));
  const { indexes } = value;
  if (!Array.isArray(indexes) || !indexes.every((one) => isObject(one) && typeof one["name"] === "string"))
    return refuse("upstream_invalid");
  const known = indexes as JsonObject[];
  return {
    ...{ kind: "found", items: [], collections: known.map((one) => String(one["name"])) },
    rebuild: (_items, kept = []) => ({ indexes: known.filter((_, i) => kept[i] === true).map(describe) }),
  };
}
