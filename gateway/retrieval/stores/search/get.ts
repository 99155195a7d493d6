/**
 * Documents by their ids. All are asked for by `_mget`, which says in one way that there is none: so a document that may not
 * be seen and one that isn't there are the same to who asks.
 */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { FoundItem, Narrowing, SentRequest, StoreAsk } from "../../adapter.js";
import type { Context, Planned } from "./context.js";
import { isRefusal, objectBody } from "./context.js";
import { plainly } from "./dotted.js";
import { pick, readSourceOf } from "./hits.js";
import type { Named } from "./names.js";
import { readName } from "./names.js";
import { pathOf, readParameters, sourceOf } from "./parameters.js";
import { isText } from "./reading.js";
import { settingsOf } from "./settings.js";
import type { View } from "./view.js";
import { readSource, sourceFor, vectorsOf, viewed, wholeView } from "./view.js";

const longestId = 512;
const mostDocuments = 1_000;
const sourceParameters = [
  "_source",
  "_source_includes",
  "_source_excludes",
  "_source_include",
  "_source_exclude",
];

interface Wanted {
  readonly named: Named;
  readonly id: string;
  readonly view: View;
}

export function isId(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "" && Buffer.byteLength(value) <= longestId;
}

/** GET and HEAD `_doc/{id}` and `_source/{id}`. */
export function planGet(context: Context): Planned | Refusal {
  const { request, store, path } = context;
  const { method } = request;
  const parameters = readParameters(request, "get", [...sourceParameters, "stored_fields", "routing"]);
  if (isRefusal(parameters)) return parameters;
  if (request.query.has("stored_fields") || request.query.has("routing"))
    return refuse("filter_refused", "stored_fields and routing aren't taken");
  if (request.form !== "none") return refuse("invalid_request", "there is no body");
  const source = readSource(sourceOf(request.query));
  if (source === undefined) return refuse("filter_refused", "_source");
  const named = readName(path["index"] ?? "", store);
  if (isRefusal(named)) return named;
  const { id } = path;
  if (!isId(id)) return refuse("invalid_request", "the id");
  const one: Wanted = { named, id, view: { ...wholeView, ...source } };
  const only = request.segments[1] === "_source";
  const absent: JsonObject = { _index: named.name, _id: id, found: false };
  const missing = (): Refusal => ({ ...refuse("upstream_refused"), status: 404 });
  return {
    kind: "operation",
    asks: asksOf([one]),
    plan: {
      narrow: (narrowings) => narrowAll([one], narrowings, parameters),
      empty: missing,
      results({ value }) {
        const docs = readDocs(value, [one]);
        if ("kind" in docs) return docs;
        const [doc] = docs;
        const item = doc?.item;
        return {
          ...{ kind: "found", items: item === undefined ? [] : [item] },
          status: (items) => (items.some((each) => each !== undefined) ? 200 : 404),
          rebuild([kept]) {
            if (method === "HEAD") return undefined;
            if (kept === undefined || doc === undefined) return only ? notFound() : absent;
            const written = rebuildDoc(doc.answer, kept, one);
            return only ? (written["_source"] ?? {}) : written;
          },
        };
      },
    },
  };
}

function notFound(): JsonObject {
  const type = "resource_not_found_exception";
  const reason = "there is no such document";
  return { error: { root_cause: [{ type, reason }], type, reason }, status: 404 };
}

/** `_mget`, with and without an index in the path. */
export function planMultiGet({ request, store, path }: Context): Planned | Refusal {
  const parameters = readParameters(request, "get", [...sourceParameters]);
  if (isRefusal(parameters)) return parameters;
  const body = objectBody(request);
  if (isRefusal(body)) return body;
  const { docs, ids, ...others } = body;
  const common = readSource(sourceOf(request.query));
  if (common === undefined || Object.keys(others).length > 0 || (docs === undefined) === (ids === undefined))
    return refuse("filter_refused", "docs, or ids");
  const listed: Json | undefined =
    docs ?? (Array.isArray(ids) ? ids.map((_id): Json => ({ _id })) : undefined);
  if (!Array.isArray(listed) || listed.length === 0) return refuse("invalid_request", "docs is a list");
  if (listed.length > mostDocuments) return refuse("retrieval_limit", "documents");
  const all: Wanted[] = [];
  for (const doc of listed) {
    if (!isObject(doc)) return refuse("invalid_request", "a document is an object");
    const { _index: index = path["index"], _id: id, _source: own, ...more } = doc;
    if (Object.keys(more).length > 0 || typeof index !== "string" || !isId(id))
      return refuse("filter_refused", "a document is named by its index and its id");
    const named = readName(index, store);
    if (isRefusal(named)) return named;
    const source = own === undefined ? common : readSource(own);
    if (source === undefined) return refuse("filter_refused", "_source");
    all.push({ named, id, view: { ...wholeView, ...source } });
  }
  return {
    kind: "operation",
    asks: asksOf(all),
    plan: {
      narrow: (narrowings) => narrowAll(all, narrowings, parameters),
      empty: () => ({ docs: all.map(({ named, id }) => ({ _index: named.name, _id: id, found: false })) }),
      results({ value }) {
        const found = readDocs(value, all);
        if ("kind" in found) return found;
        const items = found.flatMap(({ item }) => (item === undefined ? [] : [item]));
        return {
          ...{ kind: "found", items },
          rebuild(kept) {
            let from = 0;
            const out = found.map(({ item, answer }, i): Json => {
              const one = all[i];
              const after = item === undefined ? undefined : kept[from++];
              if (one === undefined) return null;
              return after === undefined
                ? { _index: one.named.name, _id: one.id, found: false }
                : rebuildDoc(answer, after, one);
            });
            return { docs: out };
          },
        };
      },
    },
  };
}

