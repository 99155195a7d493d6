import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, plainNumber } from "../../../../sidecar/contract.js";
import type { StoreAsk, StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { list, members, oneOf, unread, whole } from "../strict.js";
import { named, names } from "./read-name.js";
import { factsOf } from "./facts.js";
import type { HybridOperation, SearchOperation } from "./operation.js";
import { filterPaths, readFilter } from "./read-filter.js";
import {
  asksVectors,
  limitOf,
  namespaceOf,
  readConsistency,
  readOutput,
  readPartitions,
  readTarget,
  schemaOrRefuse,
  takesNumbers,
} from "./read-target.js";
import type { MilvusRoute } from "./routes.js";
import type { Schema } from "./settings.js";
import { isVector } from "./settings.js";

/** Vectors of one request; each is an ask of its own. */
const mostVectors = 64;
const mostParts = 16;

const groups = ["groupingField", "groupSize", "strictGroupSize"] as const;

/** Reads `entities/search`: each vector finds its own documents. */
export function readSearch(request: StoreRequest, store: StoreConfig, route: MilvusRoute): SearchOperation {
  const target = readTarget(request, store, [
    ...["data", "annsField", "partitionNames", "filter", "exprParams", ...groups, "limit", "offset"],
    ...["outputFields", "searchParams", "consistencyLevel", "functionScore"],
  ]);
  const { body, name, collection, database } = target;
  const schema = schemaOrRefuse(collection);
  const searched = readSearched(body, schema);
  const { params, offset: innerOffset } = readParams(body["searchParams"]);
  const filter = readFilter(body["filter"], body["exprParams"]);
  const group = readGroups(body);
  const scored = readFunctionScore(body["functionScore"]);
  const limit = limitOf(body["limit"], collection);
  const offset = body["offset"] === undefined ? innerOffset : whole(body["offset"], "offset", 0);
  const output = readOutput(body["outputFields"], []);
  const partitions = readPartitions(body["partitionNames"]);
  const namespace = namespaceOf(collection, partitions.one);
  const fields = [...[searched.field, ...filterPaths(filter), ...group.fields, ...scored.fields]];
  const asks = searched.data.map((one): StoreAsk => ({
    ...{ action: "retrieval.query", effect: "find", name, collection, ...namespace },
    query: factsOf([one], {
      ...{
        kinds: filter.expression === undefined ? [] : ["filter"],
        top_k: limit * group.size,
        offset,
        fields,
      },
      vectors: asksVectors(output, schema),
    }),
  }));
  return {
    ...{ kind: "operation", route: route.name, asks, doing: "search", collection, database, output },
    ...{ filter, limit, offset, groupSize: group.size, numbers: takesNumbers(request) },
    rest: {
      ...{ collectionName: name, data: [...searched.data], annsField: searched.field },
      ...(partitions.names.length === 0 ? {} : { partitionNames: partitions.names }),
      ...(params === undefined ? {} : { searchParams: params }),
      ...group.sent,
      ...scored.sent,
      ...readConsistency(body["consistencyLevel"]),
    },
  };
}

/** Reads `entities/hybrid_search`: searches by several vectors, whose results are one list; each has a filter of its own. */
export function readHybrid(request: StoreRequest, store: StoreConfig, route: MilvusRoute): HybridOperation {
  const target = readTarget(request, store, [
    ...["search", "rerank", "limit", "partitionNames", "outputFields", "consistencyLevel", "functionScore"],
    ...groups,
  ]);
  const { body, name, collection, database } = target;
  const schema = schemaOrRefuse(collection);
  const given = list(body["search"], "search");
  if (given.length === 0 || given.length > mostParts)
    return unread("retrieval_limit", `search: at most ${mostParts}`);
  const limit = limitOf(body["limit"], collection);
  const group = readGroups(body);
  const scored = readFunctionScore(body["functionScore"]);
  const output = readOutput(body["outputFields"], []);
  const partitions = readPartitions(body["partitionNames"]);
  const searched: Json[] = [];
  const fields = [...group.fields, ...scored.fields];
  let filtered = false;
  const parts = given.map((one) => {
    const part = members(
      one,
      ["data", "annsField", "filter", "exprParams", "metricType", "limit", "params", "groupingField"],
      "search",
    );
    const { data, field } = readSearched(part, schema);
    // of several vectors the answer would be several lists
    if (data.length !== 1) return unread("invalid_request", "data: one vector in each part");
    const filter = readFilter(part["filter"], part["exprParams"]);
    const read = readParams(part["params"], true);
    if (read.offset > 0) return unread("invalid_request", "offset");
    if (part["groupingField"] !== undefined) fields.push(named(part["groupingField"], "groupingField"));
    searched.push(...data);
    fields.push(field, ...filterPaths(filter));
    filtered ||= filter.expression !== undefined;
    const of = part["limit"] === undefined ? limit : whole(part["limit"], "limit", 1);
    if (of > (collection?.limits.topK ?? of)) return unread("retrieval_limit", "limit of a part");
    const rest: JsonObject = {
      ...{ data: [...data], annsField: field },
      ...(part["metricType"] === undefined ? {} : { metricType: named(part["metricType"], "metricType") }),
      ...(part["groupingField"] === undefined ? {} : { groupingField: part["groupingField"] }),
      ...(read.params === undefined ? {} : { params: read.params }),
    };
    return { filter, limit: of, rest };
  });
  const ask: StoreAsk = {
    ...{ action: "retrieval.query", effect: "find", name, collection },
    ...namespaceOf(collection, partitions.one),
    query: factsOf(searched, {
      ...{ kinds: filtered ? ["filter"] : [], top_k: limit * group.size, fields },
      vectors: asksVectors(output, schema),
    }),
  };
  return {
    ...{ kind: "operation", route: route.name, asks: [ask], doing: "hybrid", path: route.path },
    ...{ collection, database, output, limit, parts, groupSize: group.size },
    numbers: takesNumbers(request),
    rest: {
      collectionName: name,
      ...(partitions.names.length === 0 ? {} : { partitionNames: partitions.names }),
      ...(body["rerank"] === undefined ? {} : { rerank: readRerank(body["rerank"]) }),
      ...group.sent,
      ...scored.sent,
      ...readConsistency(body["consistencyLevel"]),
    },
  };
}

function readSearched(
  body: JsonObject,
  schema: Schema,
): { readonly data: readonly Json[]; readonly field: string } {
  const data = list(body["data"], "data");
  if (data.length === 0 || data.length > mostVectors)
    return unread("retrieval_limit", `data: at most ${mostVectors} vectors`);
  const texts = data.filter((one) => typeof one === "string");
  if (texts.length !== 0 && texts.length !== data.length) return unread("invalid_request", "data");
  for (const one of data) {
    const fits =
      typeof one === "string" ||
      (Array.isArray(one) && one.every((part) => plainNumber(part) !== undefined)) ||
      (isObject(one) &&
        Object.entries(one).every(
          ([key, part]) => /^\d{1,10}$/.test(key) && plainNumber(part) !== undefined,
        ));
    if (!fits) return unread("invalid_request", "data must be vectors or texts");
  }
  const byDefault = texts.length > 0 ? (schema.textSearch ?? schema.vector) : schema.vector;
  const field =
    body["annsField"] === undefined || body["annsField"] === ""
      ? byDefault
      : named(body["annsField"], "annsField");
  // a name that Milvus would choose isn't known here
  if (field === undefined) return unread("invalid_request", "annsField");
  if (!isVector(schema.columns.get(field))) return unread("invalid_request", "annsField is no vector column");
  return { data, field };
}

const indexParams = [
  ...["nprobe", "ef", "search_list", "level", "reorder_k", "refine_k", "itopk_size", "search_width"],
  ...["min_iterations", "max_iterations", "team_size", "drop_ratio_search", "dim_max_score_ratio", "radius"],
  ...["range_filter", "max_empty_result_buckets", "nbits", "epsilon"],
] as const;

/** Parameters of the search itself: numbers, and switches that reach no other document. */
function readParams(
  value: Json | undefined,
  flat = false,
): { readonly params?: JsonObject; readonly offset: number } {
  if (value === undefined) return { offset: 0 };
  const own = [
    "metric_type",
    "metricType",
    "params",
    "ignore_growing",
    "ignoreGrowing",
    "round_decimal",
    "hints",
  ];
  const read = members(value, [...own, ...indexParams, ...(flat ? [] : ["offset"])], "searchParams");
  const out = Object.create(null) as JsonObject;
  let offset = 0;
  for (const [name, one] of Object.entries(read)) {
    if (name === "offset") offset = whole(one, "offset", 0);
    else if (name === "params") out[name] = readNumbers(members(one, indexParams, "params"));
    else if (name === "metric_type" || name === "metricType") out[name] = named(one, name);
    else if (name === "hints") out[name] = oneOf(one, ["iterative_filter", "disable"], name);
    else if (name === "ignore_growing" || name === "ignoreGrowing") {
      if (typeof one !== "boolean") return unread("invalid_request", name);
      out[name] = one;
    } else out[name] = readNumbers({ [name]: one })[name] ?? 0;
  }
  return { params: out, offset };
}

function readNumbers(given: JsonObject): JsonObject {
  for (const [name, one] of Object.entries(given)) {
    if (plainNumber(one) === undefined) return unread("invalid_request", `${name} must be a number`);
  }
  return given;
}

interface Groups {
  readonly fields: readonly string[];
  readonly sent: JsonObject;
  /** Documents of one group: `limit` is of groups. */
  readonly size: number;
}

function readGroups(body: JsonObject): Groups {
  const { groupingField, groupSize, strictGroupSize } = body;
  if (groupingField === undefined || groupingField === "") {
    if (groupSize !== undefined || strictGroupSize !== undefined)
      return unread("invalid_request", "groupingField");
    return { fields: [], sent: {}, size: 1 };
  }
  const field = named(groupingField, "groupingField");
  if (strictGroupSize !== undefined && typeof strictGroupSize !== "boolean")
    return unread("invalid_request", "strictGroupSize");
  const size = groupSize === undefined ? 1 : whole(groupSize, "groupSize", 1);
  return {
    ...{ fields: [field], size },
    sent: {
      groupingField: field,
      ...(groupSize === undefined ? {} : { groupSize: size }),
      ...(strictGroupSize === undefined ? {} : { strictGroupSize }),
    },
  };
}

function readRerank(value: Json): JsonObject {
  const { strategy, params } = members(value, ["strategy", "params"], "rerank");
  const out: JsonObject = {};
  if (strategy !== undefined) out["strategy"] = oneOf(strategy, ["rrf", "weighted", "ws"], "strategy");
  if (params === undefined) return out;
  const { k, weights, norm_score } = members(params, ["k", "weights", "norm_score"], "params");
  const read: JsonObject = {};
  if (k !== undefined) read["k"] = whole(k, "k", 1);
  if (weights !== undefined) {
    const numbers = list(weights, "weights");
    if (!numbers.every((one) => plainNumber(one) !== undefined)) return unread("invalid_request", "weights");
    read["weights"] = [...numbers];
  }
  if (norm_score !== undefined) {
    if (typeof norm_score !== "boolean") return unread("invalid_request", "norm_score");
    read["norm_score"] = norm_score;
  }
  return { ...out, params: read };
}

/** Functions that rank anew by a field: only those whose parameters are numbers; `boost` has a filter, `model` sends texts away. */
function readFunctionScore(value: Json | undefined): {
  readonly fields: readonly string[];
  readonly sent: JsonObject;
} {
  if (value === undefined) return { fields: [], sent: {} };
  const { functions, params, ...others } = members(value, ["functions", "params"], "functionScore");
  if (params !== undefined || Object.keys(others).length > 0)
    return unread("invalid_request", "functionScore.params");
  const fields: string[] = [];
  const read = list(functions, "functions").map((one) => {
    const given = members(
      one,
      ["name", "description", "type", "inputFieldNames", "outputFieldNames", "params"],
      "functions",
    );
    const inner = members(
      given["params"] ?? {},
      ["reranker", "function", "origin", "scale", "offset", "decay", "k", "weights", "norm_score"],
      "params",
    );
    const reranker = oneOf(inner["reranker"], ["decay", "rrf", "weighted"], "reranker");
    const inputs =
      given["inputFieldNames"] === undefined ? [] : names(given["inputFieldNames"], "inputFieldNames");
    if (
      given["outputFieldNames"] !== undefined &&
      list(given["outputFieldNames"], "outputFieldNames").length > 0
    )
      return unread("invalid_request", "outputFieldNames");
    fields.push(...inputs);
    const out = Object.create(null) as JsonObject;
    for (const [name, param] of Object.entries(inner)) {
      if (name === "function") out[name] = oneOf(param, ["gauss", "exp", "linear"], name);
      else if (name === "reranker") out[name] = reranker;
      else if (name === "norm_score" && typeof param === "boolean") out[name] = param;
      else if (name === "weights") {
        if (!list(param, name).every((weight) => plainNumber(weight) !== undefined))
          unread("invalid_request", name);
        out[name] = param;
      } else out[name] = readNumbers({ [name]: param })[name] ?? 0;
    }
    return {
      ...(given["name"] === undefined ? {} : { name: named(given["name"], "name") }),
      ...(given["type"] === undefined ? {} : { type: oneOf(given["type"], ["Rerank"], "type") }),
      ...{ inputFieldNames: inputs, params: out },
    };
  });
  return { fields, sent: { functionScore: { functions: read } } };
}
