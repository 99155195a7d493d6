import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../config.js";
import type { Cursors } from "../../cursors.js";
import type { Search } from "./operation.js";
import { readKey } from "./read-filter.js";
import { readId, writeId } from "./read-id.js";
import { readExamples, readOrder, readOwnFilter, readPairs, readParams, readQuery } from "./read-query.js";
import { readShard } from "./read-shard.js";
import { readVectorInput } from "./read-vector.js";
import { readSelector } from "./select-payload.js";
import { Facts, list, members, number, text, truth, unread, whole } from "../strict.js";

/** Of one search, at all levels. */
const mostPrefetches = 32;
const shared = [
  "shard_key",
  "filter",
  "params",
  "with_payload",
  "with_vector",
  "with_vectors",
  "score_threshold",
];
const paged = ["limit", "offset"];
const grouped = ["group_by", "group_size", "limit"];

export type SearchForm =
  | "query"
  | "query-groups"
  | "search"
  | "search-groups"
  | "recommend"
  | "recommend-groups"
  | "discover"
  | "scroll"
  | "get"
  | "count"
  | "facet"
  | "matrix";

/** What the store knows, by form. `lookup_from` and `with_lookup` aren't: they read other collections. */
const known: Readonly<Record<SearchForm, readonly string[]>> = {
  query: [...shared, ...paged, "prefetch", "query", "using"],
  "query-groups": [...shared, ...grouped, "prefetch", "query", "using"],
  search: [...shared, ...paged, "vector", "top"],
  "search-groups": [...shared, ...grouped, "vector"],
  recommend: [...shared, ...paged, "positive", "negative", "strategy", "using"],
  "recommend-groups": [...shared, ...grouped, "positive", "negative", "strategy", "using"],
  discover: [...shared, ...paged, "target", "context", "using"],
  scroll: [
    "shard_key",
    "offset",
    "limit",
    "filter",
    "with_payload",
    "with_vector",
    "with_vectors",
    "order_by",
  ],
  get: ["shard_key", "ids", "with_payload", "with_vector", "with_vectors"],
  count: ["shard_key", "filter", "exact"],
  facet: ["shard_key", "key", "limit", "filter", "exact"],
  matrix: ["shard_key", "filter", "sample", "limit", "using"],
};

/** Reads the body of what finds or counts documents. */
export function readSearch(
  value: Json | undefined,
  form: SearchForm,
  { collection, cursors }: { readonly collection: CollectionConfig | undefined; readonly cursors: Cursors },
): Search {
  const given = isObject(value) ? value : {};
  for (const name of ["lookup_from", "with_lookup"]) {
    if (Object.hasOwn(given, name) && given[name] !== null)
      return unread("invalid_request", `${name} reads another collection; ask that one itself`);
  }
  const body = members(value, known[form], "the body");
  const facts = new Facts();
  const namespace = readShard(body["shard_key"], collection);
  readOwnFilter(body["filter"], facts);
  if (body["params"] !== undefined) readParams(body["params"], facts);
  if (body["using"] !== undefined) text(body["using"], "using", 256);
  if (body["score_threshold"] !== undefined) number(body["score_threshold"], "score_threshold");
  const vectors = readWithVectors(body);
  const retrieves = form === "scroll" || form === "get";
  const select = readSelector(body["with_payload"], retrieves ? "all" : "none");
  const said = { body, select, ...(namespace === undefined ? {} : { namespace }) };
  const tell = (limit: number, more: Partial<Search> = {}, size = 1): Search => {
    const offset = more.offset ?? 0;
    const told = facts.tell(limit * size, { offset, vectors });
    return { ...said, ...more, limit, offset, examples: [...facts.examples], facts: told };
  };

  switch (form) {
    case "count":
      if (body["exact"] !== undefined) truth(body["exact"], "exact");
      return tell(1);
    case "facet":
      readKey(body["key"], facts);
      if (body["exact"] !== undefined) truth(body["exact"], "exact");
      return tell(readLimit(body));
    case "matrix": {
      const sample = body["sample"] === undefined ? 10 : whole(body["sample"], "sample", 2);
      if (body["limit"] !== undefined) whole(body["limit"], "limit", 1);
      facts.kind("random");
      return tell(sample);
    }
    case "get": {
      facts.kind("ids");
      return tell(list(body["ids"], "ids").map((one) => readId(one)).length);
    }
    case "scroll": {
      const order = body["order_by"] === undefined ? undefined : readOrder(body["order_by"], facts);
      const limit = readLimit(body);
      if (body["offset"] !== undefined) body["offset"] = readCursor(body["offset"], collection, cursors);
      return tell(limit, order === undefined ? {} : { order });
    }
    default:
      break;
  }
  readSubject(form, body, facts);
  if (form.endsWith("-groups")) {
    if (form !== "query-groups" && body["limit"] === undefined)
      return unread("invalid_request", "limit is required");
    const path = readKey(body["group_by"], facts);
    const size = body["group_size"] === undefined ? 3 : whole(body["group_size"], "group_size", 1, 10_000);
    return tell(readLimit(body), { group: { path, size } }, size);
  }
  if (body["top"] !== undefined) {
    if (body["limit"] !== undefined) return unread("invalid_request", "limit stands twice");
    body["limit"] = body["top"];
    delete body["top"];
  }
  if (form !== "query" && body["limit"] === undefined) return unread("invalid_request", "limit is required");
  const offset = body["offset"] === undefined ? 0 : whole(body["offset"], "offset", 0, 1_000_000);
  const order = orderOf(body["query"], facts);
  return tell(readLimit(body), { offset, ...(order === undefined ? {} : { order }) });
}

