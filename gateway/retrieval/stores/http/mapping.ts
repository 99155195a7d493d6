/** How a store that has no adapter of its own is spoken to: its one route, and where in requests and answers things stand. */
import type { Fields, Json, JsonObject, Problems } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { KindSettings, StoreConfig } from "../../config.js";

/** What may stand in the path and the body in the place of a value. */
export const blanks = ["query", "vector", "ids", "top_k", "filter", "namespace", "collection"] as const;
export type Blank = (typeof blanks)[number];

export const filterLanguages = ["none", "ucast", "equals"] as const;
export type FilterLanguage = (typeof filterLanguages)[number];

/** A JSON pointer (RFC 6901), member by member. */
export type Pointer = readonly string[];

export interface Mapping {
  /** Of the path, behind the store's url: texts, and blanks with a `$`. */
  readonly path: readonly string[];
  readonly body: JsonObject;
  readonly filter: FilterLanguage;
  /** The store's filter holds exactly where a condition does, so no more than what was asked for is fetched. */
  readonly exact: boolean;
  /** Of an answer. */
  readonly documents: Pointer;
  /** Of a document. */
  readonly id: Pointer;
  readonly text: Pointer;
  readonly score: Pointer;
  readonly metadata: Pointer;
}

const defaults = {
  path: "",
  body: { query: "$query", top_k: "$top_k" },
  filter: "none",
  exact: false,
  documents: "/documents",
  id: "/id",
  text: "/text",
  score: "/score",
  metadata: "",
} as const;

const pointers = ["documents", "id", "text", "score", "metadata"] as const;
const maxBody = 64;

/** Reads `query`: what isn't given is as {@link defaults} say. */
export const settings: KindSettings = {
  store(fields: Fields, problems: Problems): JsonObject {
    const query = fields.nested("query");
    const path = query.string("path") ?? defaults.path;
    const given = query.raw("body");
    const body = isObject(given) ? given : defaults.body;
    if (given !== undefined && !isObject(given)) problems.add(query.at("body"), "must be an object");
    const filter = query.oneOf<FilterLanguage>("filter", filterLanguages) ?? defaults.filter;
    const out: JsonObject = { path, body, filter, exact: query.boolean("exact") ?? defaults.exact };
    for (const name of pointers) {
      const pointer = query.string(name) ?? defaults[name];
      if (readPointer(pointer) === undefined) problems.add(query.at(name), "must be a JSON pointer, as /a/b");
      out[name] = pointer;
    }
    query.end();
    checkPath(path, query.at("path"), problems);
    const used = [...blanksOf(body), ...segmentsOf(path).flatMap((one) => blankOf(one) ?? [])];
    for (const name of unknownBlanks(body)) problems.add(query.at("body"), `unknown ${name}`);
    if (blanksOf(body).length > maxBody || new Set(used).size < used.length)
      problems.add(query.at("body"), "each of $query, $vector … may stand once");
    if (!used.some((one) => one === "query" || one === "vector" || one === "ids"))
      problems.add(query.at("body"), "must have a place for $query, $vector or $ids");
    if ((filter === "none") === used.includes("filter"))
      problems.add(query.at("filter"), "goes with a place for $filter");
    if (fields.entries("collections").length !== 1 && !used.includes("collection"))
      problems.add(query.at("body"), "must have a place for $collection where there are several");
    return out;
  },
};

function checkPath(path: string, place: string, problems: Problems): void {
  if (path !== "" && !/^(?:\/[A-Za-z0-9._~$-]+)+$/.test(path))
    problems.add(place, "must be as /a/b, of plain letters");
  for (const one of segmentsOf(path)) {
    if (one === "." || one === "..") problems.add(place, "must not hold dots alone");
    if (!one.includes("$")) continue;
    const blank = blankOf(one);
    if (blank !== "collection" && blank !== "namespace")
      problems.add(place, "may hold $collection and $namespace only, as whole parts");
  }
}

const known = new WeakMap<StoreConfig, Mapping>();

/** Gives a store's mapping; one that states none has the default. */
export function mappingOf(store: StoreConfig): Mapping {
  const found = known.get(store);
  if (found !== undefined) return found;
  const { settings: own } = store;
  const text = (name: (typeof pointers)[number]): string => {
    const one = own[name];
    return typeof one === "string" ? one : defaults[name];
  };
  const { body, filter } = own;
  const mapping: Mapping = {
    path: segmentsOf(typeof own["path"] === "string" ? own["path"] : defaults.path),
    body: isObject(body) ? body : defaults.body,
    filter: filterLanguages.find((one) => one === filter) ?? defaults.filter,
    exact: own["exact"] === true,
    documents: readPointer(text("documents")) ?? [],
    id: readPointer(text("id")) ?? [],
    text: readPointer(text("text")) ?? [],
    score: readPointer(text("score")) ?? [],
    metadata: readPointer(text("metadata")) ?? [],
  };
  known.set(store, mapping);
  return mapping;
}

export function segmentsOf(path: string): string[] {
  return path === "" ? [] : path.slice(1).split("/");
}

/** Gives the blank that a text is. */
export function blankOf(value: Json | undefined): Blank | undefined {
  return blanks.find((one) => value === `$${one}`);
}

/** All blanks of a body. */
export function blanksOf(body: Json): Blank[] {
  const blank = blankOf(body);
  if (blank !== undefined) return [blank];
  if (Array.isArray(body)) return body.flatMap(blanksOf);
  return isObject(body) ? Object.values(body).flatMap(blanksOf) : [];
}

function unknownBlanks(body: Json): string[] {
  if (typeof body === "string") return body.startsWith("$") && blankOf(body) === undefined ? [body] : [];
  if (Array.isArray(body)) return body.flatMap(unknownBlanks);
  return isObject(body) ? Object.values(body).flatMap(unknownBlanks) : [];
}

/** Undefined where a text is no JSON pointer, or a very long one. */
export function readPointer(text: string): Pointer | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || text.length > 512 || /~(?![01])/.test(text)) return undefined;
  const names = text.slice(1).split("/");
  const read = names.map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.length <= 8 && read.every((one) => one !== "__proto__") ? read : undefined;
}
