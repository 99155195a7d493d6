import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { Adapter, FoundItem, NeutralQuery, StoreAnswer, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, KindSettings, StoreConfig } from "../../config.js";
import { classify } from "./classify.js";
import { narrow, type PineconeNarrowed } from "./narrow.js";
import type { PineconeOperation } from "./operation.js";
import { readNamespace } from "./read-parts.js";
import { indexResults, results } from "./results.js";
import { routes } from "./routes.js";

/** With what is needed of the store to read an answer. */
type Sent = PineconeNarrowed & { readonly store: StoreConfig };

/** Pinecone's data plane and control plane, 2024-07 to 2026-04 (docs/gateway-retrieval-pinecone.md). */
export const pinecone: Adapter<PineconeOperation> = {
  routes,
  // "Search limits": with metadata, of which each has up to 40 KB
  mostFetched: 1_000,
  plainLines: true,
  repeated: ["ids"],
  classify,
  narrow(operation, narrowings, store) {
    const sent = narrow(operation, narrowings);
    return sent.kind === "refusal" ? sent : ({ ...sent, store } as Sent);
  },
  // the nearest first; records may be ranked again among what is fetched, and pages are in no order that is promised
  inOrder: ({ handling }) => handling === "query",
  empty,
  lookUp,
  lookedUp,
  results(operation, sent, answer, cursors) {
    if (!("store" in sent)) return refuse("upstream_invalid");
    const { store, ...rest } = sent as Sent;
    return operation.collection === undefined
      ? indexResults(operation, answer, store)
      : results(operation, rest, answer, cursors);
  },
  // the data plane says `{code, message, details}`, the control plane `{error, status}`
  refuse({ message, status, code }, about) {
    // clients show the text alone
    const said = message.includes(`[${code}`) ? message : `${message} [${code}]`;
    return {
      ...{ code: grpcCodes[status] ?? 13, message: said, details: [about] },
      ...{ error: { code: code.toUpperCase(), message: said }, status },
    };
  },
  ask,
};

/** Of google.rpc.Code, by the status that stands for it. */
const grpcCodes: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  429: 8,
  503: 14,
  504: 4,
};

/** What a store and a collection of Pinecone have beside in the configuration. */
export const pineconeSettings: KindSettings = {
  keyIn: "api-key",
  store(fields) {
    const plane = fields.oneOf("plane", ["data", "control"] as const);
    return plane === undefined ? {} : { plane };
  },
  collection(fields, problems) {
    const own = fields.nested("pinecone");
    const typed = own.boolean("typed");
    const embeds = own.boolean("embeds");
    const host = own.string("host");
    if (host !== undefined && !/^https?:\/\/[^\s]{1,512}$/.test(host))
      problems.add(own.at("host"), "must be the http(s) address of the index's store here");
    own.end();
    return {
      ...(typed === undefined ? {} : { typed }),
      ...(embeds === undefined ? {} : { embeds }),
      ...(host === undefined ? {} : { host }),
    };
  },
};

function empty({ handling, namespace = "" }: PineconeOperation): Json | Refusal {
  switch (handling) {
    case "query":
      return { results: [], matches: [], namespace };
    case "fetch":
    case "fetch-by-metadata":
      return { vectors: {}, namespace };
    case "list":
      return { vectors: [], namespace };
    case "search-records":
      return { result: { hits: [] }, usage: { read_units: 0 } };
    case "update":
      return { matchedRecords: 0 };
    case "describe-namespace":
      return { name: namespace, record_count: 0 };
    default:
      return refuse("nothing_allowed");
  }
}

function lookUp(
  _collection: CollectionConfig,
  ids: readonly string[],
  namespace: string | undefined,
): PineconeNarrowed {
  const parameters = new URLSearchParams();
  for (const id of ids) parameters.append("ids", id);
  const named = readNamespace(namespace);
  if (named !== undefined) parameters.append("namespace", named);
  return {
    ...{ kind: "narrowed", exact: [true], hidden: [], filtered: false },
    request: {
      ...{ method: "GET", path: `/vectors/fetch?${parameters.toString()}` },
      headers: { "x-pinecone-api-version": "2026-04" },
    },
  };
}

function lookedUp({ value }: StoreAnswer): readonly FoundItem[] | Refusal {
  const vectors = isObject(value) ? (value["vectors"] ?? {}) : undefined;
  if (!isObject(vectors)) return refuse("upstream_invalid");
  const items: FoundItem[] = [];
  for (const id of Object.keys(vectors)) {
    const one = vectors[id];
    const metadata = isObject(one) ? (one["metadata"] ?? {}) : undefined;
    if (!isObject(metadata)) return refuse("upstream_invalid");
    items.push({ ask: 0, id, metadata });
  }
  return items;
}

/** A text is searched for where the index embeds texts itself (`pinecone.embeds`). */
function ask(
  { text, vector, ids, topK, namespace }: NeutralQuery,
  { settings }: CollectionConfig,
  store: StoreConfig,
): StoreRequest | Refusal {
  if (store.settings["plane"] === "control") return refuse("unknown_operation");
  const said = { kind: "request", query: new Map<string, string>(), headers: {} } as const;
  const named = namespace === undefined ? {} : { namespace };
  if ([text, vector, ids].filter((one) => one !== undefined).length > 1)
    return refuse("invalid_request", "a query, a vector or ids: this store takes one of them");
  if (ids !== undefined) {
    const query = new Map(namespace === undefined ? [] : [["namespace", namespace]]);
    const asked = { method: "GET", segments: ["vectors", "fetch"], body: undefined, form: "none" } as const;
    return { ...said, ...asked, query, lists: new Map([["ids", ids]]) };
  }
  const posted = { method: "POST", form: "json" } as const;
  if (vector !== undefined) {
    const body: JsonObject = { vector: [...vector], topK, includeMetadata: true, ...named };
    return { ...said, ...posted, segments: ["query"], body };
  }
  if (settings["embeds"] !== true)
    return refuse("invalid_request", "this collection takes vectors: its index embeds no texts");
  const segments = ["records", "namespaces", namespace ?? "__default__", "search"];
  return { ...said, ...posted, segments, body: { query: { inputs: { text: text ?? "" }, top_k: topK } } };
}
