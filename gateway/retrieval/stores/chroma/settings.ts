import type { Fields } from "../../../../sidecar/contract.js";
import type { KindSettings, StoreConfig } from "../../config.js";
import type { Place } from "./operation.js";

/** Reads where a Chroma store's collections are: `tenant`, `database`, which of them `namespace` means, and `get_or_create`. */
export const settings: KindSettings = {
  store: (fields: Fields) => ({
    tenant: fields.string("tenant") ?? "default_tenant",
    database: fields.string("database") ?? "default_database",
    namespace: fields.oneOf("namespace", ["tenant", "database"]) ?? "tenant",
    get_or_create: fields.oneOf("get_or_create", ["get", "create"]) ?? "get",
  }),
};

/** Gives the place of a store's collections; a namespace stands for the part that is its. */
export function placeOf({ settings }: StoreConfig, namespace: string | undefined): Place {
  const place = { tenant: String(settings["tenant"]), database: String(settings["database"]) };
  if (namespace === undefined) return place;
  return settings["namespace"] === "database"
    ? { ...place, database: namespace }
    : { ...place, tenant: namespace };
}

/** Gives the part of a place that a namespace stands for; undefined where the place isn't the store's. */
export function namespaceOf({ settings }: StoreConfig, { tenant, database }: Place): string | undefined {
  if (settings["namespace"] === "database") return tenant === settings["tenant"] ? database : undefined;
  return database === settings["database"] ? tenant : undefined;
}
