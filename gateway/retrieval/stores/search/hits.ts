/** Reads what a search found, and writes it again with what may be given. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse, stringifyJson } from "../../../../sidecar/contract.js";
import type { FoundItem } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import { plainly } from "./dotted.js";
import type { Named } from "./names.js";
import { isOf } from "./names.js";
import type { View } from "./view.js";
import { matches, vectorsOf, viewed } from "./view.js";
import { settingsOf } from "./settings.js";

/** Where a search's documents belong. */
export interface Origin {
  readonly named: readonly Named[];
  /** The number of its first ask. */
  readonly first: number;
  readonly view: View;
  readonly wanted: readonly string[];
  /** Whether what it counts is of what the caller may see, and no other. */
  readonly exact: boolean;
  readonly counts: boolean;
  /** The most documents that are given, of all indices together. */
  readonly size: number;
}

export interface Page {
  readonly kind: "page";
  readonly items: readonly FoundItem[];
  rebuild(items: readonly (FoundItem | undefined)[]): JsonObject;
}

/** Of a hit; `_source`, `fields`, `highlight` and `sort` are written anew; `_ignored` names fields that may be hidden. */
const ofHit = [
  ...["_index", "_type", "_id", "_score", "_version", "_seq_no", "_primary_term", "_routing"],
  "matched_queries",
];
/** Of an answer. */
const ofAnswer = ["took", "timed_out", "terminated_early", "num_reduce_phases", "status"];
const ofShards = ["total", "successful", "skipped", "failed"];

/** Reads one answer. INVARIANT: each hit is an item; an answer that shows documents elsewhere isn't understood. */
export function readPage(value: Json | undefined, origin: Origin): Page | Refusal {
  if (!isObject(value) || !isObject(value["hits"]) || value["error"] !== undefined)
    return refuse("upstream_invalid");
  const { hits: listed, total, max_score: best } = value["hits"];
  if (!Array.isArray(listed)) return refuse("upstream_invalid");
  const hits: JsonObject[] = [];
  const items: FoundItem[] = [];
  for (const hit of listed) {
    if (!isObject(hit)) return refuse("upstream_invalid");
    const item = readHit(hit, origin);
    if (item === undefined) return refuse("upstream_invalid");
    hits.push(hit);
    items.push(item);
  }
  return {
    kind: "page",
    items,
    rebuild(kept) {
      const given = hits.flatMap((hit, i) => {
        const [before, after] = [items[i], kept[i]];
        return before === undefined || after === undefined
          ? []
          : [rebuildHit(hit, { before, after }, origin)];
      });
      const out = pick(value, ofAnswer);
      tellShards(value, out);
      const sure = origin.exact && given.length === hits.length;
      out["hits"] = {
        ...(total === undefined ? {} : { total: sure ? total : counted(total, given.length) }),
        ...(best === undefined ? {} : { max_score: sure ? best : (given[0]?.["_score"] ?? null) }),
        hits: given,
      };
      if (origin.counts && value["aggregations"] !== undefined) out["aggregations"] = value["aggregations"];
      return out;
    },
  };
}

/** How many shards answered; why one didn't may repeat what it holds. */
export function tellShards(answer: JsonObject, out: JsonObject): JsonObject {
  const { _shards: shards } = answer;
  if (isObject(shards)) out["_shards"] = pick(shards, ofShards);
  return out;
}

/** The total in its own form: with `rest_total_hits_as_int` a number. */
function counted(total: Json, value: number): Json {
  return isObject(total) ? { value, relation: "eq" } : value;
}

/**
 * Reads a document as the store keeps it. INVARIANT: where there is none, nothing is known of its fields, which isn't the same as
 * that they are missing: an index without `_source` can't be looked at.
 */
export function readSourceOf(
  source: Json | undefined,
  collection: CollectionConfig | undefined,
): JsonObject | undefined {
  if (source === undefined) return collection === undefined || collection.fields.size === 0 ? {} : undefined;
  return isObject(source) ? source : undefined;
}

function readHit(hit: JsonObject, { named, first }: Origin): FoundItem | undefined {
  const { _index: index, _id: id, _source: source, _score: score } = hit;
  if (typeof index !== "string" || typeof id !== "string") return undefined;
  const place = named.findIndex((one) => isOf(index, one));
  const one = named[place];
  if (one === undefined || hit["inner_hits"] !== undefined) return undefined;
  const { collection } = one;
  const document = readSourceOf(source, collection);
  if (document === undefined) return undefined;
  const metadata = collection === undefined ? document : plainly(document, collection);
  const path = collection?.text;
  const text = path?.reduce<Json | undefined>((at, key) => (isObject(at) ? at[key] : undefined), metadata);
  return {
    ...{ ask: first + place, id, metadata },
    ...(typeof text === "string" ? { text } : {}),
    ...(typeof score === "number" ? { score } : {}),
  };
}

interface Shown {
  readonly before: FoundItem;
  readonly after: FoundItem;
}

function rebuildHit(hit: JsonObject, shown: Shown, origin: Origin): JsonObject {
  const { view, wanted, named, first } = origin;
  const out = pick(hit, ofHit);
  const collection = named[shown.after.ask - first]?.collection;
  const all = settingsOf(collection).vectors;
  const asked = vectorsOf(collection, wanted);
  const vectors = all.filter((path) => !asked.includes(path));
  const source = viewed(shown.after.metadata, view, vectors);
  if (source !== undefined) out["_source"] = source;
  for (const name of ["fields", "highlight"] as const) {
    const given = hit[name];
    if (!isObject(given)) continue;
    const left = Object.entries(given).filter(
      ([path]) => isShown(path, shown) && !vectors.some((one) => matches(one, path)),
    );
    if (left.length > 0)
      out[name] = Object.assign(Object.create(null) as JsonObject, Object.fromEntries(left));
  }
  const sort = hit["sort"];
  if (sort !== undefined && view.sort.every((path) => path === "" || isShown(path, shown, true)))
    out["sort"] = sort;
  return out;
}

/**
 * Whether what the store took from a field may be given: only where the document that it came from is given with the same
 * there. INVARIANT: what is masked, hidden, or of no place in the document (an alias, a copy, a value made at query time) isn't.
 * @param absent whether a field that the document doesn't have is shown, as having none
 */
function isShown(path: string, { before, after }: Shown, absent = false): boolean {
  const names = path.split(".");
  const [had, has] = [deepest(before.metadata, names), deepest(after.metadata, names)];
  if (had.depth === 0) return absent && after.metadata === before.metadata;
  return had.depth === has.depth && stringifyJson(had.value) === stringifyJson(has.value);
}

/** What stands at the longest beginning of a path: of `title.keyword`, a second way to index it, `title`. */
function deepest(
  document: JsonObject,
  names: readonly string[],
): { readonly depth: number; readonly value: Json } {
  let found: Json = document;
  let depth = 0;
  while (depth < names.length && isObject(found)) {
    let taken = 0;
    const at: JsonObject = found;
    // a key may hold dots
    for (let length = 1; depth + length <= names.length && taken === 0; length++)
      if (Object.hasOwn(at, names.slice(depth, depth + length).join("."))) taken = length;
    if (taken === 0) return { depth: 0, value: null };
    found = at[names.slice(depth, depth + taken).join(".")] ?? null;
    depth += taken;
  }
  return { depth, value: found };
}

export function pick(value: JsonObject, names: readonly string[]): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const name of names) {
    const one = value[name];
    if (one !== undefined) out[name] = one;
  }
  return out;
}
