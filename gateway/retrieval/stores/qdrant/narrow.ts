import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../../../sidecar/contract.js";
import type { Narrowed, Narrowing, SentRequest } from "../../adapter.js";
import { compile, type Compiled } from "../../conditions/compile.js";
import { isAlways } from "../../conditions/simplify.js";
import type { CollectionConfig } from "../../config.js";
import { writePath } from "./json-path.js";
import { qdrantLanguage } from "./language.js";
import type { Change, QdrantOperation, Search } from "./operation.js";

/** What was sent, with what reading the answer needs. */
export interface QdrantNarrowed extends Narrowed {
  readonly narrowings: readonly Narrowing[];
}

/** Writes the request that may be sent: at every level the caller's filter and policy's. */
export function narrow(
  operation: QdrantOperation,
  narrowings: readonly Narrowing[],
): QdrantNarrowed | Refusal {
  const { handling, collection, searches, changes, asks } = operation;
  const send = (body: Json | undefined, exact: readonly boolean[]): QdrantNarrowed => ({
    kind: "narrowed",
    request: requestOf(operation, body),
    exact,
    narrowings,
  });
  if (searches.length > 0) {
    if (collection === undefined) return refuse("unknown_collection");
    const sent = searches.map((search, i) => narrowSearch(search, narrowings[i], collection, handling));
    if (searches.some((search, i) => search.group !== undefined && sent[i]?.exact !== true))
      // groups are made before anything can be left out
      return refuse("filter_not_expressible");
    const bodies = sent.map(({ body }) => body);
    const exact = sent.map((one) => one.exact);
    return handling.endsWith("-batch") ? send({ searches: bodies }, exact) : send(bodies[0], exact);
  }
  if (changes.length > 0) {
    if (collection === undefined) return refuse("unknown_collection");
    const exact = asks.map(() => true);
    // one payload for all points: where policy asks for one thing of this and another of that, it can't be said
    if (changes.some((change) => setsSeveral(change, narrowings))) return refuse("document_refused");
    const bodies = changes.map((change) => {
      const policy = compiled(narrowings[change.ask], collection);
      // points that are named by their ids were looked up; the filter is there for what changes meanwhile
      if (change.ids === undefined) exact[change.ask] = policy.exact;
      return narrowChange(change, policy, narrowings);
    });
    if (handling !== "batch") return send(bodies[0], exact);
    const operations = bodies.map((body, i) => ({ [changes[i]?.kind.replaceAll("-", "_") ?? ""]: body }));
    return send({ operations }, exact);
  }
  return send(
    operation.body,
    asks.map(() => true),
  );
}

function requestOf({ method, path, query }: QdrantOperation, body: Json | undefined): SentRequest {
  const parameters = new URLSearchParams(Object.fromEntries(query)).toString();
  return {
    method,
    path: `/${path.map(encodeURIComponent).join("/")}${parameters === "" ? "" : `?${parameters}`}`,
    ...(body === undefined ? {} : { body }),
  };
}

function compiled(narrowing: Narrowing | undefined, collection: CollectionConfig): Compiled<JsonObject> {
  if (narrowing === undefined) throw new Error("an ask without what may be done of it");
  if (isAlways(narrowing.condition)) return { exact: true };
  const guarded = collection.settings["guard_lists"] !== false;
  return compile(narrowing.condition, collection.fields, qdrantLanguage(guarded));
}

/** The caller's filter and policy's, neither inside the other's clauses. */
function both(caller: Json | undefined, policy: JsonObject | undefined): JsonObject | undefined {
  if (policy === undefined) return caller as JsonObject | undefined;
  return { must: caller === undefined ? [policy] : [caller, policy] };
}

function withFilter(body: JsonObject, policy: JsonObject | undefined): JsonObject {
  const filter = both(body["filter"], policy);
  return filter === undefined ? body : { ...body, filter };
}

