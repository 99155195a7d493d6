/** Every route of both APIs: decided, or denied and why. What isn't here isn't there. */
import type { StoreRoute } from "../../adapter.js";
import { planBulk } from "./bulk.js";
import type { Handler } from "./context.js";
import type { Dialect } from "./dialect.js";
import { planCount, planErase } from "./filtered.js";
import { planGet, planMultiGet } from "./get.js";
import { pick } from "./hits.js";
import { ofIndex, ofStore, readIndexBody, readMappingBody, readSettingsBody } from "./manage.js";
import { planClearScroll, planClosePit, planOpenPit, planScroll } from "./paging.js";
import { planMultiSearch, planSearch } from "./search-route.js";
import { planDelete, planUpdate, planWrite } from "./write.js";
import { isObject } from "../../../../sidecar/contract.js";

export interface Route extends StoreRoute {
  /** Absent where it is denied. */
  readonly plan?: Handler;
}

const describe = (method: "GET"): Handler =>
  ofIndex({ action: "collection.describe", effect: "describe", set: "describe", method });
const update = (body?: Parameters<typeof ofIndex>[0]["body"], method: "PUT" | "POST" = "PUT"): Handler =>
  ofIndex({
    ...{ action: "collection.update", effect: "manage", set: "manage", method },
    ...(body === undefined ? {} : { body }),
  });

/** Of who writes: that what is written is found. */
const settle = ofIndex({ action: "retrieval.write", effect: "manage", set: "manage", method: "POST" });

const info = ofStore("none", (value) =>
  isObject(value) ? pick(value, ["name", "cluster_name", "cluster_uuid", "version", "tagline"]) : undefined,
);
const health = ofStore("health", (value) =>
  isObject(value)
    ? pick(value, ["cluster_name", "status", "timed_out", "number_of_nodes", "number_of_data_nodes"])
    : undefined,
);

/** Where documents can be named by more than is read, or an answer shows others than those found. */
const why = {
  all: "names no index: that would be all of them",
  template: "what is run is made in the store, of a template that isn't seen",
  script: "runs a script, which may read and write anything",
  explains: "tells of documents and terms that aren't given",
  later: "is answered later, to who knows an id",
  language: "another language, in which any index and field can be named",
  lists: "lists what belongs to all callers; ask for an index by its name",
  alias: "gives an index another name, by which it isn't configured",
  cluster: "is for those who run the cluster",
  ways: "tells of ways around the gateway",
  copies: "reads one index and writes another, where nothing is looked at",
  keys: "who may do what is decided here, and kept elsewhere",
  old: "was removed; send it as _search",
  model: "asks a model, with what the store holds",
} as const;

type Row = readonly [name: string, methods: string, path: string, to: Handler | keyof typeof why];

