/** Keeps what the record may say of a call of a store: which part of it, how it was searched, how many documents were looked at. */
import { isObject } from "../contract.js";
import type { Call, Json, JsonObject } from "../contract.js";

/** Names of stores, collections and routes. */
const name = /^[A-Za-z0-9][A-Za-z0-9_.:/{}*-]{0,127}$/;
const word = /^[a-z][a-z_]{0,31}$/;
const digest = /^[0-9a-f]{64}$/;
const named = ["store", "collection", "operation", "classification"] as const;
const counted = ["top_k", "offset", "dimensions", "bytes"] as const;

/** Gives what is kept of a call of kind `retrieval`; undefined of any other. */
export function retrievalCall({ kind, resource }: Call): Json | undefined {
  if (kind !== "retrieval") return undefined;
  const { query, documents, recent } = resource.properties;
  const out: JsonObject = {};
  for (const one of named) {
    const value = resource.properties[one];
    if (typeof value === "string" && name.test(value)) out[one] = value;
  }
  if (isObject(query)) out["query"] = queryOf(query);
  if (Array.isArray(documents)) out["documents"] = documents.length;
  if (isObject(recent)) out["recent"] = numbersOf(recent, ["queries", "narrow", "window_s"]);
  return Object.keys(out).length === 0 ? undefined : out;
}

/** INVARIANT: fields that a caller filters by are named by their number only: a name may hold content. */
function queryOf(query: JsonObject): JsonObject {
  const { kinds, sha256, vectors, fields } = query;
  return {
    ...(Array.isArray(kinds)
      ? { kinds: kinds.filter((one) => typeof one === "string" && word.test(one)).slice(0, 8) }
      : {}),
    ...numbersOf(query, counted),
    ...(typeof sha256 === "string" && digest.test(sha256) ? { sha256 } : {}),
    ...(typeof vectors === "boolean" ? { vectors } : {}),
    ...(Array.isArray(fields) ? { fields: fields.length } : {}),
  };
}

function numbersOf(facts: JsonObject, names: readonly string[]): JsonObject {
  const out: JsonObject = {};
  for (const one of names) if (typeof facts[one] === "number") out[one] = facts[one];
  return out;
}
