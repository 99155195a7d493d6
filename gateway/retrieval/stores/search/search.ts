/** Reads one search: its body, or that of a line of `_msearch`. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { QueryFacts, StoreAsk } from "../../adapter.js";
import { readAggregations } from "./aggregations.js";
import type { Dialect } from "./dialect.js";
import type { Named } from "./names.js";
import { readFlatKnn, readQuery } from "./query.js";
import { Reading, isFlag, isNumber, isScalar, isTexts, isText, isWhole, oneOrMore } from "./reading.js";
import { readRetriever } from "./retriever.js";
import type { View } from "./view.js";
import { readSource, vectorsOf } from "./view.js";

export interface Search {
  readonly named: readonly Named[];
  /** The caller's, but for what is set anew: `size`, `_source`, and what was no more than a way to say nothing. */
  readonly body: JsonObject;
  readonly size: number;
  readonly view: View;
  /** Paths that the caller names, for vectors among them. */
  readonly wanted: readonly string[];
  /** One search for neighbours and nothing else: there are as many as it says. */
  readonly alone: boolean;
  /** Of each name, then, where it counts, of each name again. */
  readonly asks: readonly StoreAsk[];
  readonly counts: boolean;
}

const defaultSize = 10;
const pathsOf = /^(?:[a-z_.]+|[^*]*)$/i;

/** @param from `size`, `from`, `_source`, `sort` of the URL, as a body would have them */
export function readSearch(
  given: Json | undefined,
  named: readonly Named[],
  dialect: Dialect,
  { action = "retrieval.query" }: { readonly action?: StoreAsk["action"] } = {},
): Search | Refusal {
  if (given !== undefined && !isObject(given)) return refuse("invalid_request", "a search is an object");
  const reading = new Reading();
  const body = Object.assign(Object.create(null) as JsonObject, given);
  const seen: Seen = { sort: [], named: [], beside: false };
  if (!readBody(body, reading, dialect, seen)) return reading.problem ?? refuse("filter_refused");
  const {
    size = defaultSize,
    from = 0,
    _source: source,
    aggs,
    aggregations,
    explain,
    profile,
    ...rest
  } = body;
  void [explain, profile];
  const seenSource = readSource(source);
  if (seenSource === undefined) return refuse("filter_refused", "_source");
  if (typeof size !== "number" || typeof from !== "number") return refuse("filter_refused", "size");
  if (aggs !== undefined && aggregations !== undefined) return refuse("filter_refused", "aggs: once");
  const sections = neighbours(rest["knn"]);
  const [only] = sections;
  const alone = only !== undefined && sections.length === 1 && rest["query"] === undefined;
  const k = alone && typeof only["k"] === "number" ? only["k"] : size;
  const wanted = [...seenSource.includes, ...seen.named].filter((path) => pathsOf.test(path));
  const counted = aggs ?? aggregations;
  const counts = counted !== undefined || size === 0;
  const facts: QueryFacts = {
    ...reading.facts(),
    top_k: Math.min(size, k),
    ...(from === 0 ? {} : { offset: from }),
  };
  const asksVectors = ({ collection }: Named): boolean =>
    vectorsOf(collection, wanted).length > 0 || seenSource.excludeVectors === false;
  const asksAs = (one: Named, about: StoreAsk["action"], effect: "find" | "count"): StoreAsk => ({
    ...{ action: about, effect, name: one.name, collection: one.collection },
    query: { ...facts, ...(asksVectors(one) ? { vectors: true } : {}) },
  });
  return {
    named,
    body: { ...rest, ...(from === 0 ? {} : { from }), ...(counted === undefined ? {} : { aggs: counted }) },
    ...{ size, wanted, alone, counts },
    view: { ...seenSource, sort: seen.sort, beside: seen.beside },
    asks: [
      ...named.map((one) => asksAs(one, action, "find")),
      ...(counts ? named.map((one) => asksAs(one, "retrieval.count", "count")) : []),
    ],
  };
}

/** The searches for neighbours of a section. */
export function neighbours(section: Json | undefined): readonly JsonObject[] {
  return section === undefined ? [] : oneOrMore(section).filter(isObject);
}

interface Seen {
  sort: string[];
  /** Fields that are taken out beside the document. */
  named: string[];
  beside: boolean;
}

const scroll = /^[1-9][0-9]{0,5}(?:d|h|m|s|ms)$/;
export const isDuration = (value: Json): value is string => isText(value) && scroll.test(value);

