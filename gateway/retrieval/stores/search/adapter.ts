/** OpenSearch and Elasticsearch, spoken to by their REST API (docs/gateway-retrieval-search.md). */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { Adapter, FoundItem } from "../../adapter.js";
import { askNeutrally } from "./ask.js";
import { isRefusal } from "./context.js";
import type { Dialect } from "./dialect.js";
import { dialects } from "./dialect.js";
import { matchRoute } from "./match.js";
import { mostFetched } from "./narrow-search.js";
import { pathOf } from "./parameters.js";
import type { SearchOperation } from "./plan.js";
import { routesOf } from "./routes.js";

export const elasticsearch = createSearch(dialects.elasticsearch);
export const opensearch = createSearch(dialects.opensearch);

function createSearch(dialect: Dialect): Adapter<SearchOperation> {
  const routes = routesOf(dialect);
  return {
    ...{ routes, mostFetched, headers: dialect.headers },
    classify(request, store, cursors) {
      const matched = matchRoute(routes, request);
      if (isRefusal(matched)) return matched;
      const { route, path } = matched;
      if (route.plan === undefined)
        return refuse("unknown_operation", `${route.name} ${route.why ?? ""}`.trim());
      const planned = route.plan({ request, store, cursors, dialect, path });
      return isRefusal(planned) ? planned : { ...planned, route: route.name };
    },
    narrow: ({ plan }, narrowings) => plan.narrow(narrowings),
    empty: ({ plan }) => plan.empty(),
    lookUp: (collection, ids) => ({
      kind: "narrowed",
      request: {
        ...{ method: "POST", path: pathOf(["_mget"]) },
        body: { docs: ids.map((_id) => ({ _index: collection.name, _id })) },
      },
      exact: [false],
    }),
    lookedUp({ value }) {
      const docs = isObject(value) ? value["docs"] : undefined;
      if (!Array.isArray(docs)) return refuse("upstream_invalid");
      const items: FoundItem[] = [];
      for (const doc of docs) {
        // a shard that failed could hold what isn't found
        if (!isObject(doc) || (doc["error"] !== undefined && !isAbsentIndex(doc["error"])))
          return refuse("upstream_invalid");
        if (doc["found"] !== true) continue;
        const { _id: id, _source: source } = doc;
        if (typeof id !== "string" || !isObject(source)) return refuse("upstream_invalid");
        items.push({ ask: 0, id, metadata: source });
      }
      return items;
    },
    results: ({ plan }, sent, answer, cursors) => plan.results(answer, sent, cursors),
    refuse: refuseAsStore,
    ask: (query, collection) => askNeutrally(query, collection, dialect),
  };
}

function isAbsentIndex(error: Json): boolean {
  return isObject(error) && error["type"] === "index_not_found_exception";
}

const types: Readonly<Record<number, string>> = {
  400: "illegal_argument_exception",
  401: "security_exception",
  403: "security_exception",
  404: "resource_not_found_exception",
  405: "illegal_argument_exception",
  409: "version_conflict_engine_exception",
  429: "es_rejected_execution_exception",
};

/** As both write their errors: clients raise `ResponseError` of `error.type`, and show `error.reason`. */
function refuseAsStore({ code, status, message, fix }: Refusal, about: JsonObject): JsonObject {
  const type = types[status] ?? "status_exception";
  const reason = `${code}: ${message}`;
  return {
    error: { root_cause: [{ type, reason }], type, reason, countersign: { code, message, fix, ...about } },
    status,
  };
}
