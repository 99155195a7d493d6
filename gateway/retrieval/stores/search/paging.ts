/** Scrolling on, points in time, and the end of both. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { StoreAsk } from "../../adapter.js";
import type { Context, Planned } from "./context.js";
import { isRefusal, objectBody, withoutItems } from "./context.js";
import type { Place } from "./cursor.js";
import { openPlace, sealPlace } from "./cursor.js";
import { pick, readPage, tellShards } from "./hits.js";
import type { Named } from "./names.js";
import { readNames } from "./names.js";
import { pathOf, readParameters } from "./parameters.js";
import { isTexts, isText } from "./reading.js";
import { isDuration } from "./search.js";
import { keptView, nothingFound } from "./search-route.js";

const mostPlaces = 32;

export function planScroll({ request, store, cursors }: Context): Planned | Refusal {
  const parameters = readParameters(request, "scroll", ["scroll_id", "scroll"]);
  if (isRefusal(parameters)) return parameters;
  const body = objectBody(request);
  if (isRefusal(body)) return body;
  const {
    scroll_id: id = request.query.get("scroll_id"),
    scroll = request.query.get("scroll"),
    ...others
  } = body;
  if (Object.keys(others).length > 0 || (scroll !== undefined && !isDuration(scroll)))
    return refuse("filter_refused", "scroll");
  const place = openPlace(id, "scroll", cursors);
  if (place === undefined) return refuse("unknown_cursor");
  const named = readNames(place.names, store);
  if (isRefusal(named)) return named;
  const { view, wanted, size } = keptView(place);
  return {
    kind: "operation",
    asks: asksOf(named, { effect: "find", query: { kinds: [], top_k: size } }),
    plan: {
      narrow: () => ({
        kind: "narrowed",
        request: {
          ...{ method: "POST", path: pathOf(["_search", "scroll"], parameters) },
          body: { scroll_id: place.id, ...(scroll === undefined ? {} : { scroll }) },
        },
        // it goes on with the filter that it began with
        exact: named.map(() => false),
      }),
      empty: () => nothingFound(parameters),
      results(answer, _sent, sealing) {
        const page = readPage(answer.value, {
          ...{ named, view, wanted, size },
          first: 0,
          exact: false,
          counts: false,
        });
        if (page.kind === "refusal") return page;
        const next = isObject(answer.value) ? answer.value["_scroll_id"] : undefined;
        return {
          ...{ kind: "found", items: page.items },
          rebuild(items) {
            const out = page.rebuild(items);
            if (isText(next ?? null)) out["_scroll_id"] = sealPlace({ ...place, id: String(next) }, sealing);
            return out;
          },
        };
      },
    },
  };
}

function asksOf(named: readonly Named[], more: Pick<StoreAsk, "effect" | "query">): StoreAsk[] {
  return named.map(({ name, collection }) => ({ action: "retrieval.export", name, collection, ...more }));
}

export function planClearScroll({ request, store, cursors }: Context): Planned | Refusal {
  const body = objectBody(request);
  if (isRefusal(body)) return body;
  const { scroll_id: id, ...others } = body;
  if (Object.keys(others).length > 0) return refuse("filter_refused", "scroll");
  return planEnd({ request, store, cursors }, id ?? request.query.get("scroll_id"), "scroll", (ids) => ({
    ...{ method: "DELETE", path: "/_search/scroll" },
    body: { scroll_id: [...ids] },
  }));
}

export function planClosePit({ request, store, cursors, dialect }: Context): Planned | Refusal {
  const body = objectBody(request);
  if (isRefusal(body)) return body;
  const { [dialect.pit.id]: id, ...others } = body;
  if (Object.keys(others).length > 0) return refuse("filter_refused", "a point in time");
  return planEnd({ request, store, cursors }, id, "pit", (ids) => ({
    ...{ method: "DELETE", path: dialect.pit.close },
    body: { [dialect.pit.id]: dialect.pit.id === "id" ? (ids[0] ?? "") : [...ids] },
  }));
}

function planEnd(
  { request, store, cursors }: Pick<Context, "request" | "store" | "cursors">,
  given: Json | undefined,
  kind: Place["kind"],
  write: (ids: readonly string[]) => {
    readonly method: "DELETE";
    readonly path: string;
    readonly body: JsonObject;
  },
): Planned | Refusal {
  const parameters = readParameters(request, "none", ["scroll_id"]);
  if (isRefusal(parameters)) return parameters;
  const ids = isText(given ?? null) ? [String(given)] : isTexts(given ?? null) ? (given as string[]) : [];
  const places = ids.map((one) => openPlace(one, kind, cursors));
  const known = places.filter((one) => one !== undefined);
  if (known.length === 0 || known.length < ids.length || known.length > mostPlaces)
    return refuse("unknown_cursor");
  const asks: StoreAsk[] = [];
  for (const names of new Set(known.map((one) => one.names))) {
    const named = readNames(names, store);
    if (isRefusal(named)) return named;
    asks.push(...asksOf(named, { effect: "describe" }));
  }
  return {
    ...{ kind: "operation", asks },
    plan: {
      narrow: () => ({
        kind: "narrowed",
        request: write(known.map(({ id }) => id)),
        exact: asks.map(() => true),
      }),
      empty: () => ({}),
      results: ({ value }) => withoutItems(ended(value, ids)),
    },
  };
}

function ended(value: Json | undefined, ids: readonly string[]): Json {
  if (!isObject(value)) return {};
  const out = pick(value, ["succeeded", "num_freed"]);
  if (Array.isArray(value["pits"])) out["pits"] = ids.map((id) => ({ successful: true, pit_id: id }));
  return out;
}

export function planOpenPit({ request, store, dialect, path }: Context): Planned | Refusal {
  const parameters = readParameters(request, "pit");
  if (isRefusal(parameters)) return parameters;
  if (request.form !== "none" && !(isObject(request.body) && Object.keys(request.body).length === 0))
    return refuse("filter_refused", "the body of a point in time");
  const index = path["index"] ?? "";
  const named = readNames(index, store);
  if (isRefusal(named)) return named;
  return {
    kind: "operation",
    asks: asksOf(named, { effect: "describe" }),
    plan: {
      narrow: () => ({
        kind: "narrowed",
        request: {
          method: "POST",
          path: pathOf([index, ...dialect.pit.open.split("/").slice(2)], parameters),
        },
        exact: named.map(() => true),
      }),
      empty: () => ({}),
      results({ value }, _sent, sealing) {
        const id = isObject(value) ? value[dialect.pit.id] : undefined;
        if (!isObject(value) || typeof id !== "string") return refuse("upstream_invalid");
        return withoutItems({
          ...tellShards(value, pick(value, ["creation_time"])),
          [dialect.pit.id]: sealPlace({ kind: "pit", id, names: index, more: {} }, sealing),
        });
      },
    },
  };
}
