/** The gateway's configuration of the collections that are measured, for a store of any kind. */
import { parseGatewayConfig } from "../../gateway/config.js";
import type { CollectionConfig, StoreConfig, StoreKind } from "../../gateway/retrieval/config.js";
import type { Json } from "../../sidecar/contract.js";
import type { Shelf } from "./documents.js";
import { fields, shelves } from "./documents.js";

/** What collections of a kind have beside: their schema, where the store has one, and where the vector is. */
const own: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  pinecone: { pinecone: { typed: true } },
  postgres: {
    text: "body",
    columns: {
      ...{ id: "text", body: "text", embedding: "vector(384)" },
      ...{ tenant: "text", classification: "text", region: "text", department: "text" },
      ...{ created: "int8", expires: "int8", owner: "text", topics: "text[]" },
    },
  },
  weaviate: {
    // a collection's name begins with a capital letter
    name: "Bench",
    schema: {
      ...{ tenant: "keyword", classification: "keyword", region: "keyword", department: "keyword" },
      ...{ created: "int", expires: "int", owner: "keyword", topics: "keyword[]", text: "text" },
    },
  },
  opensearch: { vector: "vector", mapping: mapped() },
  elasticsearch: { vector: "vector", mapping: mapped() },
  milvus: {
    schema: {
      ...{ id: "int64", vector: "float_vector" },
      ...{ tenant: "varchar", classification: "varchar", region: "varchar", department: "varchar" },
      ...{ created: "int64", expires: "int64", owner: "varchar", topics: "array<varchar>" },
    },
  },
};

/** Every document has a field not at all, or as one value of its type. */
function mapped(): Json {
  const as = (type: string): Json => ({ type, uniform: true });
  return {
    ...{ tenant: as("keyword"), classification: as("keyword"), region: as("keyword") },
    ...{ department: as("keyword"), owner: as("keyword"), created: as("long"), expires: as("long") },
  };
}

/** What a store of a kind has beside. */
const ofStore: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  postgres: {
    ...{ url: "postgres://127.0.0.1:1/bench", user: "bench", listen: "127.0.0.1:0" },
    api_key: { value: "unused" },
  },
  http: {
    query: {
      ...{ path: "/$collection/find", filter: "ucast", metadata: "/metadata" },
      body: { vector: "$vector", where: "$filter", size: "$top_k" },
    },
  },
};

/** Says collections as they are configured. */
export function collectionsJson(kind: string, of: readonly Shelf[] = shelves): Json {
  return Object.fromEntries(
    of.map(({ name, constants = {} }) => [
      name,
      { fields, constants, limits: { top_k: 1_000, offset: 0, fetched: 1_000 }, ...own[kind] },
    ]),
  ) as unknown as Json;
}

/** Reads the configuration of one collection of a store, as the gateway does. @throws Error where there is something wrong with it */
export function configure(
  kind: StoreKind,
  of: Shelf,
): { readonly store: StoreConfig; readonly collection: CollectionConfig } {
  const place = { url: "http://127.0.0.1:1", region: "eu", environment: "prod" };
  const { stores } = parseGatewayConfig({
    ...{ listen: "127.0.0.1:0", sidecar: { socket: "/nowhere" }, environment: "demo" },
    stores: { bench: { kind, ...place, ...ofStore[kind], collections: collectionsJson(kind, [of]) } },
  });
  const store = stores.get("bench");
  const collection = store?.collections.get(of.name);
  if (store === undefined || collection === undefined) throw new Error("the collection isn't configured");
  return { store, collection };
}
