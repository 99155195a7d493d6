/** Says in policy's words what a request does to a store. */
import type { Call, Json, JsonObject } from "../../../sidecar/contract.js";
import type { StoreAsk } from "../adapter.js";
import type { StoreConfig } from "../config.js";
import type { Document, Value } from "../document.js";
import { readDocument } from "../document.js";

/** Of a collection that isn't configured, or whose store is meant as a whole, only what is certain. */
export function describeAsk(store: StoreConfig, route: string, ask: StoreAsk): Call {
  const documents = ask.documents?.map((one) => plain(documentOf(ask, one)));
  return callOf(store, route, ask, "request", documents === undefined ? {} : { documents });
}

/** What is asked about the documents that came back: `documents` are their configured fields. */
export function describeResults(
  store: StoreConfig,
  route: string,
  ask: StoreAsk,
  documents: readonly Document[],
  recent: JsonObject,
): Call {
  return callOf(store, route, ask, "response", { documents: documents.map(plain), recent });
}

/** What is asked about a collection that a list would show. */
export function describeListed(store: StoreConfig, route: string, ask: StoreAsk, name: string): Call {
  const collection = store.byName(name);
  const { action: _action, namespace, ...rest } = ask;
  return callOf(
    store,
    route,
    {
      ...rest,
      ...{ action: "collection.describe", name, collection },
      ...(namespace === undefined ? {} : { namespace }),
    },
    "request",
    {},
  );
}

function callOf(
  store: StoreConfig,
  route: string,
  { action, name, collection, namespace, query }: StoreAsk,
  phase: "request" | "response",
  more: JsonObject,
): Call {
  const whole = name === "" && collection === undefined;
  return {
    kind: "retrieval",
    action: { name: action, properties: { phase, ...estimateOf(phase, query) } },
    resource: {
      type: whole ? "store" : "collection",
      // an empty id would be refused at the sidecar's door, and says nothing
      id: whole ? store.name : (collection?.key ?? name),
      properties: {
        ...(collection?.facts ?? store.facts),
        ...(whole ? {} : { collection: name }),
        ...(namespace === undefined ? {} : { namespace }),
        operation: route,
        ...(query === undefined ? {} : { query: query as unknown as JsonObject }),
        ...more,
      },
    },
  };
}

/** What limits hold until it is known how many documents came. */
function estimateOf(phase: "request" | "response", query: StoreAsk["query"]): JsonObject {
  return phase === "request" && query !== undefined ? { estimate: { chunks: query.top_k } } : {};
}

/** What is known of every document that an ask can reach. */
export function constantsOf({ collection, namespace }: StoreAsk): Readonly<Record<string, Value>> {
  const { constants = {}, namespaceField } = collection ?? {};
  if (namespaceField === undefined || namespace === undefined) return constants;
  return Object.assign(Object.create(null) as Record<string, Value>, constants, {
    [namespaceField]: namespace,
  });
}

/** Reads a document of an ask's collection. */
export function documentOf(ask: StoreAsk, metadata: JsonObject): Document {
  return readDocument(metadata, ask.collection?.fields.values() ?? [], constantsOf(ask));
}

function plain(document: Document): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const [name, value] of Object.entries(document)) {
    if (value !== undefined) out[name] = (typeof value === "object" ? [...value] : value) satisfies Json;
  }
  return out;
}
