import type { JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { NeutralQuery, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import { clientId } from "./address.js";
import { placeOf } from "./settings.js";

/** Writes Chroma's own request for a neutral query. A Chroma server embeds nothing: a vector, or ids, are needed. */
export function ask(
  { text, vector, ids, topK, namespace }: NeutralQuery,
  collection: CollectionConfig,
  store: StoreConfig,
): StoreRequest | Refusal {
  const { tenant, database } = placeOf(store, namespace);
  const chosen: JsonObject = ids === undefined ? {} : { ids: [...ids] };
  const to = (route: string, body: JsonObject): StoreRequest => ({
    ...{ kind: "request", method: "POST", query: new Map(), headers: {}, form: "json", body },
    segments: [
      ...["api", "v2", "tenants", tenant, "databases", database],
      ...["collections", clientId(collection), route],
    ],
  });
  if (vector !== undefined) {
    const include = ["metadatas", "documents", "distances"];
    return to("query", { ...chosen, query_embeddings: [[...vector]], n_results: topK, include });
  }
  if (text !== undefined || ids === undefined)
    return refuse("invalid_request", "vector: this store embeds no text");
  return to("get", { ...chosen, limit: topK, include: ["metadatas", "documents"] });
}
