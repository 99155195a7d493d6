import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { Narrowed, Narrowing, SentRequest } from "../../adapter.js";
import { compile, type Compiled } from "../../conditions/compile.js";
import { isAlways } from "../../conditions/simplify.js";
import type { CollectionConfig } from "../../config.js";
import { pineconeLanguage } from "./language.js";
import type { PineconeOperation } from "./operation.js";

/** What was sent, with what reading the answer needs. */
export interface PineconeNarrowed extends Narrowed {
  readonly hidden: readonly string[];
  /** Of a list: whether its pages are found by a condition. */
  readonly filtered: boolean;
}

/** A list's page is found so, or so; a token of one is none of the other. */
export const byCondition = "m";
export const byId = "v";

/** Writes the request that may be sent: the caller's filter and policy's, side by side. */
export function narrow(
  operation: PineconeOperation,
  narrowings: readonly Narrowing[],
): PineconeNarrowed | Refusal {
  const { collection, body, handling } = operation;
  const [narrowing] = narrowings;
  const send = (exact: boolean, more: Partial<SentRequest> = {}, filtered = false): PineconeNarrowed => ({
    ...{ kind: "narrowed", exact: [exact], hidden: narrowing?.hidden ?? [], filtered },
    request: { ...requestOf(operation, body), ...more },
  });
  // the control plane, and what is of the index as a whole
  if (
    collection === undefined ||
    narrowing === undefined ||
    handling === "stats" ||
    handling === "create-namespace"
  )
    return handling === "stats" ? send(true, { body: {} }) : send(true);
  const policy = compiled(narrowing, collection);
  const open = isAlways(narrowing.condition);
  const documents = narrowing.documents ?? [];
  const given = body ?? {};
  switch (handling) {
    case "query": {
      const { topK, ...rest } = withFilter(given, policy.filter);
      const top = sized(topK, policy, narrowing);
      const candidates = rest["maxCandidates"];
      return send(policy.exact, {
        body: {
          ...rest,
          ...{ topK: top, includeMetadata: true },
          ...(typeof candidates === "number" ? { maxCandidates: Math.max(candidates, top) } : {}),
        },
      });
    }
    case "search-records":
      return send(policy.exact, { body: searching(operation, policy, narrowing) });
    case "fetch":
      return send(open);
    case "fetch-by-metadata": {
      const limit = Math.min(typeof given["limit"] === "number" ? given["limit"] : 100, narrowing.topK);
      return send(policy.exact, { body: { ...withFilter(given, policy.filter), limit } });
    }
    case "list":
      return listing(operation, { policy, open, narrowing }, send);
    case "upsert":
      return send(true, {
        body: {
          ...given,
          vectors: (given["vectors"] as JsonObject[]).map((vector, i) => {
            const { metadata: _metadata, ...rest } = vector;
            const metadata = documents[i] ?? {};
            return Object.keys(metadata).length === 0 ? rest : { ...rest, metadata };
          }),
        },
      });
    case "upsert-records": {
      const lines = (operation.lines ?? []).map(({ _id = null }, i): Json => ({ _id, ...documents[i] }));
      return send(true, { body: lines, ndjson: true });
    }
    case "update": {
      if (given["id"] === undefined) return send(policy.exact, { body: withFilter(given, policy.filter) });
      const [setMetadata] = documents;
      // by its id it was looked up
      return send(true, { body: setMetadata === undefined ? given : { ...given, setMetadata } });
    }
    case "delete": {
      if (given["ids"] !== undefined || (open && given["deleteAll"] === true)) return send(true);
      const { deleteAll: _all, ...rest } = given;
      // without a filter, nothing would be left out
      if (policy.filter === undefined && rest["filter"] === undefined)
        return refuse("filter_not_expressible");
      return send(policy.exact, { body: withFilter(rest, policy.filter) });
    }
    default:
      // a namespace, counted or deleted as a whole
      return send(open);
  }
}

