/** The gateway's configuration of the collections that are measured, for a store of any kind. */
import { parseGatewayConfig } from "../../gateway/config.js";
import type { GatewayConfig } from "../../gateway/config.js";
import type { Json } from "../../sidecar/contract.js";
import { fields, shelves } from "./documents.js";

/** What collections of a kind have beside: their schema, where the store has one, and where the vector is. */
const own: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
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

/** Says the collections as they are configured. */
export function collectionsJson(kind: string): Json {
  return Object.fromEntries(
    shelves.map(({ name, constants = {} }) => [
      name,
      { fields, constants, limits: { top_k: 1_000, offset: 0, fetched: 1_000 }, ...own[kind] },
    ]),
  ) as unknown as Json;
}

/** Reads a configuration as the gateway does. @param stores by name, without region, environment and collections */
export function gatewayConfig(
  stores: Readonly<Record<string, Readonly<Record<string, Json>>>>,
): GatewayConfig {
  const all = Object.entries(stores).map(([name, one]) => [
    name,
    { region: "eu", environment: "prod", collections: collectionsJson(String(one["kind"])), ...one },
  ]);
  return parseGatewayConfig({
    ...{ listen: "127.0.0.1:0", sidecar: { socket: "/nowhere" }, environment: "demo" },
    stores: Object.fromEntries(all) as Json,
  });
}
