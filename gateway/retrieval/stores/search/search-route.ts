/** `_search`, with scroll and points in time, and `_msearch`. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { FoundItem, Narrowed, SentRequest } from "../../adapter.js";
import type { Cursors } from "../../cursors.js";
import type { Context, Planned } from "./context.js";
import { isRefusal, objectBody } from "./context.js";
import type { Place } from "./cursor.js";
import { openPlace, sealPlace } from "./cursor.js";
import type { Origin, Page } from "./hits.js";
import { readPage } from "./hits.js";
import { readNames } from "./names.js";
import { narrowSearch } from "./narrow-search.js";
import { allowedOnly, intoBody, isWritten, pathOf, readParameters, searchOwn } from "./parameters.js";
import type { Search } from "./search.js";
import { isDuration, readSearch } from "./search.js";
import type { View } from "./view.js";

export function planSearch(context: Context): Planned | Refusal {
  const { request, store, dialect, path, cursors } = context;
  const parameters = readParameters(request, "search", searchOwn);
  if (isRefusal(parameters)) return parameters;
  const given = objectBody(request);
  if (isRefusal(given)) return given;
  const { pit, ...rest } = given;
  const scroll = request.query.get("scroll");
  if (scroll !== undefined && (!isDuration(scroll) || pit !== undefined))
    return refuse("filter_refused", "scroll");
  const at = pit === undefined ? undefined : readPit(pit, cursors);
  if (at !== undefined && "kind" in at && at.kind === "refusal") return at;
  const place = at as { readonly place: Place; readonly keep: string | undefined } | undefined;
  const index = place?.place.names ?? path["index"];
  if (index === undefined || (place !== undefined && path["index"] !== undefined))
    return refuse("filter_refused", "an index must be named, or a point in time");
  const named = readNames(index, store);
  if (isRefusal(named)) return named;
  const operator = allowedOnly(
    request.query,
    named.map(({ collection }) => collection),
  );
  if (isRefusal(operator)) return operator;
  const body = intoBody(request, rest);
  if (isRefusal(body)) return body;
  const action = scroll !== undefined || pit !== undefined ? "retrieval.export" : "retrieval.query";
  const search = readSearch(body, named, dialect, { action });
  if (isRefusal(search)) return search;
  return {
    kind: "operation",
    asks: search.asks,
    plan: {
      narrow(narrowings) {
        const { body: narrowed, exact } = narrowSearch(search, narrowings, dialect, {
          paged: scroll !== undefined,
        });
        const sent: JsonObject =
          place === undefined
            ? narrowed
            : {
                ...narrowed,
                pit: { id: place.place.id, ...(place.keep === undefined ? {} : { keep_alive: place.keep }) },
              };
        const segments = place === undefined ? [index, "_search"] : ["_search"];
        const more = { ...parameters, ...operator, ...(scroll === undefined ? {} : { scroll }) };
        return {
          kind: "narrowed",
          request: { method: "POST", path: pathOf(segments, more), body: sent },
          exact,
        };
      },
      empty: () => nothingFound(parameters),
      results(answer, sent, sealing) {
        const page = readPage(answer.value, originOf(search, 0, sent));
        if (page.kind === "refusal") return page;
        const ids = idsOf(answer.value);
        return {
          ...{ kind: "found", items: page.items },
          rebuild(items) {
            const out = page.rebuild(items);
            if (ids.scroll !== undefined) {
              const more = keptOf(search);
              out["_scroll_id"] = sealPlace({ kind: "scroll", id: ids.scroll, names: index, more }, sealing);
            }
            if (ids.pit !== undefined)
              out["pit_id"] = sealPlace({ kind: "pit", id: ids.pit, names: index, more: {} }, sealing);
            return out;
          },
        };
      },
    },
  };
}

function readPit(
  value: Json,
  cursors: Cursors,
): { readonly place: Place; readonly keep: string | undefined } | Refusal {
  if (!isObject(value)) return refuse("filter_refused", "pit");
  const { id, keep_alive: keep, ...others } = value;
  if (Object.keys(others).length > 0 || (keep !== undefined && !isDuration(keep)))
    return refuse("filter_refused", "pit");
  const place = openPlace(id, "pit", cursors);
  return place === undefined ? refuse("unknown_cursor") : { place, keep };
}

function idsOf(value: Json | undefined): { readonly scroll?: string; readonly pit?: string } {
  if (!isObject(value)) return {};
  const { _scroll_id: scroll, pit_id: pit } = value;
  return { ...(typeof scroll === "string" ? { scroll } : {}), ...(typeof pit === "string" ? { pit } : {}) };
}

export function originOf(search: Search, first: number, { exact }: Narrowed): Origin {
  const { named, view, wanted, counts, asks, size } = search;
  const own = exact.slice(first, first + asks.length);
  return { named, first, view, wanted, counts, size, exact: own.every((one) => one) };
}

/** What pages after the first need to know of the search that they are of. */
function keptOf({ view, wanted, size }: Search): JsonObject {
  return { view: view as unknown as JsonObject, wanted: [...wanted], size };
}

