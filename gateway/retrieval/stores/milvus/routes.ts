/** Every route of Milvus's RESTful API v2 (Milvus RESTful API reference; the server's own list, `RegisterRoutesToV2`). */
import type { ActionName } from "../../../../sidecar/contract.js";
import type { StoreRoute } from "../../adapter.js";

/** What a route does to a collection as a whole, and the members that its body may have. */
export interface Managed {
  readonly action: ActionName;
  readonly effect: "manage" | "describe" | "count";
  /** Beside `dbName`. */
  readonly members: readonly string[];
  /** Which of them are names of collections (or aliases, which stand for them); each is decided on. */
  readonly collections: readonly string[];
  /** Which names a partition. */
  readonly partition?: string;
  /** What the answer lists: names of collections. */
  readonly lists?: boolean;
}

export interface MilvusRoute extends StoreRoute {
  readonly handled?: "search" | "hybrid" | "query" | "get" | "insert" | "upsert" | "delete";
  readonly managed?: Managed;
}

const root = "/v2/vectordb";

function route(name: string, more: Omit<MilvusRoute, "name" | "method" | "path">): MilvusRoute {
  return { name, method: "POST", path: `${root}/${name}`, ...more };
}

const decided = { treated: "decided" } as const;

function entities(name: string, handled: NonNullable<MilvusRoute["handled"]>): MilvusRoute {
  return route(`entities/${name}`, { ...decided, handled });
}

function describes(name: string, more: readonly string[] = [], also: Partial<Managed> = {}): MilvusRoute {
  return manages(name, "collection.describe", more, { effect: "describe", ...also });
}

function manages(
  name: string,
  action: ActionName,
  more: readonly string[] = [],
  also: Partial<Managed> = {},
): MilvusRoute {
  const managed: Managed = {
    ...{ action, effect: "manage", members: ["collectionName", ...more], collections: ["collectionName"] },
    ...also,
  };
  return route(name, { ...decided, managed });
}

function denied(why: string, names: readonly string[]): MilvusRoute[] {
  return names.map((name) => route(name, { treated: "denied", why }));
}

/** All of a partition, or of one of several. */
const onePartition = { partition: "partitionName" } as const;

export const routes: readonly MilvusRoute[] = [
  entities("search", "search"),
  entities("hybrid_search", "hybrid"),
  entities("advanced_search", "hybrid"),
  entities("query", "query"),
  entities("get", "get"),
  entities("insert", "insert"),
  entities("upsert", "upsert"),
  entities("delete", "delete"),
  manages("collections/list", "collection.list", [], {
    ...{ effect: "describe", members: [], collections: [], lists: true },
  }),
  describes("collections/has"),
  describes("collections/describe"),
  // how many documents there are, whosever they are
  manages("collections/get_stats", "retrieval.count", [], { effect: "count" }),
  describes("collections/get_load_state", ["partitionNames"]),
  manages("collections/create", "collection.create", [
    ...["dimension", "metricType", "idType", "autoID", "autoId", "primaryFieldName", "vectorFieldName"],
    ...["schema", "indexParams", "params", "description", "consistencyLevel", "enableDynamicField"],
  ]),
  manages("collections/drop", "collection.delete"),
  manages("collections/rename", "collection.update", ["newCollectionName"], {
    collections: ["collectionName", "newCollectionName"],
  }),
  manages("collections/load", "collection.update"),
  manages("collections/refresh_load", "collection.update"),
  manages("collections/release", "collection.update"),
  manages("collections/flush", "collection.update"),
  manages("collections/compact", "collection.update", ["isClustering"]),
  describes("partitions/list"),
  describes("partitions/has", ["partitionName"], onePartition),
  manages("partitions/get_stats", "retrieval.count", ["partitionName"], { effect: "count", ...onePartition }),
  manages("partitions/create", "collection.update", ["partitionName"], onePartition),
  manages("partitions/drop", "collection.delete", ["partitionName"], onePartition),
  manages("partitions/load", "collection.update", ["partitionNames"]),
  manages("partitions/release", "collection.update", ["partitionNames"]),
  describes("indexes/list"),
  describes("indexes/describe", ["indexName"]),
  manages("indexes/create", "collection.update", ["indexParams"]),
  manages("indexes/drop", "collection.update", ["indexName"]),
  describes("aliases/list"),
  describes("aliases/describe", ["aliasName"], { members: ["aliasName"], collections: ["aliasName"] }),
  ...(["create", "alter"] as const).map((name) =>
    // an alias is a collection to whoever uses it: both names are decided on
    manages(`aliases/${name}`, "collection.update", ["aliasName"], {
      collections: ["collectionName", "aliasName"],
    }),
  ),
  manages("aliases/drop", "collection.update", [], { members: ["aliasName"], collections: ["aliasName"] }),
  ...denied("all documents go at once, whosever they are: drop or delete by a filter", [
    "collections/truncate",
  ]),
  ...denied("changes what columns and functions mean: do it at the store", [
    ...["alter_properties", "drop_properties", "add_function", "alter_function", "drop_function"].map(
      (name) => `collections/${name}`,
    ),
    ...["collections/add_function_field", "collections/drop_function_field"],
    ...["collections/fields/alter_properties", "collections/fields/add", "collections/fields/drop"],
    "collections/struct_fields/add",
    ...["indexes/alter_properties", "indexes/drop_properties"],
  ]),
  ...denied("a job's number says nothing of whose collection it works on", [
    "collections/get_compaction_state",
  ]),
  ...denied("one database is reached, the one that is configured", [
    ...["create", "drop", "list", "describe", "alter", "alter_properties", "drop_properties"].map(
      (name) => `databases/${name}`,
    ),
  ]),
  ...denied("documents would come from files that aren't looked at", [
    ...["list", "create", "get_progress", "describe", "commit", "abort"].map((name) => `jobs/import/${name}`),
  ]),
  ...denied("a snapshot holds all documents, whosever they are", [
    ...["restore_external", "export", "describe", "list"].map((name) => `jobs/snapshot/${name}`),
    ...["create", "drop", "list", "describe", "restore"].map((name) => `snapshots/${name}`),
  ]),
  ...denied("documents would come from a place that isn't looked at", [
    ...["refresh", "describe", "list"].map((name) => `jobs/external_collection/${name}`),
  ]),
  ...denied("who may do what at the store is its operator's", [
    ...["list", "describe", "create", "update_password", "drop", "grant_role", "revoke_role"].map(
      (name) => `users/${name}`,
    ),
    ...["list", "describe", "create", "alter", "drop", "grant_privilege", "revoke_privilege"].map(
      (name) => `roles/${name}`,
    ),
    ...["roles/grant_privilege_v2", "roles/revoke_privilege_v2"],
    ...["create", "drop", "list", "add_privileges_to_group", "remove_privileges_from_group"].map(
      (name) => `privilege_groups/${name}`,
    ),
  ]),
  ...denied("how the store runs is its operator's", [
    ...["create", "drop", "alter", "describe", "list", "transfer_replica"].map(
      (name) => `resource_groups/${name}`,
    ),
    ...["add", "remove", "list"].map((name) => `file_resources/${name}`),
    ...["segments/describe", "quotacenter/describe", "common/run_analyzer"],
  ]),
];

export function findRoute(segments: readonly string[]): MilvusRoute | undefined {
  const path = `/${segments.join("/")}`;
  return routes.find((one) => one.path === path);
}
