import type { JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { Narrowing } from "../../adapter.js";
import { compile } from "../../conditions/compile.js";
import { isNever } from "../../conditions/simplify.js";
import type { Dialect } from "./dialect.js";
import { and, languageOf, nothing, or } from "./language.js";
import { narrowFlat, narrowQuery, narrowRetriever } from "./push.js";
import type { Named } from "./names.js";
import type { Search } from "./search.js";
import { neighbours } from "./search.js";
import { settingsOf } from "./settings.js";
import { sourceFor } from "./view.js";

/** The window of results of an index (`index.max_result_window`). */
export const mostFetched = 10_000;

export interface Filtered {
  readonly filter?: JsonObject;
  readonly exact: boolean;
}

/** Says a condition on a collection's documents in the query DSL. */
export function filterOf({ collection }: Named, { condition }: Narrowing): Filtered {
  if (isNever(condition)) return { filter: nothing, exact: true };
  if (collection === undefined) return { exact: false };
  return compile(condition, collection.fields, languageOf(settingsOf(collection).mapping));
}

/** Of several indices: each one's documents by its own condition ("_index field": queries by it are of the whole name). */
export function filterOfAll(
  named: readonly Named[],
  narrowings: readonly Narrowing[],
): Filtered & { readonly each: readonly boolean[] } {
  const filters = named.map((one, i) => {
    const narrowing = narrowings[i];
    if (narrowing === undefined) throw new Error("an ask without its narrowing");
    return filterOf(one, narrowing);
  });
  const each = filters.map(({ exact }) => exact);
  const exact = each.every((one) => one);
  const [first] = filters;
  if (filters.length === 1 && first !== undefined) return { ...first, each };
  if (filters.every(({ filter }) => filter === undefined)) return { exact, each };
  const filter = or(
    filters.map((one, i) => {
      const index: JsonObject = { term: { _index: named[i]?.name ?? "" } };
      return one.filter === undefined ? index : and([index, one.filter]);
    }),
  );
  return { filter, exact, each };
}

export interface NarrowedSearch {
  readonly body: JsonObject;
  readonly exact: readonly boolean[];
}

/** Writes the search that may be sent. `narrowings` are of its own asks. */
export function narrowSearch(
  search: Search,
  narrowings: readonly Narrowing[],
  dialect: Dialect,
  /** What is left of one page comes on no other. */
  { paged = false }: { readonly paged?: boolean } = {},
): NarrowedSearch {
  const { named, view, wanted, alone, counts } = search;
  const own = narrowings.slice(0, named.length);
  const { filter, exact, each } = filterOfAll(named, own);
  const asked = Math.min(search.size, ...own.map(({ topK }) => topK));
  const size = exact || asked === 0 || paged ? asked : more(search, asked, own);
  const body: JsonObject = { ...search.body };
  if (filter !== undefined) {
    const sections = neighbours(body["knn"]);
    if (body["retriever"] !== undefined)
      body["retriever"] = narrowRetriever(body["retriever"], filter, dialect);
    // without a query the neighbours are all that is found: a query would find more
    else if (sections.length === 0 || body["query"] !== undefined)
      body["query"] = narrowQuery(body["query"], filter, dialect);
    if (sections.length > 0) {
      const narrowed = sections.map((one) => narrowFlat(one, filter));
      const [only] = narrowed;
      body["knn"] = narrowed.length === 1 && only !== undefined ? only : narrowed;
    }
  }
  const [section] = neighbours(body["knn"]);
  if (alone && section !== undefined && size > search.size) body["knn"] = lengthen(section, size);
  if (dialect.knn === "keyed" && size > search.size && isObject(body["query"]))
    body["query"] = lengthenAlone(body["query"], size);
  const hidden = [...new Set(own.flatMap((one) => one.hidden))];
  const collections = named.flatMap(({ collection }) => (collection === undefined ? [] : [collection]));
  return {
    body: { ...body, size, _source: sourceFor(view, collections, hidden, wanted) },
    exact: counts ? [...each, ...each] : each,
  };
}

/** As many as may be fetched, where some will be taken out; those that put lists together do so within their window. */
function more({ body }: Search, asked: number, narrowings: readonly Narrowing[]): number {
  if (body["retriever"] !== undefined) return asked;
  const { from = 0 } = body;
  return Math.max(
    asked,
    Math.min(Math.max(...narrowings.map(({ most }) => most)), mostFetched - Number(from)),
  );
}

/** More are looked for, where some of them will be taken out. */
function lengthen(knn: JsonObject, size: number): JsonObject {
  const { k, num_candidates: candidates } = knn;
  const longer = typeof k === "number" ? Math.max(k, size) : size;
  return {
    ...knn,
    k: longer,
    ...(typeof candidates === "number" || k !== undefined
      ? { num_candidates: Math.max(typeof candidates === "number" ? candidates : 0, longer) }
      : {}),
  };
}

/** Of OpenSearch, where neighbours are all that a query looks for. */
function lengthenAlone(query: JsonObject, size: number): JsonObject {
  const inner =
    isObject(query["bool"]) && Array.isArray(query["bool"]["must"]) ? query["bool"]["must"] : undefined;
  const [only] = inner ?? [query];
  if (!isObject(only) || !isObject(only["knn"])) return query;
  const knn = Object.fromEntries(
    Object.entries(only["knn"]).map(([field, one]) => [
      field,
      isObject(one) && typeof one["k"] === "number" ? { ...one, k: Math.max(one["k"], size) } : one,
    ]),
  );
  if (inner === undefined) return { knn };
  return isObject(query["bool"]) ? { ...query, bool: { ...query["bool"], must: [{ knn }] } } : query;
}
