/** The query DSL, by an allow-list: what isn't here could name a field, a document, an index or a script that isn't seen. */
import type { Json } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { Dialect } from "./dialect.js";
import type { Reading } from "./reading.js";
import { isFlag, isNumber, isScalar, isText, isWhole, oneOrMore } from "./reading.js";

/** The most neighbours, and candidates of them, by the documentation of both. */
const mostNeighbours = 10_000;
const longestPattern = 256;
const longestText = 32_768;

type Reader = (value: Json, reading: Reading, depth: number, dialect: Dialect) => boolean;

/** Tells whether a query is understood; the reading says why not. */
export function readQuery(value: Json | undefined, reading: Reading, dialect: Dialect, depth = 0): boolean {
  if (!isObject(value)) return reading.fail("a query is an object");
  const [[name, body] = ["", null], more] = Object.entries(value);
  if (more !== undefined || name === "") return reading.fail("a query has one kind");
  if (!reading.clause(depth)) return false;
  const reader = Object.hasOwn(queries, name) ? queries[name] : undefined;
  const other = dialectQueries[name];
  if (other !== undefined && (dialect.queries as readonly string[]).includes(name))
    return other(body, reading, depth, dialect);
  return reader === undefined ? reading.unknown(name, "query") : reader(body, reading, depth, dialect);
}

const scalarNames = (names: readonly string[]): Record<string, (one: Json) => boolean> =>
  Object.fromEntries(names.map((name) => [name, isScalar]));

/** A query of one field: `{FIELD: value}` or `{FIELD: {[key]: value, …}}`. */
function ofField(
  key: string,
  kind: "text" | "filter",
  names: readonly string[],
  { longest = longestText, short = true }: { readonly longest?: number; readonly short?: boolean } = {},
): Reader {
  const fits = (one: Json): boolean => isScalar(one) && (typeof one !== "string" || one.length <= longest);
  return (value, reading) => {
    if (!isObject(value)) return reading.fail("query: an object with a field");
    const [[path, body] = ["", null], more] = Object.entries(value);
    if (more !== undefined || !reading.field(path, "query")) return reading.fail("query: one field");
    const note = (one: Json): boolean => {
      if (!fits(one)) return reading.fail(`query: ${key}`, "retrieval_limit");
      if (kind === "text") reading.text(one);
      else reading.kinds.add("filter");
      return true;
    };
    if (!isObject(body)) return short ? note(body) : reading.fail("query: an object");
    return reading.members(body, "query", {
      ...scalarNames(["boost", "_name", ...names]),
      [key]: note,
      max_expansions: (one) => isWhole(one, 1, 50),
      ...(names.includes("max_determinized_states")
        ? { max_determinized_states: (one) => isWhole(one, 1, 10_000) }
        : {}),
    });
  };
}

const many =
  (depth: number, reading: Reading, dialect: Dialect) =>
  (value: Json): boolean =>
    oneOrMore(value).every((one) => readQuery(one, reading, dialect, depth + 1));

/** Filters of what finds documents. */
const apart =
  (depth: number, reading: Reading, dialect: Dialect) =>
  (value: Json): boolean =>
    reading.besides(() => many(depth, reading, dialect)(value));

/** A query that holds others. */
const holding =
  (inner: readonly string[], others: readonly string[]): Reader =>
  (value, reading, depth, dialect) =>
    reading.members(value, "query", {
      ...scalarNames(["boost", "_name", ...others]),
      ...Object.fromEntries(inner.map((name) => [name, many(depth, reading, dialect)])),
    });

const matching = ["analyzer", "operator", "minimum_should_match", "fuzziness", "prefix_length"];
const matchingMore = [...matching, "zero_terms_query", "lenient", "fuzzy_transpositions", "fuzzy_rewrite"];
const rewriting = ["rewrite", "case_insensitive"];