export function keptView({ more }: Place): {
  readonly view: View;
  readonly wanted: string[];
  readonly size: number;
} {
  // it was sealed as it is written above
  return more as unknown as { view: View; wanted: string[]; size: number };
}

/** An answer without hits. */
export function nothingFound(parameters: Readonly<Record<string, string>> = {}): JsonObject {
  const number =
    parameters["rest_total_hits_as_int"] !== undefined && parameters["rest_total_hits_as_int"] !== "false";
  return {
    ...{ took: 0, timed_out: false, _shards: { total: 0, successful: 0, skipped: 0, failed: 0 } },
    hits: { total: number ? 0 : { value: 0, relation: "eq" }, max_score: null, hits: [] },
  };
}

const ofHeader = [
  ...["index", "search_type", "preference", "ignore_unavailable", "expand_wildcards", "allow_no_indices"],
  ...["request_cache", "ccs_minimize_roundtrips", "allow_partial_search_results"],
];

export function planMultiSearch({ request, store, dialect, path }: Context): Planned | Refusal {
  const parameters = readParameters(request, "msearch");
  if (isRefusal(parameters)) return parameters;
  const { form, body: lines } = request;
  if (form !== "ndjson" || !Array.isArray(lines) || lines.length % 2 !== 0 || lines.length === 0)
    return refuse("invalid_request", "a line for where, and one for what, of each search");
  const searches: { readonly head: JsonObject; readonly search: Search; readonly first: number }[] = [];
  let first = 0;
  for (let i = 0; i < lines.length; i += 2) {
    const [head, body] = [lines[i], lines[i + 1]];
    if (!isObject(head)) return refuse("invalid_request", "a header is an object");
    const unknown = Object.keys(head).find((name) => !ofHeader.includes(name));
    if (unknown !== undefined) return refuse("filter_refused", "a search's header");
    const { index: given = path["index"], ...options } = head;
    const index = Array.isArray(given) ? given.join(",") : given;
    if (typeof index !== "string") return refuse("filter_refused", "an index must be named");
    if (
      Object.entries(options).some(([name, one]) => typeof one === "object" || !isWritten(name, String(one)))
    )
      return refuse("filter_refused", "a search's header");
    const named = readNames(index, store);
    if (isRefusal(named)) return named;
    const search = readSearch(body, named, dialect);
    if (isRefusal(search)) return search;
    searches.push({ head: { ...options, index }, search, first });
    first += search.asks.length;
  }
  return {
    kind: "operation",
    asks: searches.flatMap(({ search }) => search.asks),
    plan: {
      narrow(narrowings) {
        const narrowed = searches.map((one) =>
          narrowSearch(one.search, narrowings.slice(one.first, one.first + one.search.asks.length), dialect),
        );
        const sent: SentRequest = {
          ...{ method: "POST", path: pathOf(["_msearch"], parameters), ndjson: true },
          body: searches.flatMap(({ head }, i) => [head, narrowed[i]?.body ?? null]),
        };
        return { kind: "narrowed", request: sent, exact: narrowed.flatMap(({ exact }) => exact) };
      },
      empty: () => ({
        took: 0,
        responses: searches.map(() => ({ ...nothingFound(parameters), status: 200 })),
      }),
      results({ value }, sent) {
        const responses = isObject(value) ? value["responses"] : undefined;
        if (!Array.isArray(responses) || responses.length !== searches.length)
          return refuse("upstream_invalid");
        const pages: (Page | JsonObject)[] = [];
        for (const [i, one] of searches.entries()) {
          const response = responses[i];
          if (isObject(response) && response["error"] !== undefined) {
            pages.push(failed(response));
            continue;
          }
          const page = readPage(response, originOf(one.search, one.first, sent));
          if (page.kind === "refusal") return page;
          pages.push(page);
        }
        const isPage = (one: Page | JsonObject): one is Page => one["kind"] === "page" && "rebuild" in one;
        const items = pages.flatMap((one): readonly FoundItem[] => (isPage(one) ? one.items : []));
        return {
          ...{ kind: "found", items },
          rebuild(kept) {
            let from = 0;
            const out = pages.map((one): Json => {
              if (!isPage(one)) return one;
              const own = kept.slice(from, from + one.items.length);
              from += one.items.length;
              return one.rebuild(own);
            });
            const took = isObject(value) && typeof value["took"] === "number" ? value["took"] : 0;
            return { took, responses: out };
          },
        };
      },
    },
  };
}

/** What the store says of its own errors may repeat what it holds. */
function failed(response: JsonObject): JsonObject {
  const { status } = response;
  const type = "search_phase_execution_exception";
  return {
    error: { root_cause: [], type, reason: "the store refused this search" },
    status: typeof status === "number" ? status : 400,
  };
}
