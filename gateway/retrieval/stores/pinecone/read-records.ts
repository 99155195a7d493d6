import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import { Facts, list, members, text, unread, whole } from "../strict.js";
import type { About, Read } from "./read-parts.js";
import { askOf, distinct, namespaceOf, readId, readMetadata } from "./read-parts.js";
import { readNumbers, readOwnFilter } from "./read-values.js";

/** Reads what is about records whose texts the index embeds itself. */
export function readRecords(request: StoreRequest, about: About): Read {
  if (request.query.size > 0 || (request.lists?.get("ids") ?? []).length > 0)
    return unread("invalid_request", "a parameter of the path's query");
  return about.handling === "upsert-records" ? readUpsert(request, about) : readSearch(request, about);
}

function readUpsert({ form, body }: StoreRequest, about: About): Read {
  // one record alone may be called JSON
  const given =
    form === "ndjson" && Array.isArray(body) ? body : form === "json" && isObject(body) ? [body] : undefined;
  if (given === undefined) return unread("unsupported_media_type");
  const records = given.map((one): { id: string; metadata: JsonObject } => {
    if (!isObject(one)) return unread("invalid_request", "a record must be an object");
    const { _id, id, ...fields } = one;
    if ((_id === undefined) === (id === undefined)) return unread("invalid_request", "a record has one _id");
    return { id: readId(_id ?? id), metadata: readMetadata(fields) };
  });
  const namespace = about.values["namespace"] ?? "";
  return {
    ...{ namespace, shows: { metadata: true, values: true } },
    lines: records.map(({ id, metadata }) => ({ _id: id, ...metadata })),
    asks: [
      askOf(
        about,
        { action: "retrieval.write", effect: "write" },
        {
          namespace: namespaceOf(namespace),
          ids: distinct(records.map(({ id }) => id)),
          documents: records.map(({ metadata }) => metadata),
        },
      ),
    ],
  };
}

function readSearch({ form, body: value }: StoreRequest, about: About): Read {
  if (form === "ndjson") return unread("unsupported_media_type");
  const body = members(value, ["query", "fields", "rerank"], "the body");
  const known = ["top_k", "filter", "inputs", "vector", "id", "match_terms"];
  const query = members(body["query"], known, "query");
  const facts = new Facts();
  const top = whole(query["top_k"], "top_k", 1, 10_000);
  readOwnFilter(query, facts);
  const subjects = ["inputs", "vector", "id"].filter((name) => query[name] !== undefined);
  if (subjects.length !== 1) return unread("invalid_request", "a query has inputs, a vector or an id");
  const ids: string[] = [];
  if (query["inputs"] !== undefined) {
    text(members(query["inputs"], ["text"], "inputs")["text"], "text", 1_000_000);
    facts.searched("text", query["inputs"]);
  }
  if (query["id"] !== undefined) {
    ids.push(readId(query["id"]));
    facts.kind("ids");
  }
  if (query["vector"] !== undefined) readVector(query["vector"], facts);
  if (query["match_terms"] !== undefined) {
    const { strategy, terms } = members(query["match_terms"], ["strategy", "terms"], "match_terms");
    if (strategy !== "all") return unread("invalid_request", "strategy is all");
    for (const one of list(terms, "terms", 256)) text(one, "terms");
    facts.searched("text", query["match_terms"]);
    // whether a text has a word shows in what is found
    if (about.collection?.text !== undefined) facts.field(about.collection.text.join("."));
  }
  const fields =
    body["fields"] === undefined
      ? undefined
      : list(body["fields"], "fields", 100).map((one) => text(one, "fields", 1_024));
  if (body["rerank"] !== undefined) body["rerank"] = readRerank(body["rerank"], facts);
  const namespace = about.values["namespace"] ?? "";
  return {
    ...{ namespace, shows: { metadata: true, values: false } },
    body: { ...body, query },
    ...(fields === undefined ? {} : { fields }),
    asks: [
      askOf(
        about,
        { action: "retrieval.query", effect: "find" },
        {
          ...{ namespace: namespaceOf(namespace), query: facts.tell(top) },
          ...(ids.length === 0 ? {} : { ids }),
        },
      ),
    ],
  };
}

function readVector(value: Json, facts: Facts): void {
  const vector = members(value, ["values", "sparse_values", "sparse_indices"], "vector");
  const { values, sparse_values, sparse_indices } = vector;
  const dimensions = values === undefined ? 0 : readNumbers(values);
  for (const one of [sparse_values, sparse_indices]) if (one !== undefined) readNumbers(one);
  facts.searched(values === undefined ? "sparse" : "vector", value, dimensions);
}

/** What is found is sorted again by a model, which reads these fields of it. */
function readRerank(value: Json, facts: Facts): JsonObject {
  const known = ["model", "rank_fields", "top_n", "parameters", "query"];
  const rerank = members(value, known, "rerank");
  text(rerank["model"], "model", 256);
  for (const one of list(rerank["rank_fields"], "rank_fields", 16))
    facts.field(text(one, "rank_fields", 1_024));
  if (rerank["top_n"] !== undefined) whole(rerank["top_n"], "top_n", 1, 10_000);
  if (rerank["query"] !== undefined) facts.searched("text", text(rerank["query"], "query", 1_000_000));
  const { parameters } = rerank;
  if (parameters !== undefined && !isObject(parameters))
    return unread("invalid_request", "parameters must be an object");
  return rerank;
}