const common: readonly Row[] = [
  ["info", "GET, HEAD", "/", info],
  ["cluster.health", "GET", "/_cluster/health", health],
  // searches
  ["search", "GET, POST", "/{index}/_search", planSearch],
  ["search.at", "GET, POST", "/_search", planSearch],
  ["msearch", "GET, POST", "/_msearch", planMultiSearch],
  ["msearch.index", "GET, POST", "/{index}/_msearch", planMultiSearch],
  ["count", "GET, POST", "/{index}/_count", planCount],
  ["scroll", "GET, POST", "/_search/scroll", planScroll],
  ["clear_scroll", "DELETE", "/_search/scroll", planClearScroll],
  // documents
  ["get", "GET, HEAD", "/{index}/_doc/{id}", planGet],
  ["get_source", "GET, HEAD", "/{index}/_source/{id}", planGet],
  ["mget", "GET, POST", "/_mget", planMultiGet],
  ["mget.index", "GET, POST", "/{index}/_mget", planMultiGet],
  ["index", "PUT, POST", "/{index}/_doc/{id}", planWrite],
  ["index.new", "POST", "/{index}/_doc", planWrite],
  ["create", "PUT, POST", "/{index}/_create/{id}", planWrite],
  ["update", "POST", "/{index}/_update/{id}", planUpdate],
  ["delete", "DELETE", "/{index}/_doc/{id}", planDelete],
  ["bulk", "POST, PUT", "/_bulk", planBulk],
  ["bulk.index", "POST, PUT", "/{index}/_bulk", planBulk],
  ["delete_by_query", "POST", "/{index}/_delete_by_query", planErase],
  // indices
  [
    "indices.create",
    "PUT",
    "/{index}",
    ofIndex({
      action: "collection.create",
      effect: "manage",
      set: "manage",
      method: "PUT",
      body: readIndexBody,
    }),
  ],
  [
    "indices.delete",
    "DELETE",
    "/{index}",
    ofIndex({ action: "collection.delete", effect: "manage", set: "manage", method: "DELETE" }),
  ],
  ["indices.get", "GET, HEAD", "/{index}", describe("GET")],
  ["indices.get_mapping", "GET", "/{index}/_mapping", describe("GET")],
  ["indices.get_settings", "GET", "/{index}/_settings", describe("GET")],
  ["field_caps", "GET, POST", "/{index}/_field_caps", describe("GET")],
  ["indices.put_mapping", "PUT, POST", "/{index}/_mapping", update(readMappingBody)],
  ["indices.put_settings", "PUT", "/{index}/_settings", update(readSettingsBody)],
  ["indices.refresh", "GET, POST", "/{index}/_refresh", settle],
  ["indices.flush", "GET, POST", "/{index}/_flush", settle],
  ["indices.forcemerge", "POST", "/{index}/_forcemerge", update(undefined, "POST")],
  ["indices.open", "POST", "/{index}/_open", update(undefined, "POST")],
  ["indices.close", "POST", "/{index}/_close", update(undefined, "POST")],
  // denied
  ["count.all", "GET, POST", "/_count", "all"],
  ["refresh.all", "GET, POST", "/_refresh", "all"],
  ["flush.all", "GET, POST", "/_flush", "all"],
  ["mapping.all", "*", "/_mapping/{+rest}", "all"],
  ["settings.all", "*", "/_settings/{+rest}", "all"],
  ["stats.all", "GET", "/_stats/{+rest}", "lists"],
  ["stats", "GET", "/{index}/_stats/{+rest}", "lists"],
  ["segments", "GET", "/{index}/_segments", "lists"],
  ["field_caps.all", "GET, POST", "/_field_caps", "all"],
  ["search.template", "GET, POST", "/_search/template", "template"],
  ["search.template.index", "GET, POST", "/{index}/_search/template", "template"],
  ["msearch.template", "GET, POST", "/_msearch/template", "template"],
  ["msearch.template.index", "GET, POST", "/{index}/_msearch/template", "template"],
  ["render", "GET, POST", "/_render/{+rest}", "template"],
  ["scripts", "*", "/_scripts/{+rest}", "script"],
  ["painless", "*", "/_scripts/painless/{+rest}", "script"],
  ["update_by_query", "POST", "/{index}/_update_by_query", "script"],
  ["explain", "GET, POST", "/{index}/_explain/{id}", "explains"],
  ["validate", "GET, POST", "/{index}/_validate/query", "explains"],
  ["validate.all", "GET, POST", "/_validate/query", "explains"],
  ["termvectors", "GET, POST", "/{index}/_termvectors/{+rest}", "explains"],
  ["mtermvectors", "GET, POST", "/_mtermvectors", "explains"],
  ["mtermvectors.index", "GET, POST", "/{index}/_mtermvectors", "explains"],
  ["terms_enum", "GET, POST", "/{index}/_terms_enum", "explains"],
  ["analyze", "GET, POST", "/_analyze", "explains"],
  ["analyze.index", "GET, POST", "/{index}/_analyze", "explains"],
  ["rank_eval", "GET, POST", "/{index}/_rank_eval", "explains"],
  ["rank_eval.all", "GET, POST", "/_rank_eval", "all"],
  ["search_shards", "GET, POST", "/{index}/_search_shards", "ways"],
  ["search_shards.all", "GET, POST", "/_search_shards", "ways"],
  ["mvt", "GET, POST", "/{index}/_mvt/{+rest}", "explains"],
  ["reindex", "POST", "/_reindex/{+rest}", "copies"],
  ["clone", "PUT, POST", "/{index}/_clone/{target}", "copies"],
  ["split", "PUT, POST", "/{index}/_split/{target}", "copies"],
  ["shrink", "PUT, POST", "/{index}/_shrink/{target}", "copies"],
  ["rollover", "POST", "/{index}/_rollover/{+rest}", "copies"],
  ["cat", "GET", "/_cat/{+rest}", "lists"],
  ["resolve", "GET", "/_resolve/{+rest}", "lists"],
  ["aliases", "*", "/_aliases", "alias"],
  ["alias.all", "*", "/_alias/{+rest}", "alias"],
  ["alias", "*", "/{index}/_alias/{+rest}", "alias"],
  ["alias.old", "*", "/{index}/_aliases/{+rest}", "alias"],
  ["data_stream", "*", "/_data_stream/{+rest}", "cluster"],
  ["templates", "*", "/_template/{+rest}", "cluster"],
  ["index_templates", "*", "/_index_template/{+rest}", "cluster"],
  ["component_templates", "*", "/_component_template/{+rest}", "cluster"],
  ["cluster", "*", "/_cluster/{+rest}", "cluster"],
  ["nodes", "*", "/_nodes/{+rest}", "ways"],
  ["remote", "*", "/_remote/{+rest}", "ways"],
  ["tasks", "*", "/_tasks/{+rest}", "cluster"],
  ["snapshot", "*", "/_snapshot/{+rest}", "copies"],
  ["ingest", "*", "/_ingest/{+rest}", "script"],
  ["block", "PUT", "/{index}/_block/{block}", "cluster"],
  ["cache", "POST", "/_cache/clear", "cluster"],
  ["cache.index", "POST", "/{index}/_cache/clear", "cluster"],
  ["shard_stores", "GET", "/{index}/_shard_stores", "cluster"],
  ["recovery", "GET", "/{index}/_recovery", "cluster"],
  ["dangling", "*", "/_dangling/{+rest}", "cluster"],
  ["doc.typed", "*", "/{index}/_doc/{id}/{+rest}", "old"],
];