function narrowSearch(
  search: Search,
  narrowing: Narrowing | undefined,
  collection: CollectionConfig,
  handling: QdrantOperation["handling"],
): { readonly body: JsonObject; readonly exact: boolean } {
  const { filter: policy, exact } = compiled(narrowing, collection);
  if (narrowing === undefined) throw new Error("an ask without what may be done of it");
  if (handling === "count" || handling === "facet" || handling.startsWith("matrix"))
    return { exact, body: { ...withFilter(search.body, policy), ...sampled(search, narrowing, handling) } };
  const given = { ...search.body, with_payload: payloadOf(search, collection) };
  // documents by their ids take no filter: each that comes back is looked at
  if (handling === "get" || handling === "get-one")
    return { exact: isAlways(narrowing.condition), body: given };
  const body = withFilter(prefetching(given, policy, exact, narrowing.most), policy);
  const size = search.group?.size ?? 1;
  body["limit"] = Math.max(1, Math.min(search.limit, Math.floor(narrowing.topK / size)));
  if (search.group !== undefined) body["group_size"] = Math.min(size, narrowing.topK);
  if (exact) return { exact, body };
  body["limit"] = Math.max(narrowing.most, search.limit);
  // what is passed over is counted among what the caller may see
  if (search.offset > 0) delete body["offset"];
  return { exact, body };
}

/** Of what is counted, how much is shown. */
function sampled({ limit }: Search, { topK }: Narrowing, handling: QdrantOperation["handling"]): JsonObject {
  if (handling === "count") return {};
  // a matrix is of two at least
  return handling === "facet"
    ? { limit: Math.min(limit, topK) }
    : { sample: Math.max(2, Math.min(limit, topK)) };
}

/** Puts policy's filter into each level of a query, where candidates are chosen. */
function prefetching(
  body: JsonObject,
  policy: JsonObject | undefined,
  exact: boolean,
  most: number,
): JsonObject {
  const { prefetch } = body;
  if (prefetch === undefined) return { ...body };
  const inner = (prefetch as JsonObject[]).map((one) => {
    const asked = typeof one["limit"] === "number" ? one["limit"] : 10;
    const limit = exact ? Math.min(asked, most) : most;
    return { ...withFilter(prefetching(one, policy, exact, most), policy), limit };
  });
  return { ...body, prefetch: inner };
}

/** Asks for the fields that policy goes by, at least; the caller's choice is made of what may be given. */
function payloadOf({ select, group, order }: Search, collection: CollectionConfig): Json {
  if (select.kind !== "none") return true;
  const paths = [...collection.fields.values()].map(({ path }) => path);
  const written = paths.map((path) => writePath(path));
  for (const path of [group?.path, order]) if (path !== undefined) written.push(writePath(path.split(".")));
  return written.every((one) => one !== undefined) ? { include: [...new Set(written)] } : true;
}

function narrowChange(
  change: Change,
  policy: Compiled<JsonObject>,
  narrowings: readonly Narrowing[],
): JsonObject {
  const { kind, body, ids, brings } = change;
  const documents = brings === undefined ? undefined : narrowings[brings]?.documents;
  switch (kind) {
    case "upsert": {
      const points = (body["points"] as JsonObject[]).map((point, i) => ({
        ...point,
        payload: documents?.[i] ?? {},
      }));
      return guarding({ ...body, points }, policy);
    }
    case "update-vectors":
      return guarding(body, policy);
    default: {
      const payload = documents?.[0];
      const { points, ...rest } = withFilter(body, policy.filter);
      const written: JsonObject = payload === undefined ? rest : { ...rest, payload };
      if (ids === undefined || points === undefined) return written;
      // by ids and filter in one: what isn't the caller's any more isn't touched
      if (policy.filter === undefined) return { ...written, points };
      return { ...written, filter: { must: [{ has_id: points }, policy.filter] } };
    }
  }
}

function setsSeveral({ kind, brings }: Change, narrowings: readonly Narrowing[]): boolean {
  if (kind !== "set-payload" || brings === undefined) return false;
  return new Set(narrowings[brings]?.documents?.map((one) => stringifyJson(one))).size > 1;
}

/** Points that are there already are only changed where they meet the condition still (Update points, `update_filter`). */
function guarding(body: JsonObject, { filter }: Compiled<JsonObject>): JsonObject {
  const guard = both(body["update_filter"], filter);
  return guard === undefined ? body : { ...body, update_filter: guard };
}
