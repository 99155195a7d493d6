/** Parameters of the URL, by route: each is read, or refused by name. `q`, `source`, `filter_path` are in no list. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import { isDuration } from "./search.js";
import { settingsOf } from "./settings.js";

type Form = (value: string) => boolean;
const flag: Form = (value) => value === "true" || value === "false" || value === "";
const whole: Form = (value) => /^(?:0|[1-9]\d{0,9})$/.test(value);
const word: Form = (value) => /^[A-Za-z0-9_.:,-]{1,256}$/.test(value);

/** What a route may have beside its own, and how it is written. */
const forms: Readonly<Record<string, Form>> = {
  ...{ refresh: (value) => flag(value) || value === "wait_for", realtime: flag, require_alias: flag },
  ...{ timeout: isDuration, master_timeout: isDuration, cluster_manager_timeout: isDuration },
  wait_for_active_shards: (value) => value === "all" || whole(value),
  ...{ version: whole, if_seq_no: whole, if_primary_term: whole },
  version_type: (value) => ["internal", "external", "external_gte"].includes(value),
  op_type: (value) => value === "index" || value === "create",
  preference: (value) => /^[A-Za-z0-9_:|,-]{1,128}$/.test(value) && !/_only_nodes|_prefer_nodes/.test(value),
  ...{ ignore_unavailable: flag, allow_no_indices: flag, typed_keys: flag, rest_total_hits_as_int: flag },
  expand_wildcards: (value) => /^[a-z,]{1,40}$/.test(value),
  ...{
    request_cache: flag,
    allow_partial_search_results: flag,
    ccs_minimize_roundtrips: flag,
    include_named_queries_score: flag,
  },
  search_type: (value) => value === "query_then_fetch" || value === "dfs_query_then_fetch",
  ...{
    batched_reduce_size: whole,
    max_concurrent_shard_requests: whole,
    max_concurrent_searches: whole,
    pre_filter_shard_size: whole,
  },
  ...{ scroll: isDuration, keep_alive: isDuration },
  conflicts: (value) => value === "abort" || value === "proceed",
  wait_for_completion: (value) => value === "true" || value === "",
  ...{ scroll_size: whole, max_docs: whole, requests_per_second: (value) => value === "-1" || whole(value) },
  slices: (value) => value === "auto" || whole(value),
  ...{
    local: flag,
    flat_settings: flag,
    include_defaults: flag,
    include_unmapped: flag,
    include_type_name: flag,
  },
  fields: word,
  level: word,
  wait_for_status: (value) => ["green", "yellow", "red"].includes(value),
};

/** Whether a parameter's value is of its form. */
export function isWritten(name: string, value: string): boolean {
  return forms[name]?.(value) ?? false;
}

/** Ask for an answer to read, not another one. */
const dropped: ReadonlySet<string> = new Set(["pretty", "human", "error_trace"]);

const reads = ["preference", "realtime", "refresh"];
const indices = ["ignore_unavailable", "allow_no_indices", "expand_wildcards"];
const waits = ["timeout", "master_timeout", "cluster_manager_timeout"];

export const parameterSets = {
  search: [
    ...["preference", "typed_keys", "rest_total_hits_as_int", "request_cache", "search_type"],
    ...["allow_partial_search_results", "ccs_minimize_roundtrips", "batched_reduce_size"],
    ...["max_concurrent_shard_requests", "pre_filter_shard_size", "include_named_queries_score", ...indices],
  ],
  msearch: [
    ...["typed_keys", "rest_total_hits_as_int", "search_type", "ccs_minimize_roundtrips"],
    ...["max_concurrent_searches", "max_concurrent_shard_requests", "pre_filter_shard_size", ...indices],
  ],
  count: ["preference", ...indices],
  get: reads,
  write: [
    ...[
      "refresh",
      "timeout",
      "wait_for_active_shards",
      "version",
      "version_type",
      "if_seq_no",
      "if_primary_term",
    ],
    ...["op_type", "require_alias"],
  ],
  bulk: ["refresh", "timeout", "wait_for_active_shards", "require_alias"],
  erase: [
    ...["conflicts", "refresh", "timeout", "wait_for_completion", "scroll_size", "max_docs"],
    ...["requests_per_second", "slices", "wait_for_active_shards", "preference", "request_cache", ...indices],
  ],
  pit: ["keep_alive", "preference", "allow_partial_search_results", ...indices],
  scroll: ["scroll", "rest_total_hits_as_int"],
  manage: [...waits, ...indices, "wait_for_active_shards"],
  describe: [
    ...waits,
    ...indices,
    "local",
    "flat_settings",
    "include_defaults",
    "fields",
    "include_unmapped",
    "include_type_name",
  ],
  health: [...waits, "local", "level", "wait_for_status", "wait_for_active_shards"],
  none: [],
} as const satisfies Record<string, readonly string[]>;

/**
 * Reads the parameters of a request.
 * @param own those that the route reads itself; they aren't passed on
 * @returns what is passed on
 */