/** Texts in several fields: they must be named, for unnamed ones are all. */
const ofFields =
  (names: readonly string[]): Reader =>
  (value, reading) => {
    if (!isObject(value) || value["fields"] === undefined) return reading.fail("query: fields must be named");
    return reading.members(value, "query", {
      ...scalarNames(["boost", "_name", ...names]),
      query: (one) => {
        if (!isScalar(one) || String(one).length > longestText) return false;
        reading.text(one);
        return true;
      },
      fields: (one) =>
        Array.isArray(one) &&
        one.length > 0 &&
        one.length <= 64 &&
        one.every((name) => isText(name) && reading.field(name.replace(/\^[0-9.]+$/, ""), "fields")),
      max_expansions: (one) => isWhole(one, 1, 50),
    });
  };

const queries: Readonly<Record<string, Reader>> = {
  match_all: (value, reading) => reading.members(value, "match_all", scalarNames(["boost", "_name"])),
  match_none: (value, reading) => reading.members(value, "match_none", scalarNames(["boost", "_name"])),
  match: ofField("query", "text", [...matchingMore, "auto_generate_synonyms_phrase_query"]),
  match_phrase: ofField("query", "text", ["analyzer", "slop", "zero_terms_query"]),
  match_phrase_prefix: ofField("query", "text", ["analyzer", "slop", "zero_terms_query"]),
  match_bool_prefix: ofField("query", "text", [...matching, "fuzzy_transpositions", "fuzzy_rewrite"]),
  multi_match: ofFields([
    ...[...matchingMore, "type", "tie_breaker", "slop", "auto_generate_synonyms_phrase_query"],
  ]),
  combined_fields: ofFields(["operator", "minimum_should_match", "zero_terms_query"]),
  // its syntax names no field, as that of query_string does
  simple_query_string: ofFields([
    ...["default_operator", "analyzer", "flags", "fuzzy_transpositions", "fuzzy_prefix_length", "lenient"],
    ...["minimum_should_match", "analyze_wildcard"],
  ]),
  term: ofField("value", "filter", ["case_insensitive"]),
  terms: readTerms,
  range: readRange,
  prefix: ofField("value", "filter", rewriting, { longest: longestPattern }),
  wildcard: ofField("value", "filter", rewriting, { longest: longestPattern }),
  regexp: ofField("value", "filter", [...rewriting, "flags", "max_determinized_states"], {
    longest: longestPattern,
  }),
  fuzzy: ofField("value", "filter", ["fuzziness", "prefix_length", "transpositions", "rewrite"], {
    longest: longestPattern,
  }),
  exists: (value, reading) =>
    reading.members(value, "exists", {
      ...scalarNames(["boost", "_name"]),
      field: (one) => one !== "_id" && reading.field(one, "exists"),
    }),
  ids: (value, reading) =>
    reading.members(value, "ids", {
      ...scalarNames(["boost", "_name"]),
      values: (one) => {
        reading.kinds.add("ids");
        return oneOrMore(one).length <= 1_024 && oneOrMore(one).every(isScalar);
      },
    }),
  bool: holding(["must", "filter", "should", "must_not"], ["minimum_should_match", "adjust_pure_negative"]),
  constant_score: holding(["filter"], []),
  dis_max: holding(["queries"], ["tie_breaker"]),
  boosting: holding(["positive", "negative"], ["negative_boost"]),
  nested: (value, reading, depth, dialect) =>
    reading.members(value, "nested", {
      ...scalarNames(["boost", "_name", "score_mode", "ignore_unmapped"]),
      path: (one) => reading.field(one, "nested"),
      query: many(depth, reading, dialect),
    }),
  function_score: readFunctionScore,
  more_like_this: (value, reading) => {
    if (!isObject(value) || value["fields"] === undefined) return reading.fail("query: fields must be named");
    return reading.members(value, "more_like_this", {
      ...scalarNames(["boost", "_name", "min_term_freq", "min_doc_freq", "max_doc_freq", "min_word_length"]),
      ...scalarNames(["max_word_length", "analyzer", "minimum_should_match", "boost_terms"]),
      max_query_terms: (one) => isWhole(one, 1, 100),
      fields: (one) => Array.isArray(one) && one.every((name) => reading.field(name, "fields")),
      // a document given by its id could be one that the caller may not see
      like: (one) =>
        oneOrMore(one).every((text) => {
          if (!isText(text) || text.length > longestText) return false;
          reading.text(text);
          return true;
        }),
    });
  },
  knn: (value, reading, depth, dialect) =>
    dialect.knn === "flat"
      ? readFlatKnn(value, reading, depth, dialect)
      : readKeyedKnn(value, reading, depth, dialect),
};

