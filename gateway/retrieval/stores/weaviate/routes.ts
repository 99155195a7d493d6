/** Every route of Weaviate's REST API (Weaviate's OpenAPI document, `openapi-specs/schema.json`). */
import type { StoreRequest, StoreRoute } from "../../adapter.js";

export type Handling =
  | "graphql"
  | "list-objects"
  | "get-object"
  | "add-object"
  | "put-object"
  | "drop-object"
  | "add-objects"
  | "drop-objects"
  | "schema"
  | "describe"
  | "create"
  | "update"
  | "drop"
  | "update-tenants"
  | "drop-tenants"
  | "store";

export interface WeaviateRoute extends StoreRoute {
  readonly handled?: Handling;
}

const root = "/v1";

function decided(handled: Handling, method: string, path: string): WeaviateRoute {
  return { name: `${method} ${path}`, method, path: root + path, treated: "decided", handled };
}

function denied(why: string, lines: readonly string[]): WeaviateRoute[] {
  return lines.flatMap((line) => {
    const [methods = "", path = ""] = line.split(" ");
    return methods.split(",").map((method): WeaviateRoute => ({
      name: `${method} ${path}`,
      method,
      path: root + path,
      treated: "denied",
      why,
    }));
  });
}

export const routes: readonly WeaviateRoute[] = [
  decided("graphql", "POST", "/graphql"),
  decided("list-objects", "GET", "/objects"),
  decided("add-object", "POST", "/objects"),
  decided("get-object", "GET", "/objects/{class}/{id}"),
  decided("put-object", "PUT", "/objects/{class}/{id}"),
  decided("drop-object", "DELETE", "/objects/{class}/{id}"),
  decided("add-objects", "POST", "/batch/objects"),
  decided("drop-objects", "DELETE", "/batch/objects"),
  decided("schema", "GET", "/schema"),
  decided("create", "POST", "/schema"),
  decided("describe", "GET", "/schema/{class}"),
  decided("update", "PUT", "/schema/{class}"),
  decided("drop", "DELETE", "/schema/{class}"),
  decided("update", "POST", "/schema/{class}/properties"),
  decided("describe", "GET", "/schema/{class}/shards"),
  decided("describe", "GET", "/schema/{class}/tenants"),
  decided("update-tenants", "POST", "/schema/{class}/tenants"),
  decided("update-tenants", "PUT", "/schema/{class}/tenants"),
  decided("drop-tenants", "DELETE", "/schema/{class}/tenants"),
  decided("store", "GET", "/meta"),
  decided("store", "GET", "/.well-known/live"),
  decided("store", "GET", "/.well-known/ready"),
  ...denied("several operations in one body: send each alone", ["POST /graphql/batch"]),
  ...denied("how one logs in at the store isn't how one does here", [
    "GET /.well-known/openid-configuration",
  ]),
  ...denied("a part of a document can't be looked at alone: send all of it (PUT)", [
    "PATCH /objects/{class}/{id}",
  ]),
  ...denied("ask for the document (GET)", ["HEAD /objects/{class}/{id}"]),
  ...denied("an id without a collection reaches all of them: name the class", [
    "DELETE,GET,PATCH,PUT,HEAD /objects/{id}",
  ]),
  ...denied("nothing is stored by it, and what it says tells of the schema", ["POST /objects/validate"]),
  ...denied("a reference leads to another collection", [
    "POST,PUT,DELETE /objects/{id}/references/{property}",
    "POST,PUT,DELETE /objects/{class}/{id}/references/{property}",
    "POST /batch/references",
  ]),
  ...denied("use GraphQL, or the neutral query", [
    ...["bm25", "hybrid", "near-object", "near-text"].map((kind) => `POST /search/{class}/${kind}`),
    "POST /aggregate/{class}",
    "POST,GET,DELETE /mcp",
  ]),
  ...denied("an alias is another name for a collection: the gateway's names are configured", [
    ...["GET,POST /aliases", "GET,PUT,DELETE /aliases/{name}"],
    ...["GET /namespaces", "POST,GET,PUT,DELETE /namespaces/{name}", "POST /namespaces/{name}/suspend"],
    "POST /namespaces/{name}/resume",
  ]),
  ...denied("a copy holds all documents, whosever they are", [
    ...["POST,GET /backups/{backend}", "GET,DELETE /backups/{backend}/{id}"],
    ...[
      "POST,GET,DELETE /backups/{backend}/{id}/restore",
      "POST /export/{backend}",
      "GET,DELETE /export/{backend}/{id}",
    ],
  ]),
  ...denied("documents would be changed by documents that aren't looked at", [
    ...["POST /classifications", "GET /classifications/{id}"],
  ]),
  ...denied("who may do what at the store is its operator's", [
    ...[
      "GET /users/own-info",
      "GET /users/db",
      "GET,POST,DELETE /users/db/{id}",
      "POST /users/db/{id}/rotate-key",
    ],
    ...["POST /users/db/{id}/activate", "POST /users/db/{id}/deactivate", "GET,POST /authz/roles"],
    ...["POST /authz/roles/{id}/add-permissions", "POST /authz/roles/{id}/remove-permissions"],
    ...[
      "GET,DELETE /authz/roles/{id}",
      "POST /authz/roles/{id}/has-permission",
      "GET /authz/roles/{id}/users",
    ],
    ...["GET /authz/roles/{id}/user-assignments", "GET /authz/roles/{id}/group-assignments"],
    ...["GET /authz/users/{id}/roles", "GET /authz/users/{id}/roles/{type}", "POST /authz/users/{id}/assign"],
    ...["POST /authz/users/{id}/revoke", "POST /authz/groups/{id}/assign", "POST /authz/groups/{id}/revoke"],
    ...["GET /authz/groups/{id}/roles/{type}", "GET /authz/groups/{type}"],
  ]),
  ...denied("how the store runs is its operator's", [
    ...["GET /nodes", "GET /nodes/{class}", "GET /cluster/statistics", "GET /tasks", "POST /tokenize"],
    ...["POST,DELETE /replication/replicate", "POST /replication/replicate/force-delete"],
    ...["GET,DELETE /replication/replicate/{id}", "GET /replication/replicate/list"],
    ...[
      "POST /replication/replicate/{id}/cancel",
      "GET /replication/sharding-state",
      "GET,POST /replication/scale",
    ],
    ...["PUT /schema/{class}/shards/{shard}", "GET /schema/{class}/indexes"],
    ...["PUT,DELETE /schema/{class}/properties/{property}/index/{index}"],
    ...["POST /schema/{class}/properties/{property}/index/{index}/rebuild"],
    ...["POST /schema/{class}/properties/{property}/index/{index}/cancel"],
    ...[
      "POST /schema/{class}/properties/{property}/tokenize",
      "DELETE /schema/{class}/vectors/{vector}/index",
    ],
  ]),
  ...denied("list the tenants", ["HEAD,GET /schema/{class}/tenants/{tenant}"]),
  ...denied("what there is is in the documentation", ["GET /"]),
];

export interface Matched {
  readonly route: WeaviateRoute;
  /** What stands for `{name}`. */
  readonly values: ReadonlyMap<string, string>;
}

/** Finds the line that a request is: what is written out goes before what varies. */
export function matchRoute({ method, segments }: StoreRequest): Matched | "method" | undefined {
  let other = false;
  let best: (Matched & { readonly varying: number }) | undefined;
  for (const route of routes) {
    const parts = route.path.split("/").filter((part) => part !== "");
    if (parts.length !== segments.length) continue;
    if (!parts.every((part, i) => part.startsWith("{") || part === segments[i])) continue;
    if (route.method !== method) {
      other = true;
      continue;
    }
    const named = parts.flatMap((part, i): [string, string][] =>
      part.startsWith("{") ? [[part.slice(1, -1), segments[i] ?? ""]] : [],
    );
    if (best === undefined || named.length < best.varying)
      best = { route, values: new Map(named), varying: named.length };
  }
  return best ?? (other ? "method" : undefined);
}
