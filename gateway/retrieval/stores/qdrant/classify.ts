import type { ActionName, Json, Refusal } from "../../../../sidecar/contract.js";
import type { StoreAsk, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { Cursors } from "../../cursors.js";
import { matchRoute } from "../match-route.js";
import type { Change, QdrantOperation, Search } from "./operation.js";
import { readChange } from "./read-change.js";
import { writeId } from "./read-id.js";
import { readManaged } from "./read-managed.js";
import { readSearch, type SearchForm } from "./read-search.js";
import { type Handling, routes } from "./routes.js";
import { list, members, orRefusal, unread } from "../strict.js";

/** Of one batch; each is a decision. */
const mostSearches = 64;

/** Reads a request of Qdrant's REST API. */
export function classify(
  request: StoreRequest,
  store: StoreConfig,
  cursors: Cursors,
): QdrantOperation | Refusal {
  const matched = matchRoute(routes, request);
  if (matched.kind === "refusal") return matched;
  const { route, values } = matched;
  const name = values["collection_name"] ?? "";
  const collection = name === "" ? undefined : store.byName(name);
  return orRefusal(() => {
    const query = readParameters(request);
    const { handling } = route;
    const reads = handling === "get-one";
    const read = readRequest(handling, request, { name, collection, cursors, values });
    return {
      kind: "operation",
      route: route.name,
      handling,
      method: reads ? "POST" : (route.method as QdrantOperation["method"]),
      // a point alone is got as one of a list, so that one that isn't there and one that may not be seen look the same
      path: reads ? request.segments.slice(0, -1) : request.segments,
      query: reads ? query.filter(([one]) => one === "consistency") : query,
      ...(collection === undefined ? {} : { collection }),
      ...read,
    };
  });
}

interface About {
  readonly name: string;
  readonly collection: CollectionConfig | undefined;
  readonly cursors: Cursors;
  readonly values: Readonly<Record<string, string>>;
}

type Read = Pick<QdrantOperation, "asks" | "searches" | "changes" | "body">;

const searchForms: Partial<Record<Handling, SearchForm>> = {
  query: "query",
  "query-groups": "query-groups",
  search: "search",
  "search-groups": "search-groups",
  recommend: "recommend",
  "recommend-groups": "recommend-groups",
  discover: "discover",
  scroll: "scroll",
  get: "get",
  count: "count",
  facet: "facet",
  "matrix-pairs": "matrix",
  "matrix-offsets": "matrix",
};
const batches: Partial<Record<Handling, SearchForm>> = {
  "query-batch": "query",
  "search-batch": "search",
  "recommend-batch": "recommend",
  "discover-batch": "discover",
};
const changes = [
  ...["upsert", "delete", "set-payload", "overwrite-payload", "delete-payload", "clear-payload"],
  ...["update-vectors", "delete-vectors"],
] as readonly (Change["kind"] | "clear-payload")[];

function readRequest(handling: Handling, { body, form }: StoreRequest, about: About): Read {
  if (form === "ndjson") return unread("unsupported_media_type");
  const { name, collection } = about;
  if (handling === "get-one") {
    const id = about.values["id"] ?? "";
    const read = writeId(id);
    if (read === undefined) return unread("invalid_request", "id must be an unsigned integer or a UUID");
    const given = { ids: [read], with_payload: true, with_vector: true };
    return searching([readSearch(given, "get", about)], handling, about);
  }
  const single = searchForms[handling];
  if (single !== undefined) return searching([readSearch(body ?? {}, single, about)], handling, about);
  const several = batches[handling];
  if (several !== undefined) {
    const all = list(members(body, ["searches"], "the body")["searches"], "searches", mostSearches);
    if (all.length === 0) return unread("invalid_request", "searches is empty");
    return searching(
      all.map((one) => readSearch(one, several, about)),
      handling,
      about,
    );
  }
  const one = changes.find((kind) => kind === handling);
  if (one !== undefined) return changing([readChange(one, body, name, collection)]);
  if (handling === "batch") return changing(readOperations(body, about));
  return { ...readManaged(handling, body, about), searches: [], changes: [] };
}

function searching(searches: readonly Search[], handling: Handling, { name, collection }: About): Read {
  return {
    searches,
    changes: [],
    asks: searches.map((search): StoreAsk => {
      const { facts, examples, namespace } = search;
      return {
        ...{ ...actionOf(handling, search), name, collection, query: facts },
        ...(namespace === undefined ? {} : { namespace }),
        ...(examples.length === 0 ? {} : { ids: examples }),
      };
    }),
  };
}

function actionOf(handling: Handling, { body, order }: Search): Pick<StoreAsk, "action" | "effect"> {
  switch (handling) {
    case "get":
    case "get-one":
      return { action: "retrieval.get", effect: "find" };
    case "scroll":
      return { action: "retrieval.export", effect: "find" };
    case "count":
    case "facet":
      return { action: "retrieval.count", effect: "count" };
    case "matrix-pairs":
    case "matrix-offsets":
      // ids and how near they are to each other, of documents that aren't shown
      return { action: "retrieval.query", effect: "count" };
    default: {
      // without anything to be near to, it is a list, page by page
      const lists = body["prefetch"] === undefined && (order !== undefined || body["query"] === undefined);
      const query = handling.startsWith("query");
      return { action: query && lists ? "retrieval.export" : "retrieval.query", effect: "find" };
    }
  }
}

const operations: Readonly<Record<string, Change["kind"] | "clear-payload">> = {
  upsert: "upsert",
  delete: "delete",
  set_payload: "set-payload",
  overwrite_payload: "overwrite-payload",
  delete_payload: "delete-payload",
  clear_payload: "clear-payload",
  update_vectors: "update-vectors",
  delete_vectors: "delete-vectors",
};

/** Batch update: each operation under its name. */
function readOperations(
  body: Json | undefined,
  { name, collection }: About,
): ReturnType<typeof readChange>[] {
  const all = list(members(body, ["operations"], "the body")["operations"], "operations", 32);
  if (all.length === 0) return unread("invalid_request", "operations is empty");
  return all.map((one) => {
    const operation = members(one, Object.keys(operations), "an operation");
    const [called, ...others] = Object.keys(operation);
    const kind = called === undefined ? undefined : operations[called];
    if (called === undefined || kind === undefined || others.length > 0)
      return unread("invalid_request", "an operation has one name");
    return readChange(kind, operation[called], name, collection);
  });
}

function changing(read: readonly ReturnType<typeof readChange>[]): Read {
  const asks: StoreAsk[] = [];
  const all: Change[] = [];
  for (const one of read) {
    const ask = asks.length;
    const brings = one.asks.findIndex(({ documents }) => documents !== undefined);
    asks.push(...one.asks);
    all.push({ ...one.change, ask, ...(brings < 0 ? {} : { brings: ask + brings }) });
  }
  return { asks, searches: [], changes: all };
}

const parameters: Readonly<Record<string, RegExp>> = {
  wait: /^(?:true|false)$/,
  ordering: /^(?:weak|medium|strong)$/,
  timeout: /^\d{1,6}$/,
  consistency: /^(?:\d{1,4}|majority|quorum|all)$/,
};

function readParameters({ query }: StoreRequest): [string, string][] {
  return [...query].map(([name, value]) => {
    if (parameters[name]?.test(value) !== true)
      return unread("invalid_request", "a parameter of the path's query");
    return [name, value];
  });
}

/** Makes an ask that no condition applies to. */
export function managing(
  action: ActionName,
  { name, collection }: Pick<About, "name" | "collection">,
): StoreAsk {
  const describes =
    action === "collection.describe" || action === "store.describe" || action === "collection.list";
  return { action, effect: describes ? "describe" : "manage", name, collection };
}
