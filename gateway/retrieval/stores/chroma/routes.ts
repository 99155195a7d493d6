/**
 * Every route of Chroma's HTTP API v2, as the document that the server itself gives (`/openapi.json` of Chroma 1.5.9) lists
 * them, and what was before it.
 */
import type { StoreRoute } from "../../adapter.js";

const database = "/api/v2/tenants/{tenant}/databases/{database}";
const collection = `${database}/collections/{collection}`;
const operators = "tenants and databases are the operator's";
const everywhere = "it would reach every document of the collection, whatever its metadata";

type Line = readonly [name: string, method: string, path: string, denied?: string];

const decided: readonly Line[] = [
  ["identity", "GET", "/api/v2/auth/identity"],
  ["get_tenant", "GET", "/api/v2/tenants/{tenant}"],
  ["list_databases", "GET", "/api/v2/tenants/{tenant}/databases"],
  ["get_database", "GET", database],
  ["list_collections", "GET", `${database}/collections`],
  ["count_collections", "GET", `${database}/collections_count`],
  ["create_collection", "POST", `${database}/collections`],
  ["get_collection", "GET", collection],
  ["get_collection_by_id", "GET", `${database}/collections/by-id/{collection}`],
  ["update_collection", "PUT", collection],
  ["delete_collection", "DELETE", collection],
  ["add", "POST", `${collection}/add`],
  ["upsert", "POST", `${collection}/upsert`],
  ["update", "POST", `${collection}/update`],
  ["delete", "POST", `${collection}/delete`],
  ["get", "POST", `${collection}/get`],
  ["query", "POST", `${collection}/query`],
  ["count", "GET", `${collection}/count`],
];

const passed: readonly Line[] = [
  ["heartbeat", "GET", "/api/v2/heartbeat", "it tells the time"],
  ["root", "GET", "/api/v2", "it tells the time"],
  ["healthcheck", "GET", "/api/v2/healthcheck", "it tells whether the server is ready"],
  ["version", "GET", "/api/v2/version", "it tells the version"],
  ["pre_flight_checks", "GET", "/api/v2/pre-flight-checks", "it tells the server's limits"],
];

const denied: readonly Line[] = [
  ["reset", "POST", "/api/v2/reset", "it would delete everything"],
  ["create_tenant", "POST", "/api/v2/tenants", operators],
  ["update_tenant", "PATCH", "/api/v2/tenants/{tenant}", operators],
  ["create_database", "POST", "/api/v2/tenants/{tenant}/databases", operators],
  ["delete_database", "DELETE", database, operators],
  [
    "get_collection_by_crn",
    "GET",
    "/api/v2/collections/{crn}",
    "a resource name leads to other tenants; ask by name",
  ],
  ["search", "POST", `${collection}/search`, "a language of its own, of Chroma Cloud only: use query"],
  ["fork", "POST", `${collection}/fork`, everywhere],
  ["fork_count", "GET", `${collection}/fork_count`, "it tells of copies"],
  ["indexing_status", "GET", `${collection}/indexing_status`, "it counts all documents, also others'"],
  ["attach_function", "POST", `${collection}/functions/attach`, everywhere],
  ["get_attached_function", "GET", `${collection}/functions/{function}`, "functions aren't served"],
  ["detach_function", "POST", `${collection}/attached_functions/{name}/detach`, "functions aren't served"],
  ["openapi", "GET", "/openapi.json", "it lists more than is served"],
  ["docs", "GET", "/docs", "it lists more than is served"],
];

const asLine =
  (treated: StoreRoute["treated"]) =>
  ([name, method, path, why]: Line): StoreRoute => ({
    ...{ name, method, path, treated },
    ...(why === undefined ? {} : { why }),
  });

export const routes: readonly StoreRoute[] = [
  ...decided.map(asLine("decided")),
  ...passed.map(asLine("passed")),
  ...denied.map(asLine("denied")),
  ...["GET", "POST", "PUT", "DELETE"].map((method): StoreRoute => ({
    ...{ name: "v1", method, path: "/api/v1/{…}", treated: "denied" },
    why: "the older API; servers since 1.0 answer it with 410",
  })),
];

export interface RouteMatch {
  readonly route: StoreRoute;
  /** By the names in braces. */
  readonly said: ReadonlyMap<string, string>;
}

/** Finds the route of a request; `by-id` and its like stand above a name in their place. */
export function findRoute(method: string, segments: readonly string[]): RouteMatch | undefined {
  let found: RouteMatch | undefined;
  for (const route of routes) {
    if (route.method !== method) continue;
    const said = match(route.path, segments);
    if (said !== undefined && (found === undefined || said.size < found.said.size)) found = { route, said };
  }
  return found;
}

function match(path: string, segments: readonly string[]): Map<string, string> | undefined {
  const parts = path.slice(1).split("/");
  const rest = parts.at(-1) === "{…}";
  if (rest ? segments.length < parts.length - 1 : segments.length !== parts.length) return undefined;
  const said = new Map<string, string>();
  for (const [i, part] of parts.entries()) {
    const segment = segments[i] ?? "";
    if (part === "{…}") return said;
    if (part.startsWith("{")) said.set(part.slice(1, -1), segment);
    else if (part !== segment) return undefined;
  }
  return said;
}
