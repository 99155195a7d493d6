import type { Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { orRefusal, unread } from "../strict.js";
import { readManaged } from "./classify-managed.js";
import { readHybrid, readSearch } from "./classify-search.js";
import { readDelete, readGet, readQuery } from "./classify-query.js";
import { readWrite } from "./classify-write.js";
import type { MilvusOperation } from "./operation.js";
import { findRoute } from "./routes.js";

/** Says what a request would do. */
export function classify(request: StoreRequest, store: StoreConfig): MilvusOperation | Refusal {
  const route = findRoute(request.segments);
  if (route === undefined) return refuse("unknown_route");
  if (request.method !== route.method) return refuse("method_not_allowed");
  if (route.treated === "denied") return refuse("unknown_operation", route.why);
  if (request.query.size > 0) return refuse("invalid_request", "no parameters are taken");
  return orRefusal<MilvusOperation>(() => {
    if (route.managed !== undefined) return readManaged(request, store, route, route.managed);
    const { handled } = route;
    switch (handled) {
      case "search":
        return readSearch(request, store, route);
      case "hybrid":
        return readHybrid(request, store, route);
      case "query":
        return readQuery(request, store, route);
      case "get":
        return readGet(request, store, route);
      case "insert":
      case "upsert":
        return readWrite(request, store, route);
      case "delete":
        return readDelete(request, store, route);
    }
    return unread("unknown_operation");
  });
}
