import { createHash } from "node:crypto";
import { Kind, parse } from "graphql";
import type { ArgumentNode, FieldNode, SelectionSetNode } from "graphql";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, stringifyJson } from "../../../../sidecar/contract.js";
import type { QueryFacts, StoreAsk, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import { list, members, oneOf, longText as text, unread, whole } from "../strict.js";
import { isUuid } from "./language.js";
import type { ClassQuery, GraphqlOperation, Tree } from "./operation.js";
import { isPropertyName } from "./read-target.js";
import { toJson } from "./value.js";
import { pathsOf, readWhere } from "./where.js";

const limits = { text: 262_144, tokens: 65_536, classes: 16, depth: 8 } as const;
/** Weaviate's own, where a query names none (`QUERY_DEFAULTS_LIMIT`). */
const defaultLimit = 10;

/** Reads `POST /v1/graphql`: one operation, of one `Get` or `Aggregate`, by an allow-list. */
export function readGraphql(request: StoreRequest, store: StoreConfig, route: string): GraphqlOperation {
  const body = members(request.body, ["query", "variables", "operationName"], "the body");
  const { variables, operationName } = body;
  if (variables !== undefined && !(isObject(variables) && Object.keys(variables).length === 0))
    return unread("filter_refused", "write values where they stand: variables aren't taken");
  const root = readRoot(text(body["query"], "query", limits.text), operationName);
  const doing = root.name.value === "Get" ? "get" : root.name.value === "Aggregate" ? "aggregate" : undefined;
  if (doing === undefined) return unread("unknown_operation", "Get and Aggregate are taken");
  if (root.alias !== undefined || (root.arguments?.length ?? 0) > 0)
    return unread("filter_refused", root.name.value);
  const fields = fieldsOf(root.selectionSet);
  if (fields.length === 0 || fields.length > limits.classes)
    return unread("retrieval_limit", `classes in one query: at most ${limits.classes}`);
  const read = fields.map((field) => readClass(field, store, doing));
  const classes = read.map(({ query }) => query);
  if (new Set(classes.map(({ key }) => key)).size < classes.length)
    return unread("filter_refused", "a class stands twice: give each a name");
  return { kind: "operation", route, doing, classes, asks: read.map(({ ask }) => ask) };
}

function readRoot(query: string, operationName: Json | undefined): FieldNode {
  let definitions;
  try {
    ({ definitions } = parse(query, { noLocation: true, maxTokens: limits.tokens }));
  } catch {
    // a syntax error's message quotes the text; one that is nested too deep ends in a RangeError
    return unread("filter_refused", "query is no GraphQL");
  }
  const [operation, ...others] = definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION || others.length > 0)
    return unread("filter_refused", "one operation, without fragments");
  const { name, variableDefinitions = [], directives = [] } = operation;
  if (operation.operation !== "query" || variableDefinitions.length > 0 || directives.length > 0)
    return unread("filter_refused", "a query, without variables and directives");
  if (operationName !== undefined && operationName !== name?.value)
    return unread("filter_refused", "operationName");
  const [root, ...more] = fieldsOf(operation.selectionSet);
  if (root === undefined || more.length > 0) return unread("filter_refused", "one Get, or one Aggregate");
  return root;
}

/** The fields of a selection; fragments reach other collections, directives and introspection aren't taken. */
function fieldsOf(set: SelectionSetNode | undefined): FieldNode[] {
  return (set?.selections ?? []).map((one) => {
    if (one.kind !== Kind.FIELD)
      return unread("filter_refused", "fragments (references to other collections)");
    if ((one.directives?.length ?? 0) > 0) return unread("filter_refused", "directives");
    if (one.name.value.startsWith("__")) return unread("filter_refused", "introspection");
    return one;
  });
}

/** What is selected; each name once, without arguments and other names. */
function treeOf(set: SelectionSetNode | undefined, level = 0): Tree {
  if (level > limits.depth) return unread("filter_refused", "the query is too deep");
  const out = Object.create(null) as Record<string, Tree | true>;
  for (const field of fieldsOf(set)) {
    const name = field.name.value;
    if (field.alias !== undefined || (field.arguments?.length ?? 0) > 0)
      return unread("filter_refused", "properties by their own names, without arguments");
    if (Object.hasOwn(out, name)) return unread("filter_refused", "a property stands twice");
    out[name] = field.selectionSet === undefined ? true : treeOf(field.selectionSet, level + 1);
  }
  return out;
}

const additionals: ReadonlySet<string> = new Set([
  ...["id", "distance", "certainty", "score", "creationTimeUnix", "lastUpdateTimeUnix", "vector", "vectors"],
]);

interface ReadClass {
  readonly query: ClassQuery;
  readonly ask: StoreAsk;
}

