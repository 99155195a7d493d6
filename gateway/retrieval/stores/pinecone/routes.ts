import type { StoreRoute } from "../../adapter.js";

/** How a route is read and answered; see classify. */
export type Handling =
  | "query"
  | "fetch"
  | "fetch-by-metadata"
  | "list"
  | "upsert"
  | "update"
  | "delete"
  | "stats"
  | "describe-namespace"
  | "create-namespace"
  | "delete-namespace"
  | "search-records"
  | "upsert-records"
  | "list-indexes"
  | "describe-index"
  | "create-index"
  | "create-for-model"
  | "configure-index"
  | "delete-index"
  | "none";

export interface PineconeRoute extends StoreRoute {
  readonly handling: Handling;
  /** At an index's own host, or at `api.pinecone.io`. */
  readonly plane: "data" | "control";
}

type Line = readonly [method: string, path: string, name: string];

function decided(
  plane: PineconeRoute["plane"],
  handling: Handling,
  ...[method, path, name]: Line
): PineconeRoute {
  return { name, method, path, treated: "decided", handling, plane };
}
function denied(plane: PineconeRoute["plane"], why: string, ...lines: readonly Line[]): PineconeRoute[] {
  return lines.map(([method, path, name]) => ({
    name,
    method,
    path,
    treated: "denied",
    why,
    handling: "none",
    plane,
  }));
}

const records = "/records/namespaces/{namespace}";

