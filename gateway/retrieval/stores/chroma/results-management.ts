/** What is given of answers about collections, tenants and databases: what is configured, under the ids that clients know. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { Found, StoreAnswer } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import { clientId } from "./address.js";
import type { ChromaOperation } from "./operation.js";

/** Reads an answer that isn't about documents. */
export function resultsOfManagement(
  { deed, place }: ChromaOperation,
  { value }: StoreAnswer,
): Found | Refusal {
  const plainly = (given: Json): Found => ({ kind: "found", items: [], rebuild: () => given });
  switch (deed.kind) {
    case "pass":
      return plainly(value ?? null);
    case "identity":
      // whose key the gateway has is nobody's to know
      return plainly({ user_id: "", tenant: place.tenant, databases: [place.database] });
    case "tenant":
      return plainly({ name: place.tenant });
    case "database":
      return isDatabase(value, place.database) ? plainly(presentDatabase(value)) : refuse("upstream_invalid");
    case "databases":
      return Array.isArray(value)
        ? plainly(value.filter((one) => isDatabase(one, place.database)).map(presentDatabase))
        : refuse("upstream_invalid");
    case "list": {
      if (!Array.isArray(value)) return refuse("upstream_invalid");
      const listed = value.map((one) =>
        isObject(one) && typeof one["name"] === "string" ? one["name"] : "",
      );
      return {
        ...{ kind: "found", items: [], collections: listed },
        rebuild: (_items, kept = []) => {
          const shown = value.filter((_one, i) => kept[i] === true);
          if (deed.counted) return shown.length;
          return shown
            .slice(deed.offset, deed.offset + deed.limit)
            .flatMap((one) => presentCollection(one, deed.store) ?? []);
        },
      };
    }
    default:
      throw new Error("not about collections, tenants or databases");
  }
}

/**
 * Gives a collection as clients know it; undefined where it is none, or another. What tells of documents beside (the
 * position in the log counts writes) is left out.
 * @param named the one that it must be
 */
export function presentCollection(
  value: Json | undefined,
  store: string,
  named?: CollectionConfig,
): JsonObject | undefined {
  if (!isObject(value)) return undefined;
  const { name, configuration_json = {}, schema = null, metadata = null, dimension = null } = value;
  if (typeof name !== "string" || (named !== undefined && named.name !== name)) return undefined;
  const { tenant = "", database = "", version = 0 } = value;
  return {
    ...{ id: clientId({ store, name }), name, configuration_json, schema, metadata, dimension },
    ...{ tenant, database, log_position: 0, version },
  };
}

function isDatabase(value: Json | undefined, name: string): value is JsonObject {
  return isObject(value) && value["name"] === name;
}

function presentDatabase(value: JsonObject): JsonObject {
  const { id = "", name = "", tenant = "" } = value;
  return { id, name, tenant };
}
