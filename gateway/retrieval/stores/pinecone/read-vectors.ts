import type { Json } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import { Facts, members, number, truth, unread, whole } from "../strict.js";
import { pages } from "./operation.js";
import type { About, Read } from "./read-parts.js";
import { askOf, namespaceOf, readId, readNamespace, readToken, shown, takeNamespace } from "./read-parts.js";
import { readNumbers, readOwnFilter, readSparse } from "./read-values.js";
import { readDelete, readNamespaces, readUpdate, readUpsert } from "./read-writes.js";

/** Parameters of a path's query that a route takes. */
const parameters: Partial<Record<About["handling"], readonly string[]>> = {
  fetch: ["namespace"],
  list: ["prefix", "limit", "paginationToken", "namespace"],
};

/** Reads what is about vectors and namespaces of an index. */
export function readVectors(request: StoreRequest, about: About): Read {
  const { handling } = about;
  if (request.form === "ndjson") return unread("unsupported_media_type");
  const taken = parameters[handling] ?? [];
  for (const name of request.query.keys())
    if (!taken.includes(name)) return unread("invalid_request", "a parameter of the path's query");
  const repeated = request.lists?.get("ids") ?? [];
  if (handling !== "fetch" && repeated.length > 0)
    return unread("invalid_request", "a parameter of the path's query");
  switch (handling) {
    case "query":
      return readQuery(request.body, about);
    case "fetch":
      return readFetch(repeated, request, about);
    case "fetch-by-metadata":
      return readFetchByMetadata(request.body, about);
    case "list":
      return readList(request, about);
    case "upsert":
      return readUpsert(request.body, about);
    case "update":
      return readUpdate(request.body, about);
    case "delete":
      return readDelete(request.body, about);
    case "stats": {
      // counted by a filter of the caller's, it would tell of what nobody looked at
      members(request.body ?? {}, [], "the body");
      return { asks: [askOf(about, { action: "collection.describe", effect: "describe" })], shows: shown };
    }
    default:
      return readNamespaces(request.body, about);
  }
}

function readQuery(value: Json | undefined, about: About): Read {
  // `queries` isn't known: each of it has a namespace and filter of its own, instead of the request's
  const known = [
    ...["namespace", "topK", "filter", "includeValues", "includeMetadata", "vector", "sparseVector", "id"],
    ...["scanFactor", "maxCandidates"],
  ];
  const body = members(value, known, "the body");
  const facts = new Facts();
  const top = whole(body["topK"], "topK", 1, 10_000);
  readOwnFilter(body, facts);
  const values = body["includeValues"] !== undefined && truth(body["includeValues"], "includeValues");
  const metadata = body["includeMetadata"] !== undefined && truth(body["includeMetadata"], "includeMetadata");
  if (body["scanFactor"] !== undefined) number(body["scanFactor"], "scanFactor");
  if (body["maxCandidates"] !== undefined) whole(body["maxCandidates"], "maxCandidates", 1, 100_000);
  const ids: string[] = [];
  if (body["id"] !== undefined) {
    if (body["vector"] !== undefined || body["sparseVector"] !== undefined)
      return unread("invalid_request", "a query has an id or a vector");
    ids.push(readId(body["id"]));
    facts.kind("ids");
  } else if (body["vector"] === undefined && body["sparseVector"] === undefined)
    return unread("invalid_request", "a query has an id or a vector");
  if (body["vector"] !== undefined) facts.searched("vector", body["vector"], readNumbers(body["vector"]));
  if (body["sparseVector"] !== undefined) readSparse(body["sparseVector"], facts);
  const namespace = takeNamespace(body);
  return {
    ...{ body, shows: { metadata, values } },
    ...(namespace === undefined ? {} : { namespace }),
    asks: [
      askOf(
        about,
        { action: "retrieval.query", effect: "find" },
        {
          ...{ namespace: namespaceOf(namespace), query: facts.tell(top, { vectors: values }) },
          ...(ids.length === 0 ? {} : { ids }),
        },
      ),
    ],
  };
}

function readFetch(repeated: readonly string[], { query }: StoreRequest, about: About): Read {
  const ids = repeated.map((one) => readId(one));
  if (ids.length === 0) return unread("invalid_request", "ids is required");
  const facts = new Facts();
  facts.kind("ids");
  const namespace = readNamespace(query.get("namespace"));
  return {
    shows: shown,
    ...(namespace === undefined ? {} : { namespace }),
    query: [
      ...ids.map((id): [string, string] => ["ids", id]),
      ...(namespace === undefined ? [] : [["namespace", namespace] as const]),
    ],
    asks: [
      askOf(
        about,
        { action: "retrieval.get", effect: "find" },
        { namespace: namespaceOf(namespace), query: facts.tell(ids.length, { vectors: true }) },
      ),
    ],
  };
}

function readFetchByMetadata(value: Json | undefined, about: About): Read {
  const body = members(value, ["namespace", "filter", "limit", "paginationToken"], "the body");
  const facts = new Facts();
  if (body["filter"] === undefined) return unread("invalid_request", "filter is required");
  readOwnFilter(body, facts);
  const limit = body["limit"] === undefined ? 100 : whole(body["limit"], "limit", 1, 10_000);
  const token = readToken(body["paginationToken"], pages.metadata, about);
  if (token === undefined) delete body["paginationToken"];
  else body["paginationToken"] = token;
  const namespace = takeNamespace(body);
  return {
    ...{ body, shows: shown },
    ...(namespace === undefined ? {} : { namespace }),
    asks: [
      askOf(
        about,
        { action: "retrieval.export", effect: "find" },
        { namespace: namespaceOf(namespace), query: facts.tell(limit, { vectors: true }) },
      ),
    ],
  };
}

function readList({ query }: StoreRequest, about: About): Read {
  const given = query.get("limit");
  const limit =
    given === undefined
      ? 100
      : /^\d{1,4}$/.test(given)
        ? whole(Number(given), "limit", 1, 100)
        : unread("invalid_request", "limit is from 1 to 100");
  const namespace = readNamespace(query.get("namespace"));
  const prefix = query.get("prefix");
  // the tokens of pages that are found by a condition are others: which they are shows when it is narrowed
  const token = readToken(query.get("paginationToken"), pages.list, about);
  return {
    shows: { metadata: false, values: false },
    ...(namespace === undefined ? {} : { namespace }),
    ...(prefix === undefined || prefix === "" ? {} : { prefix }),
    body: { limit, ...(token === undefined ? {} : { paginationToken: token }) },
    asks: [
      askOf(
        about,
        { action: "retrieval.export", effect: "find" },
        { namespace: namespaceOf(namespace), query: new Facts().tell(limit) },
      ),
    ],
  };
}