function readTerms(value: Json, reading: Reading): boolean {
  if (!isObject(value)) return reading.fail("terms: an object");
  const { boost = 1, _name = "", ...others } = value;
  const [[path, listed] = ["", null], more] = Object.entries(others);
  if (more !== undefined || !isScalar(boost) || !isScalar(_name)) return reading.fail("terms: one field");
  reading.kinds.add("filter");
  // an object would be a lookup: it reads another document, of another index
  if (!Array.isArray(listed) || listed.length > 10_000 || !listed.every(isScalar))
    return reading.fail("terms: a list of values");
  return reading.field(path, "terms");
}

function readRange(value: Json, reading: Reading): boolean {
  if (!isObject(value)) return reading.fail("range: an object");
  const [[path, body] = ["", null], more] = Object.entries(value);
  if (more !== undefined || !reading.field(path, "range")) return reading.fail("range: one field");
  reading.kinds.add("filter");
  return reading.members(body, "range", {
    ...scalarNames(["boost", "_name", "format", "time_zone", "relation"]),
    ...Object.fromEntries(
      ["gt", "gte", "lt", "lte"].map((name) => [name, (one: Json) => one === null || isScalar(one)]),
    ),
  });
}

const decays = ["gauss", "linear", "exp"];

function readFunctionScore(value: Json, reading: Reading, depth: number, dialect: Dialect): boolean {
  const query = many(depth, reading, dialect);
  const one: Record<string, (given: Json) => boolean> = {
    weight: isNumber,
    field_value_factor: (given) =>
      reading.members(given, "field_value_factor", {
        ...scalarNames(["factor", "modifier", "missing"]),
        field: (path) => reading.field(path, "field_value_factor"),
      }),
    random_score: (given) => {
      reading.kinds.add("random");
      return reading.members(given, "random_score", {
        seed: isScalar,
        field: (path) => path === "_seq_no" || reading.field(path, "random_score"),
      });
    },
    ...Object.fromEntries(decays.map((name) => [name, (given: Json) => readDecay(given, reading)])),
  };
  return reading.members(value, "function_score", {
    ...scalarNames(["boost", "_name", "max_boost", "score_mode", "boost_mode", "min_score"]),
    ...{ ...one, query },
    functions: (given) =>
      Array.isArray(given) &&
      given.length <= 64 &&
      given.every((each) =>
        reading.members(each, "functions", { ...one, filter: apart(depth, reading, dialect) }),
      ),
  });
}

function readDecay(value: Json, reading: Reading): boolean {
  if (!isObject(value)) return reading.fail("decay");
  const { multi_value_mode = "min", ...others } = value;
  const [[path, body] = ["", null], more] = Object.entries(others);
  if (more !== undefined || !isText(multi_value_mode)) return reading.fail("decay: one field");
  return (
    reading.field(path, "decay") &&
    reading.members(body, "decay", scalarNames(["origin", "scale", "offset", "decay"]))
  );
}

