import { createHash } from "node:crypto";
import type { Condition, Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, parseCondition, refuse, stringifyJson } from "../../../../sidecar/contract.js";
import type { QueryFacts, StoreOperation, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { Blank, FilterLanguage, Mapping } from "./mapping.js";
import { blankOf, mappingOf } from "./mapping.js";

export interface HttpOperation extends StoreOperation {
  /** What the request says in the places of the blanks. */
  readonly said: ReadonlyMap<Blank, Json>;
  readonly mapping: Mapping;
  readonly collection?: CollectionConfig;
}

export const defaultTopK = 10;
const longest = 65_536;
const mostIds = 1_000;

/** Says what a request would do: it must be as the mapping's path and body are, but for the blanks. */
export function classify(request: StoreRequest, store: StoreConfig): HttpOperation | Refusal {
  const mapping = mappingOf(store);
  const said = new Map<Blank, Json>();
  if (request.method !== "POST" || !fillPath(mapping.path, request.segments, said))
    return refuse("unknown_operation");
  if (request.query.size > 0) return refuse("invalid_request", "an unknown parameter in the query");
  if (!isObject(request.body)) return refuse("invalid_request", "the body must be an object");
  const stray = fill(mapping.body, request.body, said);
  if (stray !== undefined) return refuse("invalid_request", `unknown, or not as configured: ${stray}`);
  const wrong = [...said].find(([blank, value]) => !isFitting(blank, value, mapping.filter));
  if (wrong !== undefined)
    return refuse(wrong[0] === "filter" ? "filter_refused" : "invalid_request", wrong[0]);
  if (!said.has("query") && !said.has("vector") && !said.has("ids"))
    return refuse("invalid_request", "nothing is searched for");
  const named = said.get("collection");
  const [single] = store.collections.values();
  const collection = typeof named === "string" ? store.byName(named) : single;
  const namespace = said.get("namespace");
  return {
    ...{ kind: "operation", route: "query", said, mapping },
    ...(collection === undefined ? {} : { collection }),
    asks: [
      {
        ...{ action: "retrieval.query", effect: "find", query: factsOf(said) },
        name: typeof named === "string" ? named : (collection?.name ?? ""),
        ...(collection === undefined ? {} : { collection }),
        ...(typeof namespace === "string" ? { namespace } : {}),
      },
    ],
  };
}

function fillPath(path: readonly string[], segments: readonly string[], said: Map<Blank, Json>): boolean {
  if (path.length !== segments.length) return false;
  return path.every((part, i) => {
    const segment = segments[i] ?? "";
    const blank = blankOf(part);
    if (blank === undefined) return part === segment;
    said.set(blank, segment);
    return true;
  });
}

/** Reads what stands in a body's blanks; gives the name of what is there beside, or otherwise. Blanks may be left out. */
function fill(
  template: Json,
  given: Json | undefined,
  said: Map<Blank, Json>,
  name = "body",
): string | undefined {
  const blank = blankOf(template);
  if (blank !== undefined) {
    if (given !== undefined && given !== null) said.set(blank, given);
    return undefined;
  }
  if (isObject(template)) {
    // what holds blanks only may be left out as a whole
    if (given === undefined) return undefined;
    if (!isObject(given)) return name;
    const other = Object.keys(given).find((key) => !Object.hasOwn(template, key));
    if (other !== undefined) return /^[A-Za-z0-9_.-]{1,64}$/.test(other) ? other : "(unprintable)";
    for (const [key, part] of Object.entries(template)) {
      const stray = fill(part, given[key], said, key);
      if (stray !== undefined) return stray;
    }
    return undefined;
  }
  if (Array.isArray(template)) {
    if (given === undefined) return undefined;
    if (!Array.isArray(given) || given.length !== template.length) return name;
    for (const [i, part] of template.entries()) {
      const stray = fill(part, given[i], said, name);
      if (stray !== undefined) return stray;
    }
    return undefined;
  }
  // what the configuration states is sent whether or not the client says it
  return given === undefined || stringifyJson(given) === stringifyJson(template) ? undefined : name;
}

function isFitting(blank: Blank, value: Json, language: FilterLanguage): boolean {
  switch (blank) {
    case "query":
      return typeof value === "string" && value.length <= longest;
    case "vector":
      return (
        Array.isArray(value) &&
        value.length > 0 &&
        value.every((one) => typeof one === "number" || one instanceof JsonNumber)
      );
    case "ids":
      return (
        Array.isArray(value) &&
        value.length <= mostIds &&
        value.every((one) => typeof one === "string" && one !== "" && one.length <= 1_024)
      );
    case "top_k":
      return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
    case "filter":
      return language === "ucast" ? parseCondition(value) !== undefined : isEqualities(value);
    case "namespace":
    case "collection":
      // in a path, dots alone lead elsewhere
      return typeof value === "string" && value.length <= 512 && !["", ".", ".."].includes(value);
  }
}

function isEqualities(value: Json): value is JsonObject {
  return (
    isObject(value) &&
    Object.keys(value).length <= 64 &&
    Object.values(value).every((one) => ["string", "number", "boolean"].includes(typeof one))
  );
}

function factsOf(said: ReadonlyMap<Blank, Json>): QueryFacts {
  const text = said.get("query");
  const vector = said.get("vector");
  const searched = [text, vector].filter((one) => one !== undefined).map((one) => stringifyJson(one));
  const topK = said.get("top_k");
  const filter = said.get("filter");
  return {
    kinds: (["query", "vector", "filter", "ids"] as const)
      .filter((one) => said.has(one))
      .map((one) => (one === "query" ? "text" : one)),
    top_k: typeof topK === "number" ? topK : defaultTopK,
    ...(Array.isArray(vector) ? { dimensions: vector.length } : {}),
    bytes: searched.reduce((sum, one) => sum + Buffer.byteLength(one), 0),
    sha256: createHash("sha256")
      .update(typeof text === "string" && vector === undefined ? text : searched.join("\n"))
      .digest("hex"),
    ...(filter === undefined ? {} : { fields: fieldsOf(filter) }),
  };
}

function fieldsOf(filter: Json): string[] {
  const condition = parseCondition(filter);
  return condition === undefined ? Object.keys(isObject(filter) ? filter : {}) : namesOf(condition);
}

function namesOf(condition: Condition): string[] {
  return condition.type === "field" ? [condition.field] : condition.value.flatMap(namesOf);
}
