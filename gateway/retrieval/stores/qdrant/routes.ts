import type { StoreRoute } from "../../adapter.js";

/** How a route is read and answered; see classify. */
export type Handling =
  | "query"
  | "query-batch"
  | "query-groups"
  | "search"
  | "search-batch"
  | "search-groups"
  | "recommend"
  | "recommend-batch"
  | "recommend-groups"
  | "discover"
  | "discover-batch"
  | "scroll"
  | "get"
  | "get-one"
  | "count"
  | "facet"
  | "matrix-pairs"
  | "matrix-offsets"
  | "upsert"
  | "delete"
  | "set-payload"
  | "overwrite-payload"
  | "delete-payload"
  | "clear-payload"
  | "update-vectors"
  | "delete-vectors"
  | "batch"
  | "collections"
  | "aliases"
  | "describe"
  | "create"
  | "update"
  | "drop"
  | "index"
  | "drop-index"
  | "vector"
  | "drop-vector"
  | "snapshots"
  | "snapshot"
  | "drop-snapshot"
  | "none";

export interface QdrantRoute extends StoreRoute {
  readonly handling: Handling;
}

const one = "/collections/{collection_name}";
const points = `${one}/points`;

function decided(handling: Handling, method: string, path: string, name: string): QdrantRoute {
  return { name, method, path, treated: "decided", handling };
}
function passed(method: string, path: string, name: string, why: string): QdrantRoute {
  return { name, method, path, treated: "passed", why, handling: "none" };
}
function denied(
  why: string,
  ...routes: readonly [method: string, path: string, name: string][]
): QdrantRoute[] {
  return routes.map(([method, path, name]) => ({
    name,
    method,
    path,
    treated: "denied",
    why,
    handling: "none",
  }));
}