function requestOf(
  { method, path, query, version }: PineconeOperation,
  body: JsonObject | undefined,
): SentRequest {
  const parameters = new URLSearchParams();
  for (const [name, value] of query) parameters.append(name, value);
  const said = parameters.toString();
  return {
    method,
    path: `/${path.map(encodeURIComponent).join("/")}${said === "" ? "" : `?${said}`}`,
    headers: { "x-pinecone-api-version": version },
    ...(body === undefined ? {} : { body }),
  };
}

export function compiled({ condition }: Narrowing, collection: CollectionConfig): Compiled<JsonObject> {
  if (isAlways(condition)) return { exact: true };
  return compile(condition, collection.fields, pineconeLanguage(collection.settings["typed"] === true));
}

function withFilter(body: JsonObject, policy: JsonObject | undefined): JsonObject {
  if (policy === undefined) return body;
  const { filter } = body;
  // neither can say anything within the other: an empty one holds always
  const said =
    filter === undefined || Object.keys(filter as JsonObject).length === 0
      ? policy
      : { $and: [filter, policy] };
  return { ...body, filter: said };
}

function sized(asked: Json | undefined, { exact }: Compiled<JsonObject>, { topK, most }: Narrowing): number {
  const top = typeof asked === "number" ? asked : 10;
  return exact ? Math.min(top, topK) : Math.max(most, Math.min(top, topK));
}

function searching(
  { body = {}, fields, collection }: PineconeOperation,
  policy: Compiled<JsonObject>,
  narrowing: Narrowing,
): JsonObject {
  const { query, rerank, ...rest } = body;
  const given = query as JsonObject;
  // a model sorts what was found again, so many and no more: it isn't given more to leave out afterwards
  const top =
    rerank === undefined
      ? sized(given["top_k"], policy, narrowing)
      : Math.min(typeof given["top_k"] === "number" ? given["top_k"] : 10, narrowing.topK);
  const first = rerank === undefined ? undefined : (rerank as JsonObject)["top_n"];
  const needed = [...(collection?.fields.values() ?? [])].map(({ path }) => path[0] ?? "");
  return {
    ...rest,
    query: { ...withFilter(given, policy.filter), top_k: top },
    ...(fields === undefined ? {} : { fields: [...new Set([...fields, ...needed])] }),
    ...(rerank === undefined
      ? {}
      : {
          rerank: {
            ...(rerank as JsonObject),
            ...(typeof first === "number" ? { top_n: Math.min(first, top) } : {}),
          },
        }),
  };
}

/**
 * A list gives ids alone, which nobody could look at: where there is a condition, it is made of the records that meet it
 * ("Fetch records by metadata"), page by page.
 */
function listing(
  { body = {}, namespace, prefix }: PineconeOperation,
  {
    policy,
    open,
    narrowing,
  }: { readonly policy: Compiled<JsonObject>; readonly open: boolean; readonly narrowing: Narrowing },
  send: (exact: boolean, more: Partial<SentRequest>, filtered: boolean) => PineconeNarrowed,
): PineconeNarrowed | Refusal {
  const token = body["paginationToken"];
  const kind = open ? byId : byCondition;
  if (typeof token === "string" && !token.startsWith(kind)) return refuse("unknown_cursor");
  const page = typeof token === "string" ? token.slice(kind.length) : undefined;
  const limit = Math.min(typeof body["limit"] === "number" ? body["limit"] : 100, narrowing.topK);
  if (open) {
    const parameters = new URLSearchParams({
      limit: String(limit),
      ...(prefix === undefined ? {} : { prefix }),
      ...(page === undefined ? {} : { paginationToken: page }),
      ...(namespace === undefined ? {} : { namespace }),
    });
    const { request, ...sent } = send(true, { path: `/vectors/list?${parameters.toString()}` }, false);
    const { body: _body, ...bare } = request;
    return { ...sent, request: bare };
  }
  if (policy.filter === undefined) return refuse("filter_not_expressible");
  return send(
    policy.exact,
    {
      ...{ method: "POST", path: "/vectors/fetch_by_metadata" },
      headers: { "x-pinecone-api-version": "2026-04" },
      body: {
        ...{ filter: policy.filter, limit },
        ...(page === undefined ? {} : { paginationToken: page }),
        ...(namespace === undefined ? {} : { namespace }),
      },
    },
    true,
  );
}