/** The members of a search's body; `suggest`, `script_fields`, `runtime_mappings`, `stored_fields`, `ext`, … aren't there. */
function readBody(body: JsonObject, reading: Reading, dialect: Dialect, seen: Seen): boolean {
  const query = (one: Json): boolean => readQuery(one, reading, dialect);
  const aggs = (one: Json): boolean => readAggregations(one, reading, dialect);
  const has = (name: "knn" | "retriever"): boolean => (dialect.sections as readonly string[]).includes(name);
  return reading.members(body, "search", {
    query,
    post_filter: (one) => reading.besides(() => query(one)),
    ...(has("knn")
      ? {
          knn: (one: Json) =>
            oneOrMore(one).length <= 16 &&
            oneOrMore(one).every((each) => reading.clause(0) && readFlatKnn(each, reading, 0, dialect)),
        }
      : {}),
    ...(has("retriever")
      ? {
          retriever: (one: Json) =>
            ["query", "knn", "sort", "rescore", "search_after", "post_filter"].every(
              (name) => body[name] === undefined,
            ) && readRetriever(one, reading, dialect),
        }
      : {}),
    ...{ aggs, aggregations: aggs },
    size: (one) => isWhole(one, 0, 10_000),
    from: (one) => isWhole(one, 0, 1_000_000),
    sort: (one) => readSort(one, reading, dialect, seen),
    // where it leads is where the caller says: what is found is looked at as ever
    search_after: (one) =>
      Array.isArray(one) && one.length <= 16 && one.every((each) => each === null || isScalar(each)),
    _source: () => true,
    fields: (one) => readFields(one, reading, seen),
    docvalue_fields: (one) => readFields(one, reading, seen),
    highlight: (one) => {
      seen.beside = true;
      return readHighlight(one, reading, dialect);
    },
    collapse: (one) =>
      reading.members(one, "collapse", {
        field: (path) => {
          seen.beside = true;
          return reading.field(path, "collapse");
        },
        max_concurrent_group_searches: isNumber,
      }),
    rescore: (one) => readRescore(one, reading, dialect),
    slice: (one) =>
      reading.members(one, "slice", {
        ...{ id: isNumber, max: isNumber },
        field: (path) => path === "_id" || reading.field(path, "slice"),
      }),
    min_score: isNumber,
    track_total_hits: (one) => isFlag(one) || isWhole(one, 0, 2 ** 31 - 1),
    ...{ track_scores: isFlag, version: isFlag, seq_no_primary_term: isFlag },
    timeout: (one) => isDuration(one) || one === -1,
    terminate_after: (one) => isWhole(one, 0, 2 ** 31 - 1),
    // they tell of documents that aren't found: why, and how many there are
    ...{ explain: (one: Json) => one === false, profile: (one: Json) => one === false },
  });
}

function readFields(value: Json, reading: Reading, seen: Seen): boolean {
  seen.beside = true;
  if (!Array.isArray(value) || value.length > 256) return reading.fail("fields: a list");
  return value.every((one) => {
    const path = isObject(one) ? (one["field"] ?? null) : one;
    if (isObject(one)) {
      const { field, format = "", include_unmapped = false, ...others } = one;
      void field;
      if (Object.keys(others).length > 0 || !isText(format) || !isFlag(include_unmapped))
        return reading.fail("fields");
    }
    if (!isText(path)) return reading.fail("fields: names");
    seen.named.push(path);
    // what a pattern gives is looked at field by field
    return path.includes("*") || reading.field(path, "fields");
  });
}

const unseen: ReadonlySet<string> = new Set(["_score", "_doc", "_shard_doc", "_id"]);

function readSort(value: Json, reading: Reading, dialect: Dialect, seen: Seen): boolean {
  return oneOrMore(value).every((one) => {
    const [[path, how] = ["", null], more] = isText(one)
      ? [[one, "asc"] as const]
      : isObject(one)
        ? Object.entries(one)
        : [];
    if (more !== undefined) return reading.fail("sort: one field each");
    seen.sort.push(unseen.has(path) ? "" : path);
    if (!unseen.has(path)) {
      seen.beside = true;
      if (!reading.field(path, "sort")) return false;
    }
    if (isText(how)) return how === "asc" || how === "desc" || reading.fail("sort: asc or desc");
    const scalar = (each: Json): boolean => isScalar(each);
    return reading.members(how, "sort", {
      ...{
        order: scalar,
        mode: scalar,
        missing: scalar,
        unmapped_type: scalar,
        format: scalar,
        numeric_type: scalar,
      },
      nested: (nested) => readNestedSort(nested, reading, dialect, 1),
    });
  });
}

function readNestedSort(value: Json, reading: Reading, dialect: Dialect, depth: number): boolean {
  return reading.members(value, "sort", {
    path: (path) => reading.field(path, "sort"),
    filter: (one) => reading.besides(() => readQuery(one, reading, dialect, depth)),
    max_children: isNumber,
    nested: (one) => depth < 8 && readNestedSort(one, reading, dialect, depth + 1),
  });
}

function readHighlight(value: Json, reading: Reading, dialect: Dialect): boolean {
  const scalar = (one: Json): boolean => isScalar(one);
  const options: Record<string, (one: Json) => boolean> = {
    ...Object.fromEntries(
      [
        ...["boundary_chars", "boundary_max_scan", "boundary_scanner", "boundary_scanner_locale", "encoder"],
        ...["force_source", "fragmenter", "fragment_offset", "fragment_size", "no_match_size", "order"],
        ...["number_of_fragments", "phrase_limit", "require_field_match", "tags_schema", "type"],
        ...["max_analyzed_offset", "max_fragment_length"],
      ].map((name) => [name, scalar]),
    ),
    ...{ pre_tags: isTexts, post_tags: isTexts },
    matched_fields: (one) => Array.isArray(one) && one.every((path) => reading.field(path, "highlight")),
    highlight_query: (one) => reading.besides(() => readQuery(one, reading, dialect, 1)),
  };
  return reading.members(value, "highlight", {
    ...options,
    fields: (one) =>
      oneOrMore(one).every(
        (each) =>
          isObject(each) &&
          Object.entries(each).every(
            ([path, how]) =>
              // what a pattern gives is looked at field by field
              (path.includes("*") || reading.field(path, "highlight")) &&
              reading.members(how, "highlight", options),
          ),
      ),
  });
}

function readRescore(value: Json, reading: Reading, dialect: Dialect): boolean {
  return oneOrMore(value).every((one) =>
    reading.members(one, "rescore", {
      window_size: (size) => isWhole(size, 1, 10_000),
      query: (query) =>
        reading.members(query, "rescore", {
          ...{ query_weight: isNumber, rescore_query_weight: isNumber, score_mode: isText },
          rescore_query: (inner) => reading.besides(() => readQuery(inner, reading, dialect, 1)),
        }),
    }),
  );
}
