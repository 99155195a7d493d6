import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../../../sidecar/contract.js";
import type { Narrowed, Narrowing, SentRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { Compiled } from "../../conditions/compile.js";
import { compile } from "../../conditions/compile.js";
import { collectionsPath, toCollection } from "./address.js";
import { all, any, language } from "./filter.js";
import type { ChromaOperation, Chosen, Include, Place } from "./operation.js";
import { placeOf } from "./settings.js";

/** The most that is asked for at once: the server has no bound of its own, Chroma Cloud's quotas are lower. */
export const mostFetched = 10_000;
/** Collections of a database that a list looks at. */
const mostListed = 1_000;

/** Writes the request that may be sent. */
export function narrow(operation: ChromaOperation, narrowings: readonly Narrowing[]): Narrowed | Refusal {
  const { deed, place, collection } = operation;
  const plainly = (request: SentRequest): Narrowed => ({
    kind: "narrowed",
    request,
    exact: operation.asks.map(() => true),
  });
  switch (deed.kind) {
    case "pass":
      return plainly({ method: "GET", path: pathOf(operation) });
    case "identity":
      return plainly({ method: "GET", path: "/api/v2/auth/identity" });
    case "tenant":
      return plainly({ method: "GET", path: tenantPath(place) });
    case "databases":
      return plainly({ method: "GET", path: `${tenantPath(place)}/databases?limit=${mostListed}&offset=0` });
    case "database":
      return plainly({ method: "GET", path: collectionsPath(place).replace(/\/collections$/, "") });
    case "list":
      return plainly({ method: "GET", path: `${collectionsPath(place)}?limit=${mostListed}&offset=0` });
    case "create":
      return plainly({ method: "POST", path: collectionsPath(place), body: deed.body });
    default:
      break;
  }
  if (collection === undefined) return refuse("unknown_collection");
  const named = `${collectionsPath(place)}/${encodeURIComponent(collection.name)}`;
  switch (deed.kind) {
    case "describe":
      return plainly({ method: "GET", path: named });
    case "drop":
      return plainly({ method: "DELETE", path: named });
    case "modify":
      return plainly(toCollection(place, collection, "", { method: "PUT", body: deed.body }));
    default:
      return narrowRecords(operation, collection, narrowings);
  }
}

/** Of the routes that are passed: there is nothing in them that varies. */
function pathOf({ route }: ChromaOperation): string {
  return route === "root" ? "/api/v2" : `/api/v2/${route.replaceAll("_", "-")}`;
}

function tenantPath({ tenant }: Place): string {
  return `/api/v2/tenants/${encodeURIComponent(tenant)}`;
}

function narrowRecords(
  { deed, place, asks }: ChromaOperation,
  collection: CollectionConfig,
  narrowings: readonly Narrowing[],
): Narrowed | Refusal {
  const [first] = narrowings;
  if (first === undefined) throw new Error("an ask without a narrowing");
  const { hidden, topK, most } = first;
  const policy = merge(narrowings.map(({ condition }) => compile(condition, collection.fields, language)));
  const narrowed = (request: SentRequest, exact = policy.exact): Narrowed => ({
    ...{ kind: "narrowed", request },
    exact: asks.map(() => exact),
  });
  const post = (route: string, body: JsonObject) =>
    toCollection(place, collection, route, { method: "POST", body });
  switch (deed.kind) {
    case "query": {
      const results = Math.min(deed.results, ...narrowings.map((one) => one.topK));
      const perQuery = Math.floor(mostFetched / asks.length);
      return narrowed(
        post("/query", {
          ...filtersOf(deed.chosen, policy),
          query_embeddings: [...deed.embeddings],
          n_results: policy.exact ? results : Math.max(results, Math.min(most, perQuery)),
          include: asked(deed.include, hidden),
        }),
      );
    }
    case "get":
      // pages of what is more than may be seen would begin in the wrong place
      if (!policy.exact && deed.offset > 0) return refuse("filter_not_expressible");
      return narrowed(
        post("/get", {
          ...filtersOf(deed.chosen, policy),
          limit: policy.exact ? Math.min(deed.limit, topK) : most,
          offset: deed.offset,
          include: asked(deed.include, hidden),
        }),
      );
    case "count":
      // the server counts all or nothing: what is filtered is listed, by ids alone
      return policy.filter === undefined
        ? narrowed(toCollection(place, collection, "/count", { method: "GET" }))
        : narrowed(post("/get", { where: policy.filter, limit: mostFetched, include: [] }));
    case "delete": {
      const { limit, chosen } = deed;
      // documents with these ids were looked at, one by one
      const exact = policy.exact || chosen.ids !== undefined;
      return narrowed(
        post("/delete", { ...filtersOf(chosen, policy), ...(limit === undefined ? {} : { limit }) }),
        exact,
      );
    }
    case "write": {
      const { verb, records } = deed;
      const { ids, embeddings, metadatas, documents, uris } = records;
      const given = first.documents ?? metadatas?.map((one) => one ?? {}) ?? ids.map(() => ({}));
      return narrowed(
        post(`/${verb}`, {
          ids: [...ids],
          ...(embeddings === undefined ? {} : { embeddings }),
          // the server refuses metadata that is there and empty
          metadatas: given.map((one) => (Object.keys(one).length === 0 ? null : one)),
          ...(documents === undefined ? {} : { documents }),
          ...(uris === undefined ? {} : { uris }),
        }),
        true,
      );
    }
    default:
      throw new Error("not about documents");
  }
}

/** One request has one filter: where its queries are narrowed differently, it holds wherever one of theirs does. */
function merge(compiled: readonly Compiled<JsonObject>[]): Compiled<JsonObject> {
  const different = new Map(compiled.map((one) => [stringifyJson(one.filter ?? null), one]));
  const [only] = different.values();
  if (different.size === 1 && only !== undefined) return only;
  const filters = [...different.values()].flatMap(({ filter }) => (filter === undefined ? [] : [filter]));
  return filters.length < different.size ? { exact: false } : { filter: any(filters), exact: false };
}

/** INVARIANT: the caller's filter stands beside policy's under `$and`, as it came: it can only take away. */
function filtersOf({ ids, where, whereDocument }: Chosen, policy: Compiled<JsonObject>): JsonObject {
  const both = [where, policy.filter].filter((one) => one !== undefined);
  return {
    ...(ids === undefined ? {} : { ids: [...ids] }),
    ...(both.length === 0 ? {} : { where: all(both) }),
    ...(whereDocument === undefined ? {} : { where_document: whereDocument }),
  };
}

/** What columns hold, among hidden paths. */
const columns: Readonly<Partial<Record<Include, string>>> = {
  documents: "#document",
  embeddings: "#embedding",
  uris: "#uri",
};

/** Which columns the caller gets. */
export function shown(include: readonly Include[], hidden: readonly string[]): Include[] {
  return include.filter((one) => !hidden.includes(columns[one] ?? ""));
}

/** Metadata always comes along: each document is looked at. */
function asked(include: readonly Include[], hidden: readonly string[]): Json[] {
  return [...new Set<Json>([...shown(include, hidden), "metadatas"])];
}

/** The request that finds documents by their ids, with their metadata. */
export function lookUp(
  collection: CollectionConfig,
  ids: readonly string[],
  namespace: string | undefined,
  store: StoreConfig,
): Narrowed {
  const meant = [...new Set(ids)];
  const body = { ids: meant, limit: meant.length, include: ["metadatas"] };
  const request = toCollection(placeOf(store, namespace), collection, "/get", { method: "POST", body });
  return { kind: "narrowed", request, exact: [true] };
}
