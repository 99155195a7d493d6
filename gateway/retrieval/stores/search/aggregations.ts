/** Aggregations, by an allow-list: those that count and measure what the query finds, and nothing else. */
import type { Json } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { Dialect } from "./dialect.js";
import { readQuery } from "./query.js";
import type { Reading } from "./reading.js";
import { isFlag, isNumber, isScalar, isText, isWhole, oneOrMore } from "./reading.js";

const mostBuckets = 10_000;

type Check = (one: Json) => boolean;

const scalars = (...names: readonly string[]): Record<string, Check> =>
  Object.fromEntries(names.map((name) => [name, isScalar]));
const flat: Check = (one) => isObject(one) && Object.values(one).every(isScalar);
const flats: Check = (one) => Array.isArray(one) && one.every((each) => flat(each));
const values: Check = (one) => Array.isArray(one) && one.every(isScalar);
const size: Check = (one) => isWhole(one, 1, mostBuckets);
const interval = scalars("interval", "calendar_interval", "fixed_interval", "offset", "time_zone", "format");

/**
 * What each takes beside `field`. Not here: `global`, `significant_terms`, `significant_text` (they look at documents that
 * the query doesn't find), `top_hits`, `top_metrics` (they give documents), scripted ones.
 */
const kinds: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  terms: {
    ...scalars(
      "missing",
      "collect_mode",
      "execution_hint",
      "value_type",
      "show_term_doc_count_error",
      "format",
    ),
    ...{ size, shard_size: size, include: values, exclude: values },
    // with 0 come terms of documents that the query doesn't find ("Terms aggregation", min_doc_count)
    min_doc_count: (one) => isWhole(one, 1, 2 ** 31),
    order: (one) => oneOrMore(one).every((each) => flat(each)),
  },
  histogram: {
    ...interval,
    ...scalars("missing", "min_doc_count", "keyed"),
    extended_bounds: flat,
    hard_bounds: flat,
    order: flat,
  },
  date_histogram: {
    ...interval,
    ...scalars("missing", "min_doc_count", "keyed"),
    extended_bounds: flat,
    hard_bounds: flat,
    order: flat,
  },
  auto_date_histogram: {
    ...scalars("format", "time_zone", "minimum_interval", "missing"),
    buckets: (one) => isWhole(one, 1, 1_000),
  },
  range: { ...scalars("keyed", "missing", "format"), ranges: flats },
  date_range: { ...scalars("keyed", "missing", "format", "time_zone"), ranges: flats },
  missing: scalars("missing"),
  avg: scalars("missing", "format"),
  sum: scalars("missing", "format"),
  min: scalars("missing", "format"),
  max: scalars("missing", "format"),
  stats: scalars("missing", "format"),
  extended_stats: scalars("missing", "format", "sigma"),
  value_count: scalars("missing", "format"),
  cardinality: scalars("missing", "precision_threshold", "execution_hint"),
  percentiles: { ...scalars("missing", "keyed", "format"), percents: values },
  percentile_ranks: { ...scalars("missing", "keyed", "format"), values },
};

/** Reads `aggs` and those beneath them. */
export function readAggregations(value: Json, reading: Reading, dialect: Dialect, depth = 1): boolean {
  if (!isObject(value)) return reading.fail("aggs: an object");
  return Object.entries(value).every(([name, one]) => {
    if (!/^[^[\]>]{1,256}$/.test(name) || !isObject(one)) return reading.fail("aggs: an object");
    if (!reading.clause(depth)) return false;
    const { aggs, aggregations, meta, ...others } = one;
    const [[kind, body] = ["", null], more] = Object.entries(others);
    if (more !== undefined || meta !== undefined) return reading.fail("aggs: one kind");
    if (aggs !== undefined && aggregations !== undefined) return reading.fail("aggs: one kind");
    const inner = aggs ?? aggregations;
    return (
      readOne(kind, body, reading, dialect) &&
      (inner === undefined || readAggregations(inner, reading, dialect, depth + 1))
    );
  });
}

function readOne(kind: string, body: Json, reading: Reading, dialect: Dialect): boolean {
  const query: Check = (one) => reading.besides(() => readQuery(one, reading, dialect, 1));
  if (kind === "filter") return query(body);
  if (kind === "filters")
    return reading.members(body, "filters", {
      filters: (one) =>
        (Array.isArray(one) || isObject(one)) && Object.values(one).every((each) => query(each as Json)),
      ...{ other_bucket: isFlag, other_bucket_key: isText, keyed: isFlag },
    });
  if (kind === "composite")
    return reading.members(body, "composite", {
      ...{ size, after: flat },
      sources: (one) =>
        Array.isArray(one) &&
        one.every(
          (source) =>
            isObject(source) &&
            Object.values(source).length === 1 &&
            Object.values(source).every((each) => readSource(each, reading)),
        ),
    });
  if (kind === "weighted_avg")
    return reading.members(body, kind, {
      value: (one) =>
        reading.members(one, kind, { field: (path) => reading.field(path, kind), missing: isNumber }),
      weight: (one) =>
        reading.members(one, kind, { field: (path) => reading.field(path, kind), missing: isNumber }),
    });
  const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (known === undefined) return reading.unknown(kind, "aggs");
  if (!isObject(body) || body["field"] === undefined) return reading.fail(`${kind}: a field`);
  return reading.members(body, kind, { ...known, field: (path) => reading.field(path, kind) });
}

function readSource(value: Json, reading: Reading): boolean {
  if (!isObject(value)) return false;
  const [[kind, body] = ["", null], more] = Object.entries(value);
  if (more !== undefined || !["terms", "histogram", "date_histogram"].includes(kind))
    return reading.unknown(kind, "composite");
  return reading.members(body, "composite", {
    ...interval,
    ...scalars("order", "missing_bucket", "missing_order"),
    field: (path) => reading.field(path, "composite"),
  });
}