function readClass(field: FieldNode, store: StoreConfig, doing: "get" | "aggregate"): ReadClass {
  const className = field.name.value;
  const key = field.alias?.value ?? className;
  if (key.startsWith("__")) return unread("filter_refused", "a name that is the server's");
  const collection = store.byName(className);
  if (collection === undefined) return unread("unknown_collection");
  const args = argumentsOf(field.arguments ?? []);
  const search = readSearch(args, doing);
  const where = args["where"] === undefined ? undefined : readWhere(args["where"]);
  const limit =
    args["limit"] === undefined
      ? Math.min(defaultLimit, collection.limits.topK)
      : whole(args["limit"], "limit", 1);
  const offset = args["offset"] === undefined ? 0 : whole(args["offset"], "offset", 0);
  const tree = treeOf(field.selectionSet);
  const { _additional, ...selected } = tree;
  const additional =
    _additional === undefined
      ? {}
      : _additional === true
        ? unread("filter_refused", "_additional")
        : _additional;
  for (const [name, one] of Object.entries(additional)) {
    if (!additionals.has(name) || (one !== true && name !== "vectors"))
      return unread("filter_refused", "_additional");
  }
  if (doing === "aggregate") {
    const { meta, ...others } = tree;
    const counted = typeof meta === "object" && Object.keys(meta).join() === "count";
    // values of documents would be told without them
    if (!counted || Object.keys(others).length > 0)
      return unread("filter_refused", "Aggregate tells meta { count }");
  }
  const sorted = readSort(args["sort"]);
  const facts = search.facts({
    ...{ limit: doing === "aggregate" ? 1 : limit, offset, filtered: where !== undefined },
    vectors: "vector" in additional || "vectors" in additional,
    fields: [...sorted, ...(where === undefined ? [] : pathsOf(where))],
  });
  const tenant = args["tenant"] === undefined ? undefined : text(args["tenant"], "tenant", 64);
  const ask: StoreAsk = {
    ...{ action: doing === "aggregate" ? "retrieval.count" : "retrieval.query" },
    ...{ effect: doing === "aggregate" ? "count" : "find", name: className, collection, query: facts },
    ...tenantOf(collection, tenant),
    // whose vector is read: it must be the caller's
    ...(search.objects.length === 0 ? {} : { ids: search.objects }),
  };
  const { where: _where, limit: _limit, offset: _offset, ...rest } = args;
  return {
    ask,
    query: {
      ...{ collection, className, key, rest, where, limit, offset },
      ...{ selected, additional, everywhere: search.everywhere },
    },
  };
}

/** Of a collection whose tenants stand for a field, a request reaches one. */
export function tenantOf(
  collection: CollectionConfig | undefined,
  tenant: string | undefined,
): { readonly namespace?: string } {
  if (tenant !== undefined) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(tenant)) return unread("invalid_request", "tenant");
    return { namespace: tenant };
  }
  return collection?.namespaceField === undefined ? {} : unread("namespace_required", "tenant");
}

const known = {
  get: [
    ...["where", "limit", "offset", "tenant", "sort", "autocut", "consistencyLevel"],
    ...["nearVector", "nearText", "nearObject", "hybrid", "bm25"],
  ],
  aggregate: ["where", "tenant"],
} as const;

function argumentsOf(given: readonly ArgumentNode[]): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const { name, value } of given) {
    if (Object.hasOwn(out, name.value)) return unread("filter_refused", "an argument stands twice");
    out[name.value] = toJson(value);
  }
  return out;
}

interface Search {
  /** Objects whose vectors are searched by. */
  readonly objects: readonly string[];
  readonly everywhere: boolean;
  facts(told: {
    readonly limit: number;
    readonly offset: number;
    readonly filtered: boolean;
    readonly vectors: boolean;
    readonly fields: readonly string[];
  }): QueryFacts;
}