/** Elasticsearch, "kNN query", "kNN search": `{field, query_vector, k, num_candidates, filter}`. */
export function readFlatKnn(value: Json, reading: Reading, depth: number, dialect: Dialect): boolean {
  if (!reading.nearby()) return false;
  return reading.members(value, "knn", {
    ...scalarNames(["boost", "_name", "similarity", "visit_percentage"]),
    field: (one) => {
      if (isText(one)) reading.vectorFields.add(one);
      return reading.field(one, "knn");
    },
    query_vector: (one) => reading.vector(one, "knn"),
    k: (one) => isWhole(one, 1, mostNeighbours),
    num_candidates: (one) => isWhole(one, 1, mostNeighbours),
    filter: apart(depth, reading, dialect),
    rescore_vector: (one) => reading.members(one, "rescore_vector", { oversample: isNumber }),
  });
}

/** OpenSearch, "k-NN query": `{FIELD: {vector, k, filter, …}}`. */
function readKeyedKnn(value: Json, reading: Reading, depth: number, dialect: Dialect): boolean {
  if (!reading.nearby()) return false;
  return keyed(value, reading, "knn", {
    vector: (one) => reading.vector(one, "knn"),
    k: (one) => isWhole(one, 1, mostNeighbours),
    max_distance: isNumber,
    min_score: isNumber,
    filter: apart(depth, reading, dialect),
    expand_nested_docs: isFlag,
    method_parameters: (one) =>
      reading.members(one, "method_parameters", scalarNames(["ef_search", "nprobes"])),
    rescore: (one) => isFlag(one) || reading.members(one, "rescore", { oversample_factor: isNumber }),
  });
}

function keyed(
  value: Json,
  reading: Reading,
  place: string,
  readers: Readonly<Record<string, (one: Json) => boolean>>,
): boolean {
  if (!isObject(value)) return reading.fail(`${place}: an object`);
  const [[path, body] = ["", null], more] = Object.entries(value);
  if (more !== undefined || !reading.field(path, place)) return reading.fail(`${place}: one field`);
  reading.vectorFields.add(path);
  return reading.members(body, place, { ...scalarNames(["boost", "_name"]), ...readers });
}

const tokens =
  (reading: Reading) =>
  (value: Json): boolean => {
    reading.kinds.add("sparse");
    return isObject(value) && Object.keys(value).length <= 4_096 && Object.values(value).every(isNumber);
  };

/** What one of the two has: the kinds are in its dialect. */
const dialectQueries: Readonly<Record<string, Reader>> = {
  semantic: (value, reading) =>
    reading.members(value, "semantic", {
      ...scalarNames(["boost", "_name"]),
      field: (one) => reading.field(one, "semantic"),
      query: (one) => {
        reading.text(one);
        return isText(one) && one.length <= longestText;
      },
    }),
  sparse_vector: (value, reading) =>
    reading.members(value, "sparse_vector", {
      ...scalarNames(["boost", "_name", "prune"]),
      field: (one) => reading.field(one, "sparse_vector"),
      query_vector: tokens(reading),
    }),
  neural: (value, reading, depth, dialect) =>
    reading.nearby() &&
    keyed(value, reading, "neural", {
      query_text: (one) => {
        reading.text(one);
        reading.kinds.add("vector");
        return isText(one) && one.length <= longestText;
      },
      model_id: isText,
      k: (one) => isWhole(one, 1, mostNeighbours),
      ...{ max_distance: isNumber, min_score: isNumber },
      filter: apart(depth, reading, dialect),
    }),
  neural_sparse: (value, reading) =>
    keyed(value, reading, "neural_sparse", {
      query_text: (one) => {
        reading.text(one);
        reading.kinds.add("sparse");
        return isText(one) && one.length <= longestText;
      },
      ...{ model_id: isText, analyzer: isText },
      query_tokens: tokens(reading),
    }),
  hybrid: (value, reading, depth, dialect) =>
    depth > 0
      ? reading.fail("hybrid: at the top only")
      : reading.members(value, "hybrid", {
          ...scalarNames(["pagination_depth", "_name", "boost"]),
          queries: (one) => Array.isArray(one) && one.length <= 5 && many(depth, reading, dialect)(one),
          filter: apart(depth, reading, dialect),
        }),
};
