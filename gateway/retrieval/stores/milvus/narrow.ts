import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { Narrowing, SentRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { Compiled } from "../../conditions/compile.js";
import { compile } from "../../conditions/compile.js";
import type { Expression } from "./expression/ast.js";
import { many } from "./expression/ast.js";
import { printExpression } from "./expression/print.js";
import { languageOf } from "./language.js";
import type {
  CallerFilter,
  DeleteOperation,
  HybridOperation,
  ManageOperation,
  MilvusNarrowed,
  MilvusOperation,
  Output,
  QueryOperation,
  SearchOperation,
  WriteOperation,
} from "./operation.js";
import { isVector, schemaOf } from "./settings.js";

/** Milvus's own bound of `limit` + `offset` (documentation, "Milvus Limits"). */
export const mostFetched = 16_384;

/** 64-bit numbers are asked for as numbers, so that they are read as policy means them. */
export const headers = { "accept-type-allow-int64": "true" } as const;

/** Writes the request that may be sent. */
export function narrow(
  operation: MilvusOperation,
  narrowings: readonly Narrowing[],
  _store: StoreConfig,
): MilvusNarrowed | Refusal {
  const [narrowing, ...others] = narrowings;
  if (narrowing === undefined) return refuse("internal_error");
  if (operation.doing === "manage") return narrowManaged(operation, narrowings);
  // the vectors of one search share a filter
  const same = JSON.stringify([narrowing.condition, narrowing.hidden]);
  if (others.some(({ condition, hidden }) => JSON.stringify([condition, hidden]) !== same))
    return refuse("filter_not_expressible", "the vectors of one search may find different things");
  const { collection } = operation;
  if (collection === undefined) return refuse("unknown_collection");
  const policy = compile(narrowing.condition, collection.fields, languageOf(schemaOf(collection)));
  switch (operation.doing) {
    case "search":
      return narrowSearch(operation, narrowing, policy, collection);
    case "hybrid":
      return narrowHybrid(operation, narrowing, policy, collection);
    case "query":
      return narrowQuery(operation, narrowing, policy, collection);
    case "delete":
      return narrowDelete(operation, narrowing, policy);
    case "write":
      return narrowWrite(operation, narrowing, collection);
  }
}

/** Both must hold: the caller's filter as it was read, and policy's. */
export function bothFilters(
  { expression, params }: CallerFilter,
  { filter }: Compiled<Expression>,
): JsonObject {
  const of = [expression, filter].filter((one) => one !== undefined);
  if (of.length === 0) return {};
  return {
    filter: printExpression(many("and", of)),
    ...(params === undefined ? {} : { exprParams: params }),
  };
}

interface Page {
  readonly kind: "page";
  readonly limit: number;
  readonly offset: number;
}

/** More is fetched where what comes back is sorted out here; the pages of that can't be told apart. */
function pageOf(
  {
    limit,
    offset,
    groupSize = 1,
  }: { readonly limit: number; readonly offset: number; readonly groupSize?: number },
  { exact }: Compiled<Expression>,
  { topK, most }: Narrowing,
): Page | Refusal {
  const wanted = Math.min(limit, Math.max(1, Math.floor(topK / groupSize)));
  if (exact) return { kind: "page", limit: Math.max(1, Math.min(wanted, mostFetched - offset)), offset };
  if (offset > 0) return refuse("filter_not_expressible", "offset");
  return {
    kind: "page",
    limit: Math.max(wanted, Math.min(Math.ceil(most / groupSize), mostFetched)),
    offset: 0,
  };
}

function narrowSearch(
  operation: SearchOperation,
  narrowing: Narrowing,
  policy: Compiled<Expression>,
  collection: CollectionConfig,
): MilvusNarrowed | Refusal {
  const page = pageOf(operation, policy, narrowing);
  if (page.kind === "refusal") return page;
  const body: JsonObject = {
    ...operation.rest,
    ...bothFilters(operation.filter, policy),
    ...{ dbName: operation.database, limit: page.limit },
    ...(page.offset > 0 ? { offset: page.offset } : {}),
    outputFields: outputsOf(operation.output, collection, narrowing.hidden),
  };
  const exact = operation.asks.map(() => policy.exact);
  return narrowed("entities/search", body, exact, narrowing.hidden);
}

function narrowHybrid(
  operation: HybridOperation,
  narrowing: Narrowing,
  policy: Compiled<Expression>,
  collection: CollectionConfig,
): MilvusNarrowed | Refusal {
  const page = pageOf({ ...operation, offset: 0 }, policy, narrowing);
  if (page.kind === "refusal") return page;
  const search = operation.parts.map(({ filter, limit, rest }): JsonObject => {
    const more = policy.exact ? Math.min(limit, narrowing.topK) : Math.max(limit, page.limit);
    return { ...rest, ...bothFilters(filter, policy), limit: more };
  });
  const body: JsonObject = {
    ...operation.rest,
    ...{ search, dbName: operation.database, limit: page.limit },
    outputFields: outputsOf(operation.output, collection, narrowing.hidden),
  };
  return narrowed(operation.path.replace(/^.*\/(?=entities\/)/, ""), body, [policy.exact], narrowing.hidden);
}

function narrowQuery(
  operation: QueryOperation,
  narrowing: Narrowing,
  policy: Compiled<Expression>,
  collection: CollectionConfig,
): MilvusNarrowed | Refusal {
  const { database, rest, filter, counts } = operation;
  const said = { ...rest, ...bothFilters(filter, policy), dbName: database };
  if (counts)
    return narrowed(
      "entities/query",
      { ...said, outputFields: ["count(*)"] },
      [policy.exact],
      narrowing.hidden,
    );
  const page = pageOf(operation, policy, narrowing);
  if (page.kind === "refusal") return page;
  const body: JsonObject = {
    ...{ ...said, limit: page.limit },
    ...(page.offset > 0 ? { offset: page.offset } : {}),
    outputFields: outputsOf(operation.output, collection, narrowing.hidden),
  };
  return narrowed("entities/query", body, [policy.exact], narrowing.hidden);
}

function narrowDelete(
  { body, filter }: DeleteOperation,
  { hidden }: Narrowing,
  policy: Compiled<Expression>,
): MilvusNarrowed {
  return narrowed("entities/delete", { ...body, ...bothFilters(filter, policy) }, [policy.exact], hidden);
}

function narrowWrite(
  { body, path, rows }: WriteOperation,
  { documents, hidden }: Narrowing,
  collection: CollectionConfig,
): MilvusNarrowed {
  const { columns } = schemaOf(collection);
  const data = rows.map((row, i): JsonObject => {
    const out = Object.assign(Object.create(null) as JsonObject, documents?.[i] ?? {});
    for (const [name, value] of Object.entries(row)) {
      if (documents === undefined || isVector(columns.get(name))) out[name] = value;
    }
    return out;
  });
  return narrowed(path.replace(/^.*\/(?=entities\/)/, ""), { ...body, data }, [true], hidden);
}

/** A number of all documents can't be narrowed: it is only told where nothing restricts. */
function narrowManaged(
  { path, body, counts }: ManageOperation,
  narrowings: readonly Narrowing[],
): MilvusNarrowed {
  const exact = narrowings.map(
    ({ condition }) =>
      !counts ||
      (condition.type === "compound" && condition.operator === "and" && condition.value.length === 0),
  );
  return { kind: "narrowed", request: { method: "POST", path, body, headers }, exact, hidden: [] };
}

function narrowed(
  place: string,
  body: JsonObject,
  exact: readonly boolean[],
  hidden: readonly string[],
): MilvusNarrowed {
  const request: SentRequest = { method: "POST", path: `/v2/vectordb/${place}`, body, headers };
  return { kind: "narrowed", request, exact, hidden };
}

/** What the answer must carry: what the caller asked for, and what the collection's fields are read from. */
export function outputsOf(
  output: Output,
  collection: CollectionConfig,
  hidden: readonly string[] = [],
): Json[] {
  const { primary } = schemaOf(collection);
  if (output.all) return ["*"];
  const seen = output.names.filter((name) => !hidden.includes(name));
  return [...new Set([...seen, ...(output.meta ? ["$meta"] : []), ...neededOf(collection), primary])];
}

/** The columns and keys that policy reads. */
export function neededOf({ fields, text }: CollectionConfig): string[] {
  const paths = [...fields.values()].map(({ path }) => path);
  return [...paths, ...(text === undefined ? [] : [text])].flatMap(([root]) =>
    root === undefined ? [] : [root],
  );
}
