import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { Adapter, FoundItem, NeutralQuery, StoreAnswer, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, KindSettings } from "../../config.js";
import { classify } from "./classify.js";
import { writePath } from "./json-path.js";
import { narrow, type QdrantNarrowed } from "./narrow.js";
import type { QdrantOperation } from "./operation.js";
import { idOf, writeId } from "./read-id.js";
import { results } from "./results.js";
import { routes } from "./routes.js";

/** Qdrant's REST API, 1.12 to 1.19 (docs/gateway-retrieval-qdrant.md). */
export const qdrant: Adapter<QdrantOperation> = {
  routes,
  // the store has no limit of its own
  mostFetched: 10_000,
  classify,
  narrow: (operation, narrowings) => narrow(operation, narrowings),
  inOrder,
  empty,
  lookUp,
  lookedUp,
  results: (operation, sent, answer, cursors) =>
    "narrowings" in sent
      ? results(operation, sent as QdrantNarrowed, answer, cursors)
      : refuse("upstream_invalid"),
  refuse: ({ message }, about) => ({ status: { error: message, ...about }, time: 0 }),
  ask,
};

/** What a collection of Qdrant has beside in the configuration. */
export const qdrantSettings: KindSettings = {
  keyIn: "api-key",
  collection(fields) {
    const own = fields.nested("qdrant");
    const vector = own.string("vector");
    const model = own.string("model");
    const guard = own.boolean("guard_lists");
    own.end();
    return {
      ...(vector === undefined ? {} : { vector }),
      ...(model === undefined ? {} : { model }),
      ...(guard === undefined ? {} : { guard_lists: guard }),
    };
  },
};

/** The nearest to one vector are; what is fused, grouped, sampled or made diverse is chosen among all that is fetched. */
function inOrder({ handling, searches: [search] }: QdrantOperation): boolean {
  if (search === undefined) return false;
  const { query, prefetch } = search.body;
  if (handling === "search") return true;
  const near = Array.isArray(query) || typeof query === "string" || typeof query === "number";
  return handling === "query" && near && prefetch === undefined;
}

function empty({ handling, searches }: QdrantOperation): Json | Refusal {
  const one = (): Json | Refusal => {
    switch (handling) {
      case "query":
      case "query-batch":
        return { points: [] };
      case "scroll":
        return { points: [], next_page_offset: null };
      case "query-groups":
      case "search-groups":
      case "recommend-groups":
        return { groups: [] };
      case "get-one":
        return null;
      case "count":
        return { count: 0 };
      case "facet":
        return { hits: [] };
      case "matrix-pairs":
        return { pairs: [] };
      case "matrix-offsets":
        return { offsets_row: [], offsets_col: [], scores: [], ids: [] };
      default:
        return [];
    }
  };
  if (searches.length === 0) return refuse("nothing_allowed");
  const result = handling.endsWith("-batch") ? searches.map(() => one() as Json) : (one() as Json);
  return { result, status: "ok", time: 0 };
}

function lookUp(
  collection: CollectionConfig,
  ids: readonly string[],
  namespace: string | undefined,
): QdrantNarrowed {
  const paths = [...collection.fields.values()].map(({ path }) => writePath(path));
  const include = paths.every((one) => one !== undefined) ? { include: paths } : true;
  return {
    ...{ kind: "narrowed", exact: [true], narrowings: [] },
    request: {
      method: "POST",
      path: `/collections/${encodeURIComponent(collection.name)}/points`,
      body: {
        // of ids that no point can have, none is there
        ids: ids.map(writeId).filter((id) => id !== undefined),
        with_payload: include,
        with_vector: false,
        ...(namespace === undefined ? {} : { shard_key: namespace }),
      },
    },
  };
}

function lookedUp({ value }: StoreAnswer): readonly FoundItem[] | Refusal {
  const list = isObject(value) ? value["result"] : undefined;
  if (!Array.isArray(list)) return refuse("upstream_invalid");
  const items: FoundItem[] = [];
  for (const one of list) {
    const id = isObject(one) ? idOf(one["id"]) : undefined;
    const metadata = isObject(one) ? (one["payload"] ?? {}) : undefined;
    if (id === undefined || !isObject(metadata)) return refuse("upstream_invalid");
    items.push({ ask: 0, id, metadata });
  }
  return items;
}

/** `text` needs a collection with a `model`, by which the store embeds it (documentation, Inference). */
function ask(
  { text, vector, ids, topK, namespace }: NeutralQuery,
  { name, settings }: CollectionConfig,
): StoreRequest | Refusal {
  if (text !== undefined && vector !== undefined)
    return refuse("invalid_request", "a query or a vector, not both");
  const { model, vector: using } = settings;
  if (text !== undefined && typeof model !== "string")
    return refuse(
      "invalid_request",
      "this collection takes vectors: no model is configured that embeds texts",
    );
  const known = ids?.map(writeId);
  if (known !== undefined && !known.every((one) => one !== undefined))
    return refuse("invalid_request", "ids are unsigned integers or UUIDs");
  const near =
    vector === undefined ? (text === undefined ? undefined : { text, model: model as string }) : [...vector];
  const body: JsonObject = {
    ...(near === undefined ? {} : { query: near, ...(typeof using === "string" ? { using } : {}) }),
    ...(known === undefined ? {} : { filter: { must: [{ has_id: known }] } }),
    ...(namespace === undefined ? {} : { shard_key: namespace }),
    limit: topK,
    with_payload: true,
  };
  return {
    ...{ kind: "request", method: "POST", segments: ["collections", name, "points", "query"] },
    ...{ query: new Map(), body, form: "json", headers: {} },
  };
}