function readSearch(args: JsonObject, doing: "get" | "aggregate"): Search {
  const kinds = new Set<QueryFacts["kinds"][number]>();
  const searched: Json[] = [];
  const fields: string[] = [];
  const objects: string[] = [];
  let dimensions = 0;
  let everywhere = false;
  const vector = (value: Json): void => {
    const parts = Array.isArray(value) ? value : unread("invalid_request", "vector");
    if (!parts.every((one) => plainNumber(one) !== undefined)) unread("invalid_request", "vector");
    kinds.add("vector");
    searched.push(value);
    dimensions = Math.max(dimensions, parts.length);
  };
  const words = (value: Json, place: string): void => {
    kinds.add("text");
    searched.push(Array.isArray(value) ? value.map((one) => text(one, place)) : text(value, place));
  };
  const within = (value: Json | undefined): void => {
    if (value === undefined) everywhere = true;
    // `title^2` weighs
    else for (const one of list(value, "properties")) fields.push(propertyOf(one, "properties"));
  };
  const numbers = (given: JsonObject, names: readonly string[]): void => {
    for (const name of names)
      if (given[name] !== undefined && plainNumber(given[name]) === undefined)
        unread("invalid_request", name);
  };
  const targets = (value: Json | undefined): void => {
    if (value !== undefined) list(value, "targetVectors").forEach((one) => text(one, "targetVectors", 256));
  };
  for (const [name, value] of Object.entries(args)) {
    if (!(known[doing] as readonly string[]).includes(name))
      return unread(
        "filter_refused",
        `an argument that isn't taken${/^\w{1,40}$/.test(name) ? `, ${name}` : ""}`,
      );
    switch (name) {
      case "nearVector": {
        const given = members(value, ["vector", "certainty", "distance", "targetVectors"], name);
        vector(given["vector"] ?? null);
        numbers(given, ["certainty", "distance"]);
        targets(given["targetVectors"]);
        break;
      }
      case "nearText": {
        const given = members(
          value,
          ["concepts", "certainty", "distance", "moveTo", "moveAwayFrom", "autocorrect", "targetVectors"],
          name,
        );
        words(given["concepts"] ?? null, "concepts");
        numbers(given, ["certainty", "distance"]);
        for (const move of ["moveTo", "moveAwayFrom"]) {
          if (given[move] === undefined) continue;
          // `objects` would read other objects' vectors
          const inner = members(given[move], ["concepts", "force"], move);
          words(inner["concepts"] ?? null, "concepts");
          numbers(inner, ["force"]);
        }
        if (given["autocorrect"] !== undefined && typeof given["autocorrect"] !== "boolean")
          unread("invalid_request", "autocorrect");
        targets(given["targetVectors"]);
        break;
      }
      case "nearObject": {
        const given = members(value, ["id", "beacon", "certainty", "distance", "targetVectors"], name);
        if ((given["id"] === undefined) === (given["beacon"] === undefined))
          return unread("filter_refused", "nearObject");
        // another collection's object isn't looked up
        if (given["beacon"] !== undefined) return unread("filter_refused", "nearObject by id");
        objects.push(idOf(given["id"]));
        kinds.add("vector");
        numbers(given, ["certainty", "distance"]);
        targets(given["targetVectors"]);
        break;
      }
      case "hybrid": {
        const given = members(
          value,
          ["query", "alpha", "vector", "properties", "fusionType", "targetVectors"],
          name,
        );
        if (given["query"] !== undefined) {
          words(given["query"], "query");
          within(given["properties"]);
        }
        if (given["vector"] !== undefined) vector(given["vector"]);
        numbers(given, ["alpha"]);
        if (given["fusionType"] !== undefined)
          oneOf(given["fusionType"], ["rankedFusion", "relativeScoreFusion"], "fusionType");
        targets(given["targetVectors"]);
        break;
      }
      case "bm25": {
        const given = members(value, ["query", "properties"], name);
        words(given["query"] ?? null, "query");
        within(given["properties"]);
        break;
      }
      case "autocut":
        whole(value, name, 0);
        break;
      case "consistencyLevel":
        oneOf(value, ["ONE", "QUORUM", "ALL"], name);
        break;
      default:
        break;
    }
  }
  return {
    ...{ objects, everywhere },
    facts({ limit, offset, filtered, vectors, fields: more }) {
      const written = searched.map((one) => stringifyJson(one));
      const hash = createHash("sha256");
      for (const one of written) hash.update(one).update("\n");
      const all = [...new Set([...fields, ...more])].sort();
      return {
        ...{ kinds: [...kinds, ...(filtered ? (["filter"] as const) : [])].sort(), top_k: limit },
        ...(offset > 0 ? { offset } : {}),
        ...(dimensions > 0 ? { dimensions } : {}),
        ...(written.length > 0
          ? {
              bytes: written.reduce((sum, one) => sum + Buffer.byteLength(one), 0),
              sha256: hash.digest("hex"),
            }
          : {}),
        ...(vectors ? { vectors } : {}),
        ...(all.length > 0 ? { fields: all } : {}),
      };
    },
  };
}

export function idOf(value: Json | undefined): string {
  const id = text(value, "id", 64).toLowerCase();
  return isUuid(id) ? id : unread("invalid_request", "id must be a UUID");
}

/** `title^2` weighs; a capital first would be another name for what may be hidden. */
function propertyOf(value: Json | undefined, place: string): string {
  const name = text(value, place, 256).replace(/\^[\d.]+$/, "");
  return isPropertyName(name) ? name : unread("filter_refused", `${place}: a property's name`);
}

function readSort(value: Json | undefined): string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((one) => {
    const { path, order } = members(one, ["path", "order"], "sort");
    const [name, ...deeper] = list(path, "path");
    if (deeper.length > 0) return unread("filter_refused", "sort: one property");
    if (order !== undefined) oneOf(order, ["asc", "desc"], "order");
    return propertyOf(name, "path");
  });
}
