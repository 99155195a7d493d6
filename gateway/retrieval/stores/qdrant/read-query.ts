import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import { readCondition, readFilter, readKey } from "./read-filter.js";
import { readVectorInput } from "./read-vector.js";
import { type Facts, list, members, number, text, truth, unread, whole } from "../strict.js";

const asObjects = [
  ...["nearest", "recommend", "discover", "context", "order_by", "fusion", "rrf", "formula", "sample"],
  "relevance_feedback",
];

/** Reads `query` of the Query API: what is near, recommended, discovered, fused, scored or drawn. */
export function readQuery(value: Json, facts: Facts): void {
  const kind = isObject(value) ? asObjects.find((one) => Object.hasOwn(value, one)) : undefined;
  if (!isObject(value) || kind === undefined) return readVectorInput(value, facts);
  const known = { nearest: ["nearest", "mmr"], formula: ["formula", "defaults"] }[kind] ?? [kind];
  const query = members(value, known, "query");
  const said = query[kind];
  switch (kind) {
    case "nearest": {
      readVectorInput(said, facts);
      if (query["mmr"] === undefined) return;
      const { diversity, candidates_limit } = members(query["mmr"], ["diversity", "candidates_limit"], "mmr");
      if (diversity !== undefined) number(diversity, "diversity");
      if (candidates_limit !== undefined) whole(candidates_limit, "candidates_limit", 0, 16_384);
      return;
    }
    case "recommend": {
      const given = members(said, ["positive", "negative", "strategy"], "recommend");
      return readExamples(given, facts);
    }
    case "discover": {
      const given = members(said, ["target", "context"], "discover");
      readVectorInput(given["target"], facts);
      return readPairs(given["context"], facts);
    }
    case "context":
      return readPairs(said, facts);
    case "order_by":
      readOrder(said, facts);
      return;
    case "fusion":
      return said === "rrf" || said === "dbsf"
        ? undefined
        : unread("invalid_request", "fusion is rrf or dbsf");
    case "rrf": {
      const { k, weights } = members(said, ["k", "weights"], "rrf");
      if (k !== undefined) whole(k, "k", 1);
      if (weights !== undefined) for (const one of list(weights, "weights", 256)) number(one, "a weight");
      return;
    }
    case "sample":
      facts.kind("random");
      return said === "random" ? undefined : unread("invalid_request", "sample is random");
    case "relevance_feedback": {
      const given = members(said, ["target", "feedback", "strategy"], "relevance_feedback");
      readVectorInput(given["target"], facts);
      for (const one of list(given["feedback"], "feedback", 256)) {
        const { example, score } = members(one, ["example", "score"], "feedback");
        readVectorInput(example, facts);
        number(score, "score");
      }
      const { naive } = members(given["strategy"], ["naive"], "strategy");
      for (const one of Object.values(members(naive, ["a", "b", "c"], "naive"))) number(one, "naive");
      return;
    }
    default:
      readExpression(said, facts, 0);
      // by names of variables: `$score[0]`, or keys
      for (const name of Object.keys(isObject(query["defaults"]) ? query["defaults"] : {}))
        readVariable(name, facts);
  }
}

/** Reads `positive` and `negative`. */
export function readExamples({ positive, negative, strategy }: JsonObject, facts: Facts): void {
  for (const examples of [positive, negative]) {
    if (examples === undefined) continue;
    for (const one of list(examples, "examples", 256)) readVectorInput(one, facts);
  }
  if (
    strategy === undefined ||
    ["average_vector", "best_score", "sum_scores"].includes(text(strategy, "strategy"))
  )
    return;
  return unread("invalid_request", "strategy");
}

/** Reads pairs of a positive and a negative example. */
export function readPairs(value: Json | undefined, facts: Facts): void {
  for (const pair of Array.isArray(value)
    ? list(value, "context", 256)
    : value === undefined
      ? []
      : [value]) {
    const { positive, negative } = members(pair, ["positive", "negative"], "a pair");
    readVectorInput(positive, facts);
    readVectorInput(negative, facts);
  }
}