/** Every route of Pinecone's APIs: its OpenAPI documents, 2024-07 to 2026-04. */
export const routes: readonly PineconeRoute[] = [
  decided("data", "query", "POST", "/query", "query_vectors"),
  decided("data", "fetch", "GET", "/vectors/fetch", "fetch_vectors"),
  decided("data", "fetch-by-metadata", "POST", "/vectors/fetch_by_metadata", "fetch_vectors_by_metadata"),
  decided("data", "list", "GET", "/vectors/list", "list_vectors"),
  decided("data", "upsert", "POST", "/vectors/upsert", "upsert_vectors"),
  decided("data", "update", "POST", "/vectors/update", "update_vector"),
  decided("data", "delete", "POST", "/vectors/delete", "delete_vectors"),
  decided("data", "stats", "POST", "/describe_index_stats", "describe_index_stats"),
  decided("data", "search-records", "POST", `${records}/search`, "search_records_namespace"),
  decided("data", "upsert-records", "POST", `${records}/upsert`, "upsert_records_namespace"),
  decided("data", "describe-namespace", "GET", "/namespaces/{namespace}", "describe_namespace"),
  decided("data", "create-namespace", "POST", "/namespaces", "create_namespace"),
  decided("data", "delete-namespace", "DELETE", "/namespaces/{namespace}", "delete_namespace"),
  ...denied("data", "namespaces often are tenants; ask about the one that is meant", [
    "GET",
    "/namespaces",
    "list_namespaces",
  ]),
  ...denied(
    "data",
    "an import brings records that nobody looked at, and may make the store fetch from anywhere",
    ["GET", "/bulk/imports", "list_bulk_imports"],
    ["POST", "/bulk/imports", "start_bulk_import"],
    ["GET", "/bulk/imports/{id}", "describe_bulk_import"],
    ["DELETE", "/bulk/imports/{id}", "cancel_bulk_import"],
  ),
  decided("control", "list-indexes", "GET", "/indexes", "list_indexes"),
  decided("control", "describe-index", "GET", "/indexes/{index_name}", "describe_index"),
  decided("control", "create-index", "POST", "/indexes", "create_index"),
  decided("control", "create-for-model", "POST", "/indexes/create-for-model", "create_index_for_model"),
  decided("control", "configure-index", "PATCH", "/indexes/{index_name}", "configure_index"),
  decided("control", "delete-index", "DELETE", "/indexes/{index_name}", "delete_index"),
  ...denied(
    "control",
    "a backup or collection holds all records, whatever the caller may see, and comes back under another name",
    ["GET", "/indexes/{index_name}/backups", "list_index_backups"],
    ["POST", "/indexes/{index_name}/backups", "create_backup"],
    ["GET", "/backups", "list_project_backups"],
    ["GET", "/backups/{backup_id}", "describe_backup"],
    ["DELETE", "/backups/{backup_id}", "delete_backup"],
    ["POST", "/backups/{backup_id}/create-index", "create_index_from_backup"],
    ["GET", "/restore-jobs", "list_restore_jobs"],
    ["GET", "/restore-jobs/{job_id}", "describe_restore_job"],
    ["GET", "/collections", "list_collections"],
    ["POST", "/collections", "create_collection"],
    ["GET", "/collections/{collection_name}", "describe_collection"],
    ["DELETE", "/collections/{collection_name}", "delete_collection"],
  ),
  ...denied(
    "control",
    "models are called through the gateway's own routes",
    ["POST", "/embed", "embed"],
    ["POST", "/rerank", "rerank"],
    ["GET", "/models", "list_models"],
    ["GET", "/models/{model_name}", "get_model"],
  ),
  ...denied(
    "control",
    "what an assistant reads of its files can't be looked at one by one",
    ["GET", "/assistant/assistants", "list_assistants"],
    ["POST", "/assistant/assistants", "create_assistant"],
    ["GET", "/assistant/assistants/{assistant_name}", "get_assistant"],
    ["PATCH", "/assistant/assistants/{assistant_name}", "update_assistant"],
    ["DELETE", "/assistant/assistants/{assistant_name}", "delete_assistant"],
    ["GET", "/files/{assistant_name}", "list_files"],
    ["POST", "/files/{assistant_name}", "upload_file"],
    ["GET", "/files/{assistant_name}/{assistant_file_id}", "describe_file"],
    ["PUT", "/files/{assistant_name}/{assistant_file_id}", "upsert_file"],
    ["DELETE", "/files/{assistant_name}/{assistant_file_id}", "delete_file"],
    ["GET", "/operations/{assistant_name}", "list_operations"],
    ["GET", "/operations/{assistant_name}/{operation_id}", "describe_operation"],
    ["POST", "/chat/{assistant_name}", "chat_assistant"],
    ["POST", "/chat/{assistant_name}/context", "context_assistant"],
    ["POST", "/chat/{assistant_name}/chat/completions", "chat_completion_assistant"],
    ["POST", "/assistant/evaluation/metrics/alignment", "metrics_alignment"],
  ),
  ...denied(
    "control",
    "projects, keys and organizations are the operator's",
    ["GET", "/admin/projects", "list_projects"],
    ["POST", "/admin/projects", "create_project"],
    ["GET", "/admin/projects/{project_id}", "fetch_project"],
    ["PATCH", "/admin/projects/{project_id}", "update_project"],
    ["DELETE", "/admin/projects/{project_id}", "delete_project"],
    ["GET", "/admin/projects/{project_id}/api-keys", "list_project_api_keys"],
    ["POST", "/admin/projects/{project_id}/api-keys", "create_api_key"],
    ["GET", "/admin/api-keys/{api_key_id}", "fetch_api_key"],
    ["PATCH", "/admin/api-keys/{api_key_id}", "update_api_key"],
    ["DELETE", "/admin/api-keys/{api_key_id}", "delete_api_key"],
    ["GET", "/admin/organizations", "list_organizations"],
    ["GET", "/admin/organizations/{organization_id}", "fetch_organization"],
    ["PATCH", "/admin/organizations/{organization_id}", "update_organization"],
    ["DELETE", "/admin/organizations/{organization_id}", "delete_organization"],
    ["POST", "/oauth/token", "get_token"],
    ["GET", "/prometheus/projects/{project_id}/metrics/discover", "fetch_prometheus_targets"],
  ),
];
