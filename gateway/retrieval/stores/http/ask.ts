import type { Json, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { NeutralQuery, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { Blank } from "./mapping.js";
import { blankOf, blanksOf, mappingOf } from "./mapping.js";
import { write } from "./narrow.js";

/** Writes the store's own request for a neutral query; what it has no place for is refused. */
export function ask(
  { text, vector, ids, topK, namespace }: NeutralQuery,
  { name }: CollectionConfig,
  store: StoreConfig,
): StoreRequest | Refusal {
  const { path, body } = mappingOf(store);
  const filled = new Map<Blank, Json>([["collection", name]]);
  if (text !== undefined) filled.set("query", text);
  if (vector !== undefined) filled.set("vector", [...vector]);
  if (ids !== undefined) filled.set("ids", [...ids]);
  if (namespace !== undefined) filled.set("namespace", namespace);
  const places: readonly Blank[] = [...blanksOf(body), ...path.flatMap((one) => blankOf(one) ?? [])];
  const homeless = [...filled.keys()].find((one) => one !== "collection" && !places.includes(one));
  if (homeless !== undefined) return refuse("invalid_request", `${homeless}: this store has no place for it`);
  filled.set("top_k", topK);
  const segments = path.map((part) => {
    const blank = blankOf(part);
    const value = blank === undefined ? part : filled.get(blank);
    return typeof value === "string" ? value : "";
  });
  if (segments.includes("")) return refuse("namespace_required");
  return {
    ...{ kind: "request", method: "POST", segments, query: new Map(), headers: {}, form: "json" },
    body: write(body, filled) ?? {},
  };
}