const own: Readonly<Record<Dialect["kind"], readonly Row[]>> = {
  elasticsearch: [
    ["pit.open", "POST", "/{index}/_pit", planOpenPit],
    ["pit.close", "DELETE", "/_pit", planClosePit],
    ["knn_search", "GET, POST", "/{index}/_knn_search", "old"],
    ["async_search", "POST", "/{index}/_async_search", "later"],
    ["async_search.all", "*", "/_async_search/{+rest}", "later"],
    ["sql", "*", "/_sql/{+rest}", "language"],
    ["esql", "*", "/_query/{+rest}", "language"],
    ["eql", "*", "/{index}/_eql/{+rest}", "language"],
    ["eql.all", "*", "/_eql/{+rest}", "language"],
    ["graph", "*", "/{index}/_graph/{+rest}", "explains"],
    ["inference", "*", "/_inference/{+rest}", "model"],
    ["ml", "*", "/_ml/{+rest}", "model"],
    ["security", "*", "/_security/{+rest}", "keys"],
    ["applications", "*", "/_application/{+rest}", "template"],
    ["query_rules", "*", "/_query_rules/{+rest}", "template"],
    ["synonyms", "*", "/_synonyms/{+rest}", "cluster"],
    ["enrich", "*", "/_enrich/{+rest}", "copies"],
    ["transform", "*", "/_transform/{+rest}", "copies"],
    ["rollup", "*", "/_rollup/{+rest}", "copies"],
    ["rollup_search", "GET, POST", "/{index}/_rollup_search", "explains"],
    ["downsample", "POST", "/{index}/_downsample/{target}", "copies"],
    ["ccr", "*", "/_ccr/{+rest}", "copies"],
    ["ccr.index", "*", "/{index}/_ccr/{+rest}", "copies"],
    ["watcher", "*", "/_watcher/{+rest}", "script"],
    ["fleet", "*", "/_fleet/{+rest}", "language"],
    ["fleet.index", "*", "/{index}/_fleet/{+rest}", "language"],
    ["connector", "*", "/_connector/{+rest}", "cluster"],
    ["ilm", "*", "/_ilm/{+rest}", "cluster"],
    ["ilm.index", "*", "/{index}/_ilm/{+rest}", "cluster"],
    ["slm", "*", "/_slm/{+rest}", "copies"],
    ["searchable_snapshots", "*", "/_searchable_snapshots/{+rest}", "copies"],
    ["license", "*", "/_license/{+rest}", "cluster"],
    ["xpack", "*", "/_xpack/{+rest}", "cluster"],
    ["migration", "*", "/_migration/{+rest}", "copies"],
    ["features", "*", "/_features/{+rest}", "cluster"],
    ["health_report", "GET", "/_health_report/{+rest}", "cluster"],
    ["logstash", "*", "/_logstash/{+rest}", "cluster"],
    ["text_structure", "*", "/_text_structure/{+rest}", "explains"],
    ["monitoring", "*", "/_monitoring/{+rest}", "cluster"],
    ["disk_usage", "POST", "/{index}/_disk_usage", "explains"],
    ["field_usage", "GET", "/{index}/_field_usage_stats", "explains"],
    ["lifecycle", "*", "/{index}/_lifecycle/{+rest}", "cluster"],
  ],
  opensearch: [
    ["pit.open", "POST", "/{index}/_search/point_in_time", planOpenPit],
    ["pit.close", "DELETE", "/_search/point_in_time", planClosePit],
    ["pit.all", "GET, DELETE", "/_search/point_in_time/_all", "lists"],
    ["search_pipeline", "*", "/_search/pipeline/{+rest}", "script"],
    // SQL, PPL, asynchronous search, k-NN, ML, security, alerting, ISM, cross-cluster replication, …
    ["plugins", "*", "/_plugins/{+rest}", "language"],
    ["opendistro", "*", "/_opendistro/{+rest}", "language"],
    ["list", "GET", "/_list/{+rest}", "lists"],
    ["tier", "*", "/_tier/{+rest}", "cluster"],
    ["scale", "*", "/{index}/_scale", "cluster"],
    ["wlm", "*", "/_wlm/{+rest}", "cluster"],
    ["rules", "*", "/_rules/{+rest}", "cluster"],
    ["insights", "*", "/_insights/{+rest}", "explains"],
    ["filecache", "*", "/_filecache/{+rest}", "cluster"],
    ["remotestore", "*", "/_remotestore/{+rest}", "copies"],
    ["script_context", "GET", "/_script_context", "script"],
    ["script_language", "GET", "/_script_language", "script"],
  ],
};

export function routesOf({ kind }: Dialect): readonly Route[] {
  return [...common, ...own[kind]].map(([name, method, path, to]) =>
    typeof to === "function"
      ? { name, method, path, treated: "decided", plan: to }
      : { name, method, path, treated: "denied", why: why[to] },
  );
}
