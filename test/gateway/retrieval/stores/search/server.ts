/**
 * A server that is true to the form of Elasticsearch's and OpenSearch's REST API, with documents in memory; what it finds is
 * by `matches.ts`. Neighbours are by the cosine: filters come before them, as "kNN search" and "k-NN query" say.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Mapping, Source, Stored, Value } from "./matches.js";
import { neighbours, rawValues, score, termsOf, Wrong } from "./matches.js";

export type { Mapping, Source } from "./matches.js";

export interface Index {
  readonly mapping: Mapping;
  readonly documents: Readonly<Record<string, Source>>;
  /** The index that it stands for. */
  readonly alias?: string;
}

export interface SearchServer {
  readonly url: string;
  /** What an index holds now. */
  documents(index: string): Readonly<Record<string, Source>>;
  /** What is open: scrolls and points in time. */
  readonly open: Map<string, unknown>;
  close(): Promise<void>;
}

interface Held {
  readonly mapping: Mapping;
  readonly documents: Map<string, Source>;
}

type Body = Record<string, unknown>;
const shards = { total: 1, successful: 1, skipped: 0, failed: 0 };

class Store {
  readonly indices = new Map<string, Held>();
  readonly aliases = new Map<string, string>();
  readonly open = new Map<string, unknown>();
  private next = 1;

  constructor(readonly kind: "elasticsearch" | "opensearch") {}

  name(): string {
    return `made-${this.next++}`;
  }

  held(name: string): [string, Held] {
    const real = this.aliases.get(name) ?? name;
    const found = this.indices.get(real);
    if (found === undefined) throw new Wrong(404, "index_not_found_exception", `no such index [${name}]`);
    return [real, found];
  }

  put(name: string, id: string, source: Source): boolean {
    const [real, held] = this.held(name);
    const doc = { index: real, id, source };
    // what can't be parsed isn't taken
    for (const field of Object.keys(held.mapping)) termsOf(doc, field, held.mapping);
    const there = held.documents.has(id);
    held.documents.set(id, source);
    return there;
  }
}