/** One for each index. */
function asksOf(all: readonly Wanted[]): StoreAsk[] {
  return indices(all).map(([name, own]) => {
    const collection = own[0]?.named.collection;
    const vectors = own.some(
      ({ view }) => vectorsOf(collection, view.includes).length > 0 || view.excludeVectors === false,
    );
    return {
      ...{ action: "retrieval.get", effect: "find", name, collection },
      query: { kinds: ["ids"], top_k: own.length, ...(vectors ? { vectors } : {}) },
    };
  });
}

function indices(all: readonly Wanted[]): [string, Wanted[]][] {
  const out = new Map<string, Wanted[]>();
  for (const one of all) {
    const before = out.get(one.named.name);
    if (before === undefined) out.set(one.named.name, [one]);
    else before.push(one);
  }
  return [...out];
}

function narrowAll(
  all: readonly Wanted[],
  narrowings: readonly Narrowing[],
  parameters: Readonly<Record<string, string>>,
) {
  const places = indices(all).map(([name]) => name);
  const docs = all.map(({ named: { name, collection }, id, view }): Json => {
    const hidden = narrowings[places.indexOf(name)]?.hidden ?? [];
    const source = sourceFor(view, collection === undefined ? [] : [collection], hidden, view.includes);
    return { _index: name, _id: id, _source: source };
  });
  const request: SentRequest = { method: "POST", path: pathOf(["_mget"], parameters), body: { docs } };
  return { kind: "narrowed", request, exact: places.map(() => false) } as const;
}

interface Doc {
  readonly answer: JsonObject;
  readonly item: FoundItem | undefined;
}

function readDocs(value: Json | undefined, all: readonly Wanted[]): readonly Doc[] | Refusal {
  const docs = isObject(value) ? value["docs"] : undefined;
  if (!Array.isArray(docs) || docs.length !== all.length) return refuse("upstream_invalid");
  const places = indices(all).map(([name]) => name);
  const out: Doc[] = [];
  for (const [i, answer] of docs.entries()) {
    const one = all[i];
    if (one === undefined || !isObject(answer)) return refuse("upstream_invalid");
    // an index that isn't there, or a shard that failed
    if (answer["error"] !== undefined || answer["found"] !== true) {
      out.push({ answer, item: undefined });
      continue;
    }
    const { name, collection } = one.named;
    const { _id: id } = answer;
    const source = readSourceOf(answer["_source"], collection);
    if (id !== one.id || source === undefined) return refuse("upstream_invalid");
    const metadata = collection === undefined ? source : plainly(source, collection);
    out.push({ answer, item: { ask: places.indexOf(name), id, metadata, ...textOf(metadata, one.named) } });
  }
  return out;
}

export function textOf(metadata: JsonObject, { collection }: Named): { readonly text?: string } {
  const found = collection?.text?.reduce<Json | undefined>(
    (at, key) => (isObject(at) ? at[key] : undefined),
    metadata,
  );
  return isText(found ?? null) ? { text: String(found) } : {};
}

const ofDoc = ["_index", "_type", "_id", "_version", "_seq_no", "_primary_term", "found"];

function rebuildDoc(answer: JsonObject, kept: FoundItem, { named, view }: Wanted): JsonObject {
  const out = pick(answer, ofDoc);
  const asked = vectorsOf(named.collection, view.includes);
  const vectors = settingsOf(named.collection).vectors.filter((path) => !asked.includes(path));
  const source = viewed(kept.metadata, view, vectors);
  if (source !== undefined) out["_source"] = source;
  return out;
}