export function readParameters(
  { query }: StoreRequest,
  set: keyof typeof parameterSets,
  own: readonly string[] = [],
): Readonly<Record<string, string>> | Refusal {
  const out: Record<string, string> = {};
  const known: readonly string[] = parameterSets[set];
  for (const [name, value] of query) {
    if (dropped.has(name) || own.includes(name)) continue;
    const form = known.includes(name) ? forms[name] : undefined;
    if (form === undefined)
      return refuse("filter_refused", /^[a-z_]{1,40}$/.test(name) ? `the parameter ${name}` : "a parameter");
    if (!form(value)) return refuse("filter_refused", `the parameter ${name}`);
    out[name] = value;
  }
  return out;
}

/** The parameters that say what a search's body could say; what both say is refused. */
export const searchOwn = [
  "size",
  "from",
  "sort",
  "_source",
  "_source_includes",
  "_source_excludes",
  "_source_include",
  "_source_exclude",
  "track_total_hits",
  "version",
  "seq_no_primary_term",
  "terminate_after",
  "timeout",
  "track_scores",
  "min_score",
  "docvalue_fields",
  "explain",
  "routing",
  "search_pipeline",
  "scroll",
];

/** Writes a search's parameters into its body. */
export function intoBody({ query }: StoreRequest, body: JsonObject): JsonObject | Refusal {
  const out = Object.assign(Object.create(null) as JsonObject, body);
  const set = (name: string, value: Json): boolean => {
    if (out[name] !== undefined) return false;
    out[name] = value;
    return true;
  };
  for (const [name, value] of query) {
    const number = whole(value) ? Number(value) : undefined;
    const truth = flag(value) ? value !== "false" : undefined;
    let done = true;
    switch (name) {
      case "size":
      case "from":
      case "terminate_after":
        done = number !== undefined && set(name, number);
        break;
      case "track_total_hits":
        done = (number ?? truth) !== undefined && set(name, number ?? truth ?? true);
        break;
      case "version":
      case "seq_no_primary_term":
      case "track_scores":
      case "explain":
        done = truth !== undefined && set(name, truth);
        break;
      case "timeout":
        done = set(name, value);
        break;
      case "sort":
        done = set(
          name,
          value.split(",").map((one): Json => {
            const [path = "", order, more] = one.split(":");
            return order === undefined ? path : { [path]: more === undefined ? order : null };
          }),
        );
        break;
      case "docvalue_fields":
        done = set(name, value.split(","));
        break;
      case "min_score":
        done = /^-?\d{1,9}(?:\.\d{1,9})?$/.test(value) && set(name, Number(value));
        break;
      default:
    }
    if (!done) return refuse("filter_refused", `the parameter ${name}`);
  }
  const source = sourceOf(query);
  if (source !== undefined && !set("_source", source)) return refuse("filter_refused", "_source");
  return out;
}

/** `_source`, `_source_includes` and `_source_excludes` of the URL, as a body has them. */
export function sourceOf(query: StoreRequest["query"]): Json | undefined {
  const listed = (...names: readonly string[]): string[] | undefined =>
    names.map((name) => query.get(name)?.split(",")).find((one) => one !== undefined);
  const given = query.get("_source");
  const includes = listed("_source_includes", "_source_include");
  const excludes = listed("_source_excludes", "_source_exclude");
  if (given === "false") return includes === undefined && excludes === undefined ? false : { unclear: true };
  const named = given === undefined || given === "true" || given === "" ? undefined : given.split(",");
  if (named === undefined && includes === undefined && excludes === undefined)
    return given === undefined ? undefined : true;
  if (named !== undefined && includes !== undefined) return { unclear: true };
  return {
    ...((named ?? includes) === undefined ? {} : { includes: named ?? includes ?? [] }),
    ...(excludes === undefined ? {} : { excludes }),
  };
}

/** The parameters that an operator must have allowed; undefined where one isn't. */
export function allowedOnly(
  query: StoreRequest["query"],
  collections: readonly (CollectionConfig | undefined)[],
): Readonly<Record<string, string>> | Refusal {
  const out: Record<string, string> = {};
  const routing = query.get("routing");
  const pipeline = query.get("search_pipeline");
  const every = (allows: (settings: ReturnType<typeof settingsOf>) => boolean): boolean =>
    collections.every((one) => allows(settingsOf(one)));
  if (routing !== undefined) {
    if (!every((one) => one.routing)) return refuse("filter_refused", "the parameter routing");
    out["routing"] = routing;
  }
  if (pipeline !== undefined) {
    if (!every((one) => one.searchPipelines.includes(pipeline)))
      return refuse("filter_refused", "the parameter search_pipeline");
    out["search_pipeline"] = pipeline;
  }
  return out;
}

/** Writes a path: each part encoded, with its parameters. */
export function pathOf(
  segments: readonly string[],
  parameters: Readonly<Record<string, string>> = {},
): string {
  const path = `/${segments.map(encodeURIComponent).join("/")}`;
  const query = new URLSearchParams(parameters).toString();
  return query === "" ? path : `${path}?${query}`;
}