/** Every route of Qdrant's REST API: its OpenAPI document (1.12 to 1.19), and what its server has beside. */
export const routes: readonly QdrantRoute[] = [
  decided("query", "POST", `${points}/query`, "query_points"),
  decided("query-batch", "POST", `${points}/query/batch`, "query_batch_points"),
  decided("query-groups", "POST", `${points}/query/groups`, "query_points_groups"),
  decided("search", "POST", `${points}/search`, "search_points"),
  decided("search-batch", "POST", `${points}/search/batch`, "search_batch_points"),
  decided("search-groups", "POST", `${points}/search/groups`, "search_point_groups"),
  decided("recommend", "POST", `${points}/recommend`, "recommend_points"),
  decided("recommend-batch", "POST", `${points}/recommend/batch`, "recommend_batch_points"),
  decided("recommend-groups", "POST", `${points}/recommend/groups`, "recommend_point_groups"),
  decided("discover", "POST", `${points}/discover`, "discover_points"),
  decided("discover-batch", "POST", `${points}/discover/batch`, "discover_batch_points"),
  decided("scroll", "POST", `${points}/scroll`, "scroll_points"),
  decided("get", "POST", points, "get_points"),
  decided("get-one", "GET", `${points}/{id}`, "get_point"),
  decided("count", "POST", `${points}/count`, "count_points"),
  decided("facet", "POST", `${one}/facet`, "facet"),
  decided("matrix-pairs", "POST", `${points}/search/matrix/pairs`, "search_matrix_pairs"),
  decided("matrix-offsets", "POST", `${points}/search/matrix/offsets`, "search_matrix_offsets"),
  decided("upsert", "PUT", points, "upsert_points"),
  decided("delete", "POST", `${points}/delete`, "delete_points"),
  decided("set-payload", "POST", `${points}/payload`, "set_payload"),
  decided("overwrite-payload", "PUT", `${points}/payload`, "overwrite_payload"),
  decided("delete-payload", "POST", `${points}/payload/delete`, "delete_payload"),
  decided("clear-payload", "POST", `${points}/payload/clear`, "clear_payload"),
  decided("update-vectors", "PUT", `${points}/vectors`, "update_vectors"),
  decided("delete-vectors", "POST", `${points}/vectors/delete`, "delete_vectors"),
  decided("batch", "POST", `${points}/batch`, "batch_update"),
  decided("collections", "GET", "/collections", "get_collections"),
  decided("aliases", "GET", "/aliases", "get_collections_aliases"),
  decided("describe", "GET", one, "get_collection"),
  decided("describe", "GET", `${one}/exists`, "collection_exists"),
  decided("create", "PUT", one, "create_collection"),
  decided("update", "PATCH", one, "update_collection"),
  decided("drop", "DELETE", one, "delete_collection"),
  decided("index", "PUT", `${one}/index`, "create_field_index"),
  decided("drop-index", "DELETE", `${one}/index/{field_name}`, "delete_field_index"),
  decided("vector", "PUT", `${one}/vectors/{vector_name}`, "create_vector_name"),
  decided("drop-vector", "DELETE", `${one}/vectors/{vector_name}`, "delete_vector_name"),
  decided("snapshots", "GET", `${one}/snapshots`, "list_snapshots"),
  decided("snapshot", "POST", `${one}/snapshots`, "create_snapshot"),
  decided("drop-snapshot", "DELETE", `${one}/snapshots/{snapshot_name}`, "delete_snapshot"),
  passed("GET", "/", "root", "tells the store's version, which clients ask for; nothing of documents"),
  ...denied(
    "it answers no JSON; the gateway has a route of its own for its health, and the store's is for who runs it",
    ["GET", "/healthz", "healthz"],
    ["GET", "/livez", "livez"],
    ["GET", "/readyz", "readyz"],
  ),
  ...denied(
    "an alias could make a configured name stand for another collection",
    ["POST", "/collections/aliases", "update_aliases"],
    ["GET", `${one}/aliases`, "get_collection_aliases"],
  ),
  ...denied(
    "a snapshot holds all documents, whatever the caller may see",
    ["GET", `${one}/snapshots/{snapshot_name}`, "get_snapshot"],
    ["GET", "/snapshots", "list_full_snapshots"],
    ["POST", "/snapshots", "create_full_snapshot"],
    ["GET", "/snapshots/{snapshot_name}", "get_full_snapshot"],
    ["DELETE", "/snapshots/{snapshot_name}", "delete_full_snapshot"],
    ["GET", `${one}/shards/{shard_id}/snapshot`, "stream_shard_snapshot"],
    ["GET", `${one}/shards/{shard_id}/snapshots`, "list_shard_snapshots"],
    ["POST", `${one}/shards/{shard_id}/snapshots`, "create_shard_snapshot"],
    ["GET", `${one}/shards/{shard_id}/snapshots/{snapshot_name}`, "get_shard_snapshot"],
    ["DELETE", `${one}/shards/{shard_id}/snapshots/{snapshot_name}`, "delete_shard_snapshot"],
    ["POST", `${one}/shards/{shard_id}/snapshot/partial/create`, "create_partial_snapshot"],
    ["GET", `${one}/shards/{shard_id}/snapshot/partial/manifest`, "get_partial_snapshot_manifest"],
  ),
  ...denied(
    "it brings documents that nobody looked at, and may make the store fetch from anywhere",
    ["POST", `${one}/snapshots/upload`, "recover_from_uploaded_snapshot"],
    ["PUT", `${one}/snapshots/recover`, "recover_from_snapshot"],
    ["POST", `${one}/shards/{shard_id}/snapshots/upload`, "recover_shard_from_uploaded_snapshot"],
    ["PUT", `${one}/shards/{shard_id}/snapshots/recover`, "recover_shard_from_snapshot"],
    ["POST", `${one}/shards/{shard_id}/snapshot/partial/recover`, "recover_partial_snapshot"],
    ["POST", `${one}/shards/{shard_id}/snapshot/partial/recover_from`, "recover_partial_snapshot_from"],
  ),
  ...denied(
    "shards and their keys often are tenants, and their points are read past the collection's filters",
    ["GET", `${one}/shards`, "list_shard_keys"],
    ["PUT", `${one}/shards`, "create_shard_key"],
    ["POST", `${one}/shards/delete`, "delete_shard_key"],
    ["POST", `${one}/shards/{shard_id}/points`, "get_shard_points"],
    ["POST", `${one}/shards/{shard_id}/points/scroll`, "scroll_shard_points"],
    ["POST", `${one}/shards/{shard_id}/points/count`, "count_shard_points"],
    ["POST", `${one}/shards/{shard_id}/cleanup`, "cleanup_shard"],
    ["GET", `${one}/shards/{shard_id}/wal`, "get_shard_wal"],
    ["GET", `${one}/shards/{shard_id}/recovery_point`, "get_shard_recovery_point"],
    ["POST", `${one}/truncate_unapplied_wal`, "truncate_unapplied_wal"],
  ),
  ...denied(
    "the cluster is the operator's",
    ["GET", `${one}/cluster`, "collection_cluster_info"],
    ["POST", `${one}/cluster`, "update_collection_cluster"],
    ["GET", `${one}/optimizations`, "get_optimizations"],
    ["GET", "/cluster", "cluster_status"],
    ["GET", "/cluster/telemetry", "cluster_telemetry"],
    ["POST", "/cluster/recover", "recover_current_peer"],
    ["DELETE", "/cluster/peer/{peer_id}", "remove_peer"],
    ["GET", "/cluster/metadata/keys", "get_cluster_metadata_keys"],
    ["GET", "/cluster/metadata/keys/{key}", "get_cluster_metadata_key"],
    ["PUT", "/cluster/metadata/keys/{key}", "update_cluster_metadata_key"],
    ["DELETE", "/cluster/metadata/keys/{key}", "delete_cluster_metadata_key"],
    ["GET", `${one}/memory`, "get_collection_memory"],
    ["POST", `${one}/debug`, "debug_collection"],
    ["GET", "/quotas", "get_quotas"],
    ["PUT", "/quotas", "update_quotas"],
    ["GET", "/locks", "get_locks"],
    ["POST", "/locks", "post_locks"],
    ["GET", "/logger", "get_logger"],
    ["POST", "/logger", "update_logger"],
    ["GET", "/debugger", "get_debugger"],
    ["PATCH", "/debugger", "update_debugger"],
    ["GET", "/stacktrace", "get_stacktrace"],
    ["GET", "/dashboard", "web_ui"],
  ),
  ...denied(
    "it tells of all collections, their sizes and what is asked of them",
    ["GET", "/telemetry", "telemetry"],
    ["GET", "/metrics", "metrics"],
    ["GET", "/issues", "get_issues"],
    ["DELETE", "/issues", "clear_issues"],
    ["POST", "/audit/logs", "get_audit_logs"],
    ["GET", "/profiler/slow_requests", "get_slow_requests"],
  ),
];