/** @param indices by their names */
export async function startSearch(
  kind: "elasticsearch" | "opensearch",
  indices: Readonly<Record<string, Index>>,
): Promise<SearchServer> {
  const store = new Store(kind);
  for (const [name, { mapping, documents, alias }] of Object.entries(indices)) {
    const real = alias ?? name;
    if (alias !== undefined) store.aliases.set(name, real);
    store.indices.set(real, { mapping, documents: new Map() });
    for (const [id, source] of Object.entries(documents)) store.put(real, id, source);
  }
  const server = createServer((req, res) => {
    void answer(store, req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    documents: (index) => Object.fromEntries(store.held(index)[1].documents),
    open: store.open,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(store: Store, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const headers = {
    "content-type": "application/json",
    ...(store.kind === "elasticsearch" ? { "x-elastic-product": "Elasticsearch" } : {}),
  };
  const [status, body] = run(() => {
    const { pathname, searchParams } = new URL(req.url ?? "/", "http://store");
    const path = pathname
      .split("/")
      .filter((one) => one !== "")
      .map(decodeURIComponent);
    const text = Buffer.concat(chunks).toString();
    const lines = (req.headers["content-type"] ?? "").includes("ndjson");
    const given: unknown =
      text === ""
        ? undefined
        : lines
          ? text
              .split("\n")
              .filter((one) => one !== "")
              .map((one): unknown => JSON.parse(one))
          : JSON.parse(text);
    return route(store, { method: req.method ?? "GET", path, query: searchParams, body: given });
  });
  const text = body === undefined || req.method === "HEAD" ? "" : JSON.stringify(body);
  res.writeHead(status, headers).end(text);
}

function run(what: () => [number, unknown]): [number, unknown] {
  try {
    return what();
  } catch (error) {
    const { status = 500, type = "exception", message } = error as Partial<Wrong> & Error;
    // as the real ones do, it says what it knows
    return [
      status,
      {
        error: { root_cause: [{ type, reason: message }], type, reason: `secret reason: ${message}` },
        status,
      },
    ];
  }
}

interface Asked {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

function route(store: Store, { method, path, query, body }: Asked): [number, unknown] {
  const [first = "", second = "", third] = path;
  const given = (body ?? {}) as Body;
  if (path.length === 0) return [200, info(store)];
  if (first === "_msearch") return [200, { took: 1, responses: multi(store, body as Body[]) }];
  if (first === "_mget") return [200, { docs: (given["docs"] as Body[]).map((one) => getOne(store, one)) }];
  if (first === "_bulk") return [200, bulk(store, body as Body[])];
  if (first === "_cluster" && second === "health") return [200, { cluster_name: "c", status: "green" }];
  if (first === "_search" && second === "scroll")
    return method === "DELETE" ? end(store, given["scroll_id"]) : scrollOn(store, given);
  if (first === "_search" && second === "point_in_time") return end(store, given["pit_id"]);
  if (first === "_pit") return end(store, given["id"]);
  if (first === "_search") return [200, search(store, undefined, given, query)];
  if (second === "_search" && third === "point_in_time") return openPit(store, first);
  switch (second) {
    case "":
      return manage(store, method, first, given);
    case "_search":
      return [200, search(store, first, given, query)];
    case "_pit":
      return openPit(store, first);
    case "_count":
      return [200, { count: findAll(store, first, given).length, _shards: shards }];
    case "_delete_by_query": {
      const found = findAll(store, first, given);
      for (const { doc } of found) store.held(doc.index)[1].documents.delete(doc.id);
      return [200, { took: 1, timed_out: false, total: found.length, deleted: found.length, failures: [] }];
    }
    case "_doc":
    case "_create":
      return one(store, method, first, third ?? store.name(), given, second === "_create");
    case "_update":
      return update(store, first, third ?? "", given);
    case "_mapping":
      return [200, { [store.held(first)[0]]: { mappings: { properties: store.held(first)[1].mapping } } }];
    case "_refresh":
      return [200, { _shards: shards }];
    default:
      throw new Wrong(400, "illegal_argument_exception", "no such route");
  }
}

function info({ kind }: Store): unknown {
  const version =
    kind === "elasticsearch"
      ? { number: "9.4.0", build_flavor: "default" }
      : { number: "3.3.0", distribution: "opensearch" };
  return { name: "node", cluster_name: "c", cluster_uuid: "u", version, tagline: "You Know, for Search" };
}

function manage(store: Store, method: string, name: string, body: Body): [number, unknown] {
  if (method === "PUT") {
    const { properties = {} } = (body["mappings"] ?? {}) as { properties?: Mapping };
    store.indices.set(name, { mapping: properties, documents: new Map() });
    return [200, { acknowledged: true, shards_acknowledged: true, index: name }];
  }
  const [real, { mapping }] = store.held(name);
  if (method === "DELETE") {
    store.indices.delete(real);
    return [200, { acknowledged: true }];
  }
  return [200, { [real]: { aliases: {}, mappings: { properties: mapping }, settings: {} } }];
}

function one(
  store: Store,
  method: string,
  name: string,
  id: string,
  body: Body,
  create: boolean,
): [number, unknown] {
  const [real, held] = store.held(name);
  const written = { _index: real, _id: id, _version: 1, _shards: shards, _seq_no: 0, _primary_term: 1 };
  if (method === "GET" || method === "HEAD") {
    const found = getOne(store, { _index: name, _id: id });
    return [found["found"] === true ? 200 : 404, found];
  }
  if (method === "DELETE") {
    const there = held.documents.delete(id);
    return [there ? 200 : 404, { ...written, result: there ? "deleted" : "not_found" }];
  }
  if (create && held.documents.has(id))
    throw new Wrong(409, "version_conflict_engine_exception", "document already exists");
  const there = store.put(name, id, body as Source);
  return [there ? 200 : 201, { ...written, result: there ? "updated" : "created" }];
}

function update(store: Store, name: string, id: string, body: Body): [number, unknown] {
  const [real, held] = store.held(name);
  const before = held.documents.get(id);
  if (before === undefined) throw new Wrong(404, "document_missing_exception", `[${id}]: document missing`);
  store.put(name, id, merge(before, body["doc"] as Source));
  return [200, { _index: real, _id: id, result: "updated", _version: 2 }];
}

function merge(before: Source, part: Source): Source {
  const out: Source = { ...before };
  for (const [key, value] of Object.entries(part)) {
    const inner = out[key];
    const both = [inner, value].every(
      (each) => typeof each === "object" && each !== null && !Array.isArray(each),
    );
    out[key] = both ? merge(inner as Source, value as Source) : value;
  }
  return out;
}

function bulk(store: Store, lines: Body[]): unknown {
  const items: unknown[] = [];
  for (let i = 0; i < lines.length; i++) {
    const [action, meta] = Object.entries(lines[i] ?? {})[0] as [string, Body];
    const { _index: name, _id: id = store.name() } = meta as { _index: string; _id?: string };
    const [status, body] = run(() => {
      if (action === "delete") return one(store, "DELETE", name, id, {}, false);
      const next = lines[++i] ?? {};
      return action === "update"
        ? update(store, name, id, next)
        : one(store, "PUT", name, id, next, action === "create");
    });
    const { error } = body as { error?: unknown };
    items.push({
      [action]: { ...(error === undefined ? (body as object) : { _index: name, _id: id, error }), status },
    });
  }
  return { took: 1, errors: items.some((item) => JSON.stringify(item).includes('"error"')), items };
}

function getOne(store: Store, wanted: Body): Body {
  const {
    _index: name,
    _id: id,
    _source: filter,
  } = wanted as { _index: string; _id: string; _source?: unknown };
  const [real, { documents }] = store.held(name);
  const source = documents.get(id);
  if (source === undefined) return { _index: name, _id: id, found: false };
  const shown = sourceOf(source, filter);
  return {
    _index: real,
    _id: id,
    _version: 1,
    _seq_no: 0,
    _primary_term: 1,
    found: true,
    ...(shown === undefined ? {} : { _source: shown }),
  };
}

function sourceOf(source: Source, filter: unknown): Source | undefined {
  if (filter === false) return undefined;
  if (filter === undefined || filter === true) return source;
  const lists =
    typeof filter === "string"
      ? { includes: [filter] }
      : Array.isArray(filter)
        ? { includes: filter as string[] }
        : filter;
  const { includes = [], excludes = [] } = lists as { includes?: string[]; excludes?: string[] };
  const test = (pattern: string, path: string): boolean =>
    new RegExp(`^${pattern.replace(/[.+]/g, "\\$&").replace(/\*/g, ".*")}(?:\\..*)?$`).test(path);
  const cut = (value: Source, prefix: string): Source =>
    Object.fromEntries(
      Object.entries(value).flatMap(([key, each]): [string, Value][] => {
        const path = prefix + key;
        if (excludes.some((one) => test(one, path))) return [];
        if (typeof each === "object" && each !== null && !Array.isArray(each)) {
          const inner = cut(each, `${path}.`);
          return Object.keys(inner).length > 0 || includes.length === 0 ? [[key, inner]] : [];
        }
        return includes.length === 0 || includes.some((one) => test(one, path)) ? [[key, each]] : [];
      }),
    );
  return cut(source, "");
}

interface Hit {
  readonly doc: Stored;
  readonly score: number;
}

function documentsOf(store: Store, names: string): { readonly doc: Stored; readonly mapping: Mapping }[] {
  return names.split(",").flatMap((name) => {
    const [index, { documents, mapping }] = store.held(name);
    return [...documents].map(([id, source]) => ({ doc: { index, id, source }, mapping }));
  });
}

/** What a body finds: its query, its neighbours, or what its retrievers find. */
function findAll(store: Store, names: string, body: Body): Hit[] {
  const all = documentsOf(store, names);
  const found = new Map<string, Hit>();
  const add = ({ doc, score: value }: Hit): void => {
    const key = `${doc.index}/${doc.id}`;
    found.set(key, { doc, score: (found.get(key)?.score ?? 0) + value });
  };
  const knn = [body["knn"] ?? []].flat() as Body[];
  if (body["retriever"] !== undefined) for (const hit of retrieve(all, body["retriever"])) add(hit);
  else if (body["query"] !== undefined || knn.length === 0)
    for (const hit of query(all, body["query"] ?? { match_all: {} })) add(hit);
  for (const one of knn)
    for (const hit of nearest(all, String(one["field"]), one["query_vector"], one)) add(hit);
  return [...found.values()].sort((a, b) => b.score - a.score || (a.doc.id < b.doc.id ? -1 : 1));
}

type All = ReturnType<typeof documentsOf>;

function query(all: All, given: unknown): Hit[] {
  const put = placeNeighbours(all, given);
  return all.flatMap(({ doc, mapping }) => {
    const value = score(put, doc, mapping);
    return value === undefined ? [] : [{ doc, score: value }];
  });
}

/** A search for neighbours within a query finds its k first, and is then a query by their ids. */
function placeNeighbours(all: All, given: unknown): unknown {
  if (Array.isArray(given)) return given.map((one) => placeNeighbours(all, one));
  if (typeof given !== "object" || given === null) return given;
  return Object.fromEntries(
    Object.entries(given).map(([name, body]): [string, unknown] => {
      if (name !== "knn") return [name, placeNeighbours(all, body)];
      const flat = (body as Body)["field"] !== undefined;
      const [field, one] = flat
        ? [String((body as Body)["field"]), body as Body]
        : (Object.entries(body as Body)[0] as [string, Body]);
      const hits = nearest(all, field, one["query_vector"] ?? one["vector"], one);
      return [neighbours, new Map(hits.map(({ doc, score: value }) => [`${doc.index}/${doc.id}`, value]))];
    }),
  );
}

function nearest(all: All, field: string, vector: unknown, { k = 10, filter }: Body): Hit[] {
  const wanted = vector as number[];
  const filters = filter === undefined ? [] : [filter].flat();
  return all
    .filter(({ doc, mapping }) => filters.every((one) => score(one, doc, mapping) !== undefined))
    .flatMap(({ doc }) => {
      const own = field.split(".").reduce<unknown>((at, key) => (at as Body | undefined)?.[key], doc.source);
      return Array.isArray(own) ? [{ doc, score: (1 + cosine(own as number[], wanted)) / 2 }] : [];
    })
    .sort((a, b) => b.score - a.score || (a.doc.id < b.doc.id ? -1 : 1))
    .slice(0, Number(k));
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, one, i) => sum + one * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b) || 1);
}

/** "Retrievers": a standard one, neighbours, and reciprocal ranks of several. */
function retrieve(all: All, tree: unknown): Hit[] {
  const [name, body] = Object.entries(tree as object)[0] as [string, Body];
  if (name === "standard")
    return query(all, body["query"] ?? { match_all: {} }).sort((a, b) => b.score - a.score);
  if (name === "knn") return nearest(all, String(body["field"]), body["query_vector"], body);
  if (name !== "rrf") throw new Wrong(400, "parsing_exception", "unknown retriever");
  const ranks = new Map<string, Hit>();
  for (const one of body["retrievers"] as unknown[])
    for (const [rank, { doc }] of retrieve(all, one).entries()) {
      const key = `${doc.index}/${doc.id}`;
      ranks.set(key, { doc, score: (ranks.get(key)?.score ?? 0) + 1 / (60 + rank + 1) });
    }
  return [...ranks.values()];
}

function search(store: Store, names: string | undefined, body: Body, params: URLSearchParams): Body {
  const pit = body["pit"] as { id: string } | undefined;
  const place = pit === undefined ? names : (store.open.get(pit.id) as { names: string } | undefined)?.names;
  if (place === undefined)
    throw new Wrong(404, "search_context_missing_exception", "no search context found");
  const { from = 0, size = 10 } = body as { from?: number; size?: number };
  if (from + size > 10_000) throw new Wrong(400, "illegal_argument_exception", "Result window is too large");
  const hits = sorted(store, findAll(store, place, body), body);
  const scroll = params.get("scroll");
  const page = hits.slice(from, from + size);
  const out = pageOf(store, page, hits, body, params.get("rest_total_hits_as_int") === "true");
  if (scroll !== null) {
    const id = `scroll-${store.name()}`;
    store.open.set(id, { hits, at: size, size, body });
    out["_scroll_id"] = id;
  }
  if (pit !== undefined) out["pit_id"] = pit.id;
  return out;
}

function sorted(store: Store, hits: Hit[], body: Body): Hit[] {
  const sort = [body["sort"] ?? []].flat().map((one): [string, string] => {
    const [field, how] =
      typeof one === "string" ? [one, "asc"] : (Object.entries(one as object)[0] as [string, unknown]);
    return [field, typeof how === "string" ? how : String((how as Body)["order"] ?? "asc")];
  });
  const fields = sort.filter(([field]) => !field.startsWith("_"));
  const key = (hit: Hit, field: string): string =>
    String(rawValues(hit.doc.source, field.replace(/\.keyword$/, "").split("."))[0] ?? "~");
  const out =
    fields.length === 0
      ? hits
      : [...hits].sort((a, b) => {
          for (const [field, how] of fields) {
            const [x, y] = [key(a, field), key(b, field)];
            if (x !== y) return (x < y ? -1 : 1) * (how === "desc" ? -1 : 1);
          }
          return 0;
        });
  const after = body["search_after"] as unknown[] | undefined;
  void store;
  if (after === undefined) return out;
  const [[field = "", how] = ["", "asc"]] = fields;
  return out.filter((hit) =>
    how === "desc" ? key(hit, field) < String(after[0]) : key(hit, field) > String(after[0]),
  );
}

function pageOf(
  store: Store,
  page: readonly Hit[],
  all: readonly Hit[],
  body: Body,
  asNumber: boolean,
): Body {
  const sorts = [body["sort"] ?? []]
    .flat()
    .map((one) => (typeof one === "string" ? one : (Object.keys(one as object)[0] ?? "")));
  const fields = ([body["fields"] ?? []].flat() as (string | { field: string })[]).map((one) =>
    typeof one === "string" ? one : one.field,
  );
  const marked = Object.keys((body["highlight"] as { fields?: object } | undefined)?.fields ?? {});
  const hits = page.map(({ doc, score: value }) => {
    const raw = (field: string): Value[] => rawValues(doc.source, field.replace(/\.keyword$/, "").split("."));
    const expand = (names: readonly string[]): string[] =>
      names.flatMap((name) => (name === "*" ? Object.keys(doc.source) : [name]));
    const source = sourceOf(doc.source, body["_source"]);
    const taken = (names: readonly string[]): [string, unknown][] =>
      expand(names).map((field) => [field, raw(field)]);
    return {
      ...{ _index: doc.index, _id: doc.id, _score: value },
      ...(source === undefined ? {} : { _source: source }),
      ...(fields.length === 0 ? {} : { fields: Object.fromEntries(taken(fields)) }),
      ...(marked.length === 0 ? {} : { highlight: Object.fromEntries(taken(marked)) }),
      ...(sorts.length === 0
        ? {}
        : { sort: sorts.map((field) => (field.startsWith("_") ? value : (raw(field)[0] ?? null))) }),
    };
  });
  const total = asNumber ? all.length : { value: all.length, relation: "eq" };
  const aggs = body["aggs"] as Record<string, Body> | undefined;
  const counted = body["track_total_hits"] === false ? {} : { total };
  return {
    ...{ took: 1, timed_out: false, _shards: shards },
    hits: { ...counted, max_score: page[0]?.score ?? null, hits },
    ...(aggs === undefined
      ? {}
      : {
          aggregations: Object.fromEntries(
            Object.entries(aggs).map(([name, one]) => [name, aggregate(store, all, one)]),
          ),
        }),
  };
}

function aggregate(store: Store, hits: readonly Hit[], agg: Body): unknown {
  const [kind, body] = Object.entries(agg)[0] as [string, Body];
  const field = String(body["field"]);
  const values = hits.flatMap(({ doc }) => termsOf(doc, field, store.held(doc.index)[1].mapping));
  if (kind === "value_count") return { value: values.length };
  if (kind === "avg")
    return { value: values.reduce((sum: number, one) => sum + Number(one), 0) / (values.length || 1) };
  const counts = new Map<unknown, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const buckets = [...counts].sort((a, b) => b[1] - a[1]).map(([key, doc_count]) => ({ key, doc_count }));
  return { doc_count_error_upper_bound: 0, sum_other_doc_count: 0, buckets };
}

function multi(store: Store, lines: Body[]): unknown[] {
  const out: unknown[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const [status, body] = run(() => [
      200,
      search(store, String(lines[i]?.["index"]), lines[i + 1] ?? {}, new URLSearchParams()),
    ]);
    out.push({ ...(body as object), status });
  }
  return out;
}

function scrollOn(store: Store, body: Body): [number, unknown] {
  const id = String(body["scroll_id"]);
  const place = store.open.get(id) as { hits: Hit[]; at: number; size: number; body: Body } | undefined;
  if (place === undefined)
    throw new Wrong(404, "search_context_missing_exception", "no search context found");
  const page = place.hits.slice(place.at, place.at + place.size);
  store.open.set(id, { ...place, at: place.at + place.size });
  return [200, { ...pageOf(store, page, place.hits, place.body, false), _scroll_id: id }];
}

function openPit(store: Store, names: string): [number, unknown] {
  const id = `pit-${store.name()}`;
  store.open.set(id, { names });
  return [
    200,
    store.kind === "elasticsearch"
      ? { id, _shards: shards }
      : { pit_id: id, _shards: shards, creation_time: 1 },
  ];
}

function end(store: Store, ids: unknown): [number, unknown] {
  const all = [ids].flat().map(String);
  for (const id of all)
    if (!store.open.delete(id)) throw new Wrong(404, "resource_not_found_exception", "no such context");
  if (store.kind === "opensearch" && all[0]?.startsWith("pit-") === true)
    return [200, { pits: all.map((pit_id) => ({ successful: true, pit_id })) }];
  return [200, { succeeded: true, num_freed: all.length }];
}
