import type { StoreAsk, StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { unread } from "../strict.js";
import { named } from "./read-name.js";
import type { ManageOperation } from "./operation.js";
import { readTarget } from "./read-target.js";
import type { Managed, MilvusRoute } from "./routes.js";

/** Reads what is done to a collection as a whole; each name that stands for one is decided on. */
export function readManaged(
  request: StoreRequest,
  store: StoreConfig,
  route: MilvusRoute,
  managed: Managed,
): ManageOperation {
  const { action, effect, members: known, collections, partition, lists = false } = managed;
  const { body, database } = readTarget(request, store, known, known.includes("collectionName"));
  if (body["collectionName"] !== undefined && !known.includes("collectionName"))
    return unread("invalid_request", "collectionName");
  const space = partition === undefined ? {} : { namespace: named(body[partition], partition) };
  const asks = collections.map((member): StoreAsk => {
    const name = named(body[member], member);
    const collection = store.byName(name);
    // where partitions stand for a field, which there are is for who manages the collection
    const tells = route.path.includes("/partitions/") && action === "collection.describe";
    const told = tells && collection?.namespaceField !== undefined;
    return { action: told ? "collection.update" : action, effect, name, collection, ...space };
  });
  return {
    ...{ kind: "operation", route: route.name, doing: "manage", path: route.path, lists },
    ...{ counts: effect === "count", body: { ...body, dbName: database } },
    asks: asks.length === 0 ? [{ action, effect, name: "" }] : asks,
  };
}
