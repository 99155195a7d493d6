import type { ActionName } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { StoreAsk, StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { unread } from "../strict.js";
import { className, queryOf } from "./read-target.js";
import type { ManageOperation } from "./operation.js";
import type { Handling, Matched } from "./routes.js";

const actions: Partial<
  Record<Handling, { readonly action: ActionName; readonly effect: "manage" | "describe" }>
> = {
  schema: { action: "collection.list", effect: "describe" },
  describe: { action: "collection.describe", effect: "describe" },
  create: { action: "collection.create", effect: "manage" },
  update: { action: "collection.update", effect: "manage" },
  drop: { action: "collection.delete", effect: "manage" },
  "update-tenants": { action: "collection.update", effect: "manage" },
  // with all that is in them
  "drop-tenants": { action: "collection.delete", effect: "manage" },
  store: { action: "store.describe", effect: "describe" },
};

/** Reads what is done to a collection as a whole, and what the store says of itself. */
export function readManaged(
  request: StoreRequest,
  store: StoreConfig,
  { route, values }: Matched,
  handled: Handling,
): ManageOperation {
  const does = actions[handled];
  if (does === undefined) return unread("unknown_operation");
  queryOf(request, []);
  const { body, segments } = request;
  const inPath = values.get("class");
  const inBody = isObject(body) ? body["class"] : undefined;
  if (handled === "create" && inBody === undefined) return unread("invalid_request", "class");
  // a class is the one of the path, whatever the body says
  const name = inPath === undefined ? (handled === "create" ? className(inBody) : "") : className(inPath);
  if (handled === "update" && inBody !== undefined && inBody !== name)
    return unread("invalid_request", "class");
  const collection = name === "" ? undefined : store.byName(name);
  const ask: StoreAsk = {
    ...does,
    // where tenants stand for a field, who else is there is for who manages the collection
    ...(collection?.namespaceField !== undefined && listsTenants(segments, handled)
      ? { action: "collection.update" as const }
      : {}),
    name,
    ...(collection === undefined ? {} : { collection }),
  };
  return {
    ...{ kind: "operation", route: route.name, doing: "manage", asks: [ask], lists: handled === "schema" },
    request: {
      ...{ method: request.method, path: `/${segments.map(encodeURIComponent).join("/")}` },
      ...(body === undefined ? {} : { body }),
    },
  };
}

/** Shards of a collection with tenants are called as they are. */
function listsTenants(segments: readonly string[], handled: Handling): boolean {
  return handled === "describe" && ["tenants", "shards"].includes(segments.at(-1) ?? "");
}
