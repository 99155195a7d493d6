import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { NeutralQuery, StoreRequest } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type { Dialect } from "./dialect.js";
import { settingsOf } from "./settings.js";

/** Writes a neutral query as a search: its text is matched with the collection's, its vector compared with the vector field. */
export function askNeutrally(
  { text, vector, ids, topK, namespace }: NeutralQuery,
  collection: CollectionConfig,
  { knn }: Dialect,
): StoreRequest | Refusal {
  const field = settingsOf(collection).vector;
  if (namespace !== undefined) return refuse("invalid_request", "an index has no namespaces");
  if (text !== undefined && collection.text === undefined)
    return refuse("invalid_request", "the collection's text isn't configured");
  if (vector !== undefined && field === undefined)
    return refuse("invalid_request", "the collection's vector isn't configured");
  const chosen: Json[] = ids === undefined ? [] : [{ ids: { values: [...ids] } }];
  const queries: Json[] = [];
  if (text !== undefined && collection.text !== undefined)
    queries.push({ match: { [collection.text.join(".")]: { query: text } } });
  const body: JsonObject = { size: topK };
  if (vector !== undefined && field !== undefined) {
    const only: Json | undefined = chosen[0];
    const filter = only === undefined ? {} : { filter: only };
    if (knn === "flat")
      body["knn"] = {
        ...{
          field,
          query_vector: [...vector],
          k: topK,
          num_candidates: Math.min(10_000, Math.max(100, topK * 2)),
        },
        ...filter,
      };
    else queries.push({ knn: { [field]: { vector: [...vector], k: topK, ...filter } } });
  }
  if (queries.length > 0 || body["knn"] === undefined)
    body["query"] = {
      bool: { ...(queries.length === 0 ? {} : { should: queries, minimum_should_match: 1 }), filter: chosen },
    };
  const headers = {};
  return {
    ...{ kind: "request", method: "POST", segments: [collection.name, "_search"], query: new Map() },
    ...{ body, form: "json", headers },
  };
}
