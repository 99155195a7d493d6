import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import { Facts, list, members, number, text, truth, unread, whole } from "../strict.js";
import { pages } from "./operation.js";
import { readFilter } from "./read-filter.js";
import type { About, Read } from "./read-parts.js";
import {
  askOf,
  namespaceOf,
  readId,
  readMetadata,
  readNamespace,
  readToken,
  takeNamespace,
} from "./read-parts.js";

const shown = { metadata: true, values: true };
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

function readUpsert(value: Json | undefined, about: About): Read {
  const body = members(value, ["vectors", "namespace"], "the body");
  const facts = new Facts();
  const namespace = takeNamespace(body);
  const vectors = list(body["vectors"], "vectors").map((one) => {
    const vector = members(one, ["id", "values", "sparseValues", "metadata"], "a vector");
    if (vector["values"] !== undefined) readNumbers(vector["values"]);
    if (vector["sparseValues"] !== undefined) readSparse(vector["sparseValues"], facts);
    return vector;
  });
  const ids = distinct(vectors.map(({ id }) => readId(id)));
  return {
    ...{ body: { ...body, vectors }, shows: shown },
    ...(namespace === undefined ? {} : { namespace }),
    asks: [
      askOf(
        about,
        { action: "retrieval.write", effect: "write" },
        {
          namespace: namespaceOf(namespace),
          ids,
          documents: vectors.map(({ metadata }) => readMetadata(metadata)),
        },
      ),
    ],
  };
}

/** Of two under one id the store keeps one: which isn't said. */
export function distinct(ids: readonly string[]): readonly string[] {
  return new Set(ids).size === ids.length ? ids : unread("invalid_request", "an id stands twice");
}

function readUpdate(value: Json | undefined, about: About): Read {
  const known = ["id", "values", "sparseValues", "setMetadata", "namespace", "filter", "dryRun"];
  const body = members(value, known, "the body");
  const { id, filter, setMetadata } = body;
  if ((id === undefined) === (filter === undefined))
    return unread("invalid_request", "an update has an id or a filter");
  const facts = new Facts();
  const dry = body["dryRun"] !== undefined && truth(body["dryRun"], "dryRun");
  if (body["values"] !== undefined) readNumbers(body["values"]);
  if (body["sparseValues"] !== undefined) readSparse(body["sparseValues"], new Facts());
  const set = setMetadata === undefined ? undefined : readMetadata(setMetadata);
  const namespace = takeNamespace(body);
  const said = {
    ...{ body, shows: shown },
    ...(namespace === undefined ? {} : { namespace }),
  };
  const here = { namespace: namespaceOf(namespace) };
  if (id !== undefined) {
    if (dry) return unread("invalid_request", "dryRun is for a filter");
    const ids = [readId(id)];
    facts.kind("ids");
    const query = facts.tell(1);
    return {
      ...said,
      asks: [
        set === undefined
          ? askOf(about, { action: "retrieval.update", effect: "change" }, { ...here, ids, query })
          : // what isn't set stays: the whole is looked at
            askOf(
              about,
              { action: "retrieval.update", effect: "write" },
              { ...here, ids, query, documents: [set], merged: true },
            ),
      ],
    };
  }
  readOwnFilter(body, facts);
  // what they are before isn't known, so what they would be isn't either
  if (set !== undefined && Object.keys(set).some((name) => isRead(name, about.collection)))
    return unread("document_refused", "a field that policy reads is changed by id");
  return {
    ...said,
    asks: [
      askOf(
        about,
        dry
          ? { action: "retrieval.count", effect: "count" }
          : { action: "retrieval.update", effect: "change" },
        { ...here, query: facts.tell(0) },
      ),
    ],
  };
}

function isRead(name: string, collection: CollectionConfig | undefined): boolean {
  if (collection === undefined) return false;
  const read = [...[...collection.fields.values()].map(({ path }) => path.join(".")), ...collection.hidden];
  return read.some((path) => path === name || path.startsWith(`${name}.`) || name.startsWith(`${path}.`));
}

function readDelete(value: Json | undefined, about: About): Read {
  const body = members(value, ["ids", "deleteAll", "namespace", "filter"], "the body");
  const facts = new Facts();
  const all = body["deleteAll"] !== undefined && truth(body["deleteAll"], "deleteAll");
  const empty = Array.isArray(body["ids"]) && body["ids"].length === 0;
  if (!all) delete body["deleteAll"];
  if (empty) delete body["ids"];
  if ([all, body["ids"] !== undefined, body["filter"] !== undefined].filter((one) => one).length !== 1)
    return unread("invalid_request", "a deletion has ids, a filter, or deleteAll");
  readOwnFilter(body, facts);
  const ids =
    body["ids"] === undefined ? undefined : list(body["ids"], "ids", 1_000).map((one) => readId(one));
  if (ids !== undefined) facts.kind("ids");
  const namespace = takeNamespace(body);
  return {
    ...{ body, shows: shown },
    ...(namespace === undefined ? {} : { namespace }),
    asks: [
      askOf(
        about,
        { action: "retrieval.delete", effect: "change" },
        {
          ...{ namespace: namespaceOf(namespace), query: facts.tell(ids?.length ?? 0) },
          ...(ids === undefined ? {} : { ids }),
        },
      ),
    ],
  };
}

/** One namespace: how many records it has, that there is one, that there is none any more. */
function readNamespaces(value: Json | undefined, about: About): Read {
  const { handling, values } = about;
  if (handling === "create-namespace") {
    const body = members(value, ["name", "schema"], "the body");
    const namespace = text(body["name"], "name", 512);
    const ask = askOf(
      about,
      { action: "collection.update", effect: "manage" },
      { namespace: namespaceOf(namespace) },
    );
    return { body, namespace, shows: shown, asks: [ask] };
  }
  const namespace = values["namespace"] ?? "";
  const counts = handling === "describe-namespace";
  return {
    ...{ namespace, shows: shown },
    asks: [
      askOf(
        about,
        counts
          ? { action: "retrieval.count", effect: "count" }
          : { action: "retrieval.delete", effect: "change" },
        { namespace: namespaceOf(namespace), query: new Facts().tell(counts ? 1 : 0) },
      ),
    ],
  };
}

export function readOwnFilter(body: JsonObject, facts: Facts): void {
  if (body["filter"] === undefined) return;
  facts.kind("filter");
  readFilter(body["filter"], facts);
}

export function readNumbers(value: Json | undefined): number {
  const numbers = list(value, "a vector", 20_000);
  for (const one of numbers) number(one, "a vector's member");
  return numbers.length;
}

function readSparse(value: Json, facts: Facts): void {
  const { indices, values } = members(value, ["indices", "values"], "a sparse vector");
  readNumbers(indices);
  readNumbers(values);
  facts.searched("sparse", value);
}