/** Reads what documents are sorted by, and gives its path. */
export function readOrder(value: Json | undefined, facts: Facts): string {
  if (typeof value === "string") return readKey(value, facts);
  const { key, direction, start_from } = members(value, ["key", "direction", "start_from"], "order_by");
  if (direction !== undefined && direction !== "asc" && direction !== "desc")
    return unread("invalid_request", "direction is asc or desc");
  if (start_from !== undefined && typeof start_from !== "string") number(start_from, "start_from");
  return readKey(key, facts);
}

const nested: Readonly<Record<string, "many" | "one">> = {
  ...{ mult: "many", sum: "many", neg: "one", abs: "one", sqrt: "one", exp: "one", log10: "one", ln: "one" },
};

/** Reads an expression of a formula (documentation, Hybrid Queries, Score Boosting): it may test and read any field. */
function readExpression(value: Json | undefined, facts: Facts, depth: number): void {
  if (depth > 16 || ++facts.conditions > 1_024) return unread("filter_refused", "the formula is too large");
  const inner = (one: Json | undefined): void => readExpression(one, facts, depth + 1);
  if (typeof value === "string") return readVariable(value, facts);
  if (!isObject(value)) {
    number(value, "an expression");
    return;
  }
  const [name = ""] = Object.keys(value);
  const form = nested[name];
  if (form !== undefined) {
    const said = members(value, [name], "an expression")[name];
    if (form === "one") return inner(said);
    return list(said, name, 256).forEach(inner);
  }
  switch (name) {
    case "div": {
      const { left, right, by_zero_default } = members(
        value["div"],
        ["left", "right", "by_zero_default"],
        "div",
      );
      if (by_zero_default !== undefined) number(by_zero_default, "by_zero_default");
      inner(left);
      return inner(right);
    }
    case "pow": {
      const { base, exponent } = members(value["pow"], ["base", "exponent"], "pow");
      inner(base);
      return inner(exponent);
    }
    case "lin_decay":
    case "exp_decay":
    case "gauss_decay": {
      const { x, target, scale, midpoint } = members(value[name], ["x", "target", "scale", "midpoint"], name);
      for (const one of [scale, midpoint]) if (one !== undefined) number(one, name);
      inner(x);
      return target === undefined ? undefined : inner(target);
    }
    case "datetime":
      text(members(value, ["datetime"], "datetime")["datetime"], "datetime", 64);
      return;
    case "datetime_key":
      readKey(members(value, ["datetime_key"], "datetime_key")["datetime_key"], facts);
      return;
    case "geo_distance": {
      const { origin, to } = members(value["geo_distance"], ["origin", "to"], "geo_distance");
      const { lat, lon } = members(origin, ["lat", "lon"], "origin");
      number(lat, "lat");
      number(lon, "lon");
      readKey(to, facts);
      return;
    }
    default:
      return readCondition(value, facts, "", depth + 1);
  }
}

function readVariable(name: string, facts: Facts): void {
  if (/^\$score(?:\[\d{1,4}\])?$/.test(name)) return;
  readKey(name, facts);
}

const searchParams = ["hnsw_ef", "exact", "quantization", "indexed_only", "acorn", "idf"];

/** Reads how a search is carried out. */
export function readParams(value: Json, facts: Facts): void {
  const { hnsw_ef, exact, quantization, indexed_only, acorn, idf } = members(value, searchParams, "params");
  if (hnsw_ef !== undefined) whole(hnsw_ef, "hnsw_ef", 1, 65_536);
  for (const one of [exact, indexed_only]) if (one !== undefined) truth(one, "params");
  if (quantization !== undefined) {
    const { ignore, rescore, oversampling } = members(
      quantization,
      ["ignore", "rescore", "oversampling"],
      "quantization",
    );
    for (const one of [ignore, rescore]) if (one !== undefined) truth(one, "quantization");
    if (oversampling !== undefined) number(oversampling, "oversampling");
  }
  if (acorn !== undefined) {
    const { enable, max_selectivity } = members(acorn, ["enable", "max_selectivity"], "acorn");
    if (enable !== undefined) truth(enable, "enable");
    if (max_selectivity !== undefined) number(max_selectivity, "max_selectivity");
  }
  // statistics of a chosen part of the collection would show in scores
  if (idf !== undefined && idf !== "global") unread("filter_refused", "idf is global");
  void facts;
}

/** Reads the caller's own filter. */
export function readOwnFilter(value: Json | undefined, facts: Facts): void {
  if (value === undefined) return;
  facts.kind("filter");
  readFilter(value, facts);
}
