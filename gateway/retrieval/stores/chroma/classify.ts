import type { ActionName, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { Effect, StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { byClientId } from "./address.js";
import { classifyRecords } from "./classify-records.js";
import type { ChromaOperation, Deed, Place } from "./operation.js";
import { isRefusal, readBody, readNumber } from "./read-records.js";
import { findRoute } from "./routes.js";
import { namespaceOf, placeOf } from "./settings.js";
import type { Target } from "./target.js";
import { askOf, operationOf } from "./target.js";

/** Says what a request to Chroma would do. */
export function classify(request: StoreRequest, store: StoreConfig): ChromaOperation | Refusal {
  const { method, segments, query } = request;
  const found = findRoute(method, segments);
  if (found === undefined) return refuse("unknown_operation");
  const { route, said } = found;
  if (route.treated === "denied") return refuse("unknown_operation", `${route.name}: ${route.why ?? ""}`);
  const stray = [...query.keys()].find((key) => parameters[route.name]?.includes(key) !== true);
  if (stray !== undefined) return refuse("invalid_request", "an unknown parameter in the query");
  const place = readPlace(said, store);
  if (place === undefined) return refuse("unknown_collection", "no such tenant or database");
  const target = readTarget(route.name, said, place, store);
  if (records.has(route.name)) return classifyRecords(request, target, store);
  const body = request.body;
  if (body !== undefined && route.name !== "create_collection" && route.name !== "update_collection")
    return refuse("invalid_request", "no body is taken");
  return classifyManagement(request, target, store);
}

/** The parameters in a route's query. */
const parameters: Readonly<Record<string, readonly string[]>> = {
  list_databases: ["limit", "offset"],
  list_collections: ["limit", "offset"],
  count: ["read_level"],
};

const records: ReadonlySet<string> = new Set(["add", "upsert", "update", "delete", "get", "query", "count"]);

/** Undefined where the path leads elsewhere than where the store's collections are. */
function readPlace(
  said: ReadonlyMap<string, string>,
  store: StoreConfig,
): (Place & { readonly namespace?: string }) | undefined {
  const own = placeOf(store, undefined);
  const place = { tenant: said.get("tenant") ?? own.tenant, database: said.get("database") ?? own.database };
  // a neutral query's namespace comes here without having been a path
  if (Object.values(place).some((one) => one === "" || one === "." || one === "..")) return undefined;
  if (place.tenant === own.tenant && place.database === own.database) {
    const namespace = namespaceOf(store, place);
    return namespace === undefined ? place : { ...place, namespace };
  }
  if (![...store.collections.values()].some(({ namespaceField }) => namespaceField !== undefined))
    return undefined;
  const namespace = namespaceOf(store, place);
  return namespace === undefined ? undefined : { ...place, namespace };
}

function readTarget(
  route: string,
  said: ReadonlyMap<string, string>,
  { namespace, ...place }: Place & { readonly namespace?: string },
  store: StoreConfig,
): Target {
  const named = said.get("collection") ?? "";
  const byName = route === "get_collection" || route === "delete_collection";
  const collection = byName ? store.byName(named) : byClientId(store, named);
  return {
    ...{ route, place, named },
    ...(namespace === undefined ? {} : { namespace }),
    ...(collection === undefined ? {} : { collection }),
  };
}

function classifyManagement(
  request: StoreRequest,
  target: Target,
  store: StoreConfig,
): ChromaOperation | Refusal {
  const about = (deed: Deed): ChromaOperation =>
    operationOf(target, [askOf({ ...target, named: "" }, "store.describe", "describe", store)], deed);
  const on = (action: ActionName, effect: Effect, deed: Deed): ChromaOperation =>
    operationOf(target, [askOf(target, action, effect, store)], deed);
  switch (target.route) {
    case "identity":
      return about({ kind: "identity" });
    case "get_tenant":
      return about({ kind: "tenant" });
    case "list_databases":
      return about({ kind: "databases" });
    case "get_database":
      return about({ kind: "database" });
    case "list_collections":
    case "count_collections":
      return classifyList(request, target, store);
    case "create_collection":
      return classifyCreate(request, target, store);
    case "get_collection":
    case "get_collection_by_id":
      return on("collection.describe", "describe", { kind: "describe" });
    case "update_collection": {
      const body = readBody(request.body, ["new_name", "new_metadata", "new_configuration"]);
      if (isRefusal(body)) return body;
      // policy knows collections by their names
      if (body["new_name"] !== undefined && body["new_name"] !== target.collection?.name)
        return refuse("invalid_request", "new_name: names of collections are the configuration's");
      delete body["new_name"];
      return on("collection.update", "manage", { kind: "modify", body });
    }
    case "delete_collection":
      return on("collection.delete", "manage", { kind: "drop" });
    default:
      return about({ kind: "pass" });
  }
}

function classifyList(
  { query }: StoreRequest,
  target: Target,
  store: StoreConfig,
): ChromaOperation | Refusal {
  const read = (name: string, otherwise: number): number | undefined => {
    const text = query.get(name);
    if (text === undefined) return otherwise;
    return /^[0-9]{1,9}$/.test(text) ? readNumber(Number(text), otherwise) : undefined;
  };
  const limit = read("limit", Number.MAX_SAFE_INTEGER);
  const offset = read("offset", 0);
  if (limit === undefined || offset === undefined) return refuse("invalid_request", "limit or offset");
  const counted = target.route === "count_collections";
  const ask = askOf({ ...target, named: "" }, "collection.list", "describe", store);
  return operationOf(target, [ask], { kind: "list", store: store.name, limit, offset, counted });
}

function classifyCreate(
  { body: given }: StoreRequest,
  target: Target,
  store: StoreConfig,
): ChromaOperation | Refusal {
  const body = readBody(given, ["name", "metadata", "configuration", "schema", "get_or_create"]);
  if (isRefusal(body)) return body;
  const { name, get_or_create: orGet = false } = body;
  if (typeof name !== "string" || name === "") return refuse("invalid_request", "name");
  if (typeof orGet !== "boolean") return refuse("invalid_request", "get_or_create");
  const collection = store.byName(name);
  const { collection: _none, ...others } = target;
  const named: Target = { ...others, named: name, ...(collection === undefined ? {} : { collection }) };
  // who only reads asks so too (LangChain does): what is there is described
  if (orGet && store.settings["get_or_create"] !== "create")
    return operationOf(named, [askOf(named, "collection.describe", "describe", store)], { kind: "describe" });
  return operationOf(named, [askOf(named, "collection.create", "manage", store)], { kind: "create", body });
}