/** Reads what is searched by. */
function readSubject(form: SearchForm, body: JsonObject, facts: Facts): void {
  switch (form) {
    case "query":
    case "query-groups": {
      let count = 0;
      const readPrefetch = (value: Json, depth: number): JsonObject => {
        if (depth > 8 || ++count > mostPrefetches) return unread("retrieval_limit", "prefetches");
        const names = ["prefetch", "query", "using", "filter", "params", "score_threshold", "limit"];
        const one = members(value, names, "prefetch");
        readOwnFilter(one["filter"], facts);
        if (one["query"] !== undefined) readQuery(one["query"], facts);
        if (one["params"] !== undefined) readParams(one["params"], facts);
        if (one["using"] !== undefined) text(one["using"], "using", 256);
        if (one["score_threshold"] !== undefined) number(one["score_threshold"], "score_threshold");
        readLimit(one);
        if (one["prefetch"] !== undefined) one["prefetch"] = readAll(one["prefetch"], depth + 1);
        return one;
      };
      const readAll = (value: Json, depth: number): Json[] =>
        (Array.isArray(value) ? list(value, "prefetch", mostPrefetches) : [value]).map((one) =>
          readPrefetch(one, depth),
        );
      if (body["query"] !== undefined) readQuery(body["query"], facts);
      if (body["prefetch"] !== undefined) body["prefetch"] = readAll(body["prefetch"], 1);
      return;
    }
    case "search":
    case "search-groups":
      return readNamedVector(body["vector"], facts);
    case "recommend":
    case "recommend-groups":
      return readExamples(body, facts);
    default:
      if (body["target"] !== undefined) readVectorInput(body["target"], facts);
      return readPairs(body["context"], facts);
  }
}

/** Search points, `vector`: numbers, or `{name, vector}`. */
function readNamedVector(value: Json | undefined, facts: Facts): void {
  const named = isObject(value) ? members(value, ["name", "vector"], "vector") : undefined;
  if (named !== undefined) text(named["name"], "name", 256);
  const vector = named === undefined ? value : named["vector"];
  if (typeof vector === "string" || typeof vector === "number")
    return unread("invalid_request", "vector is numbers");
  readVectorInput(vector, facts);
}

function orderOf(query: Json | undefined, facts: Facts): string | undefined {
  return isObject(query) && Object.hasOwn(query, "order_by")
    ? readOrder(query["order_by"], facts)
    : undefined;
}

function readLimit(body: JsonObject): number {
  return body["limit"] === undefined ? 10 : whole(body["limit"], "limit", 1);
}

/** `with_vectors` is the older name. */
function readWithVectors(body: JsonObject): boolean {
  if (body["with_vectors"] !== undefined) {
    if (body["with_vector"] !== undefined) return unread("invalid_request", "with_vector stands twice");
    body["with_vector"] = body["with_vectors"];
    delete body["with_vectors"];
  }
  const value = body["with_vector"];
  if (value === undefined || typeof value === "boolean") return value ?? false;
  const names = list(value, "with_vector", 256);
  for (const name of names) text(name, "with_vector", 256);
  return names.length > 0;
}

/** A page begins at a point's id, somebody's perhaps: callers get and bring it sealed. */
function readCursor(value: Json, collection: CollectionConfig | undefined, cursors: Cursors): Json {
  const sealed =
    typeof value === "string" && collection !== undefined ? cursors.take(value, collection.key) : undefined;
  const id = sealed === undefined ? undefined : writeId(sealed);
  return id ?? unread("unknown_cursor");
}
