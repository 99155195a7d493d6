import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse } from "../../../../sidecar/contract.js";
import type { Found, FoundItem, Narrowing, StoreAnswer } from "../../adapter.js";
import { holds } from "../../conditions/holds.js";
import type { CollectionConfig } from "../../config.js";
import type { Cursors } from "../../cursors.js";
import { readDocument } from "../../document.js";
import { at } from "../../path.js";
import { parsePath } from "./json-path.js";
import type { QdrantNarrowed } from "./narrow.js";
import type { QdrantOperation, Search } from "./operation.js";
import { idOf } from "./read-id.js";
import { select } from "./select-payload.js";

/** A point of the answer, where it stands in it. */
interface Place {
  readonly item: FoundItem;
  readonly point: JsonObject;
}

/** Reads an answer: every point of it, and nothing that isn't known. */
export function results(
  operation: QdrantOperation,
  sent: QdrantNarrowed,
  answer: StoreAnswer,
  cursors: Cursors,
): Found | Refusal {
  const { value } = answer;
  const { handling, searches } = operation;
  if (!isObject(value)) return refuse("upstream_invalid");
  if (handling === "none") return plain(root(value));
  const { result } = value;
  const told = (rebuilt: Json): JsonObject => ({
    result: rebuilt,
    status: "ok",
    ...(plainNumber(value["time"]) === undefined ? {} : { time: value["time"] as Json }),
  });
  if (searches.length === 0 || handling === "count" || handling === "facet" || handling.startsWith("matrix"))
    return readPlain(operation, result, told);
  const { collection } = operation;
  if (collection === undefined) return refuse("unknown_collection");
  const parts = handling.endsWith("-batch") ? result : [result];
  if (!Array.isArray(parts) || parts.length !== searches.length) return refuse("upstream_invalid");
  const read = searches.map((search, ask) =>
    readPart(parts[ask], {
      ...{ search, ask, handling, collection, cursors },
      ...{ narrowing: sent.narrowings[ask], exact: sent.exact[ask] === true },
    }),
  );
  const whole = read.filter((one) => one !== undefined);
  if (whole.length < read.length) return refuse("upstream_invalid");
  const alone = handling === "get-one";
  return {
    kind: "found",
    // a point that may not be seen is answered as one that isn't there
    ...(alone ? { status: ([item]) => (item === undefined ? 404 : 200) } : {}),
    items: whole.flatMap(({ places }) => places.map(({ item }) => item)),
    rebuild(items) {
      if (alone && items[0] === undefined)
        return { status: { error: "Not found: there is no such point" }, time: 0 };
      let from = 0;
      const rebuilt = whole.map(({ places, write }) => {
        const mine = items.slice(from, from + places.length);
        from += places.length;
        return write(mine);
      });
      return told(handling.endsWith("-batch") ? rebuilt : (rebuilt[0] ?? null));
    },
  };
}

interface About {
  readonly search: Search;
  readonly ask: number;
  readonly handling: QdrantOperation["handling"];
  readonly collection: CollectionConfig;
  readonly cursors: Cursors;
  readonly narrowing: Narrowing | undefined;
  readonly exact: boolean;
}

interface Part {
  readonly places: readonly Place[];
  /** Writes it with what is left of its points. */
  write(items: readonly (FoundItem | undefined)[]): Json;
}

/** Reads the answer of one search; undefined where it isn't of its form. */
function readPart(value: Json | undefined, about: About): Part | undefined {
  const { handling, search, collection, cursors } = about;
  switch (handling) {
    case "query":
    case "query-batch":
    case "scroll": {
      if (!isObject(value)) return undefined;
      const page = readPage(value["points"], about);
      if (page === undefined) return undefined;
      const { places, next } = page;
      const points = (items: readonly (FoundItem | undefined)[]): Json[] => writeAll(places, items, search);
      if (handling !== "scroll") return { places, write: (items) => ({ points: points(items) }) };
      const offset = next ?? value["next_page_offset"] ?? null;
      if (offset !== null && idOf(offset) === undefined) return undefined;
      return {
        places,
        write: (items) => ({
          points: points(items),
          next_page_offset: offset === null ? null : cursors.give(idOf(offset) ?? "", collection.key),
        }),
      };
    }
    case "query-groups":
    case "search-groups":
    case "recommend-groups":
      return isObject(value) ? readGroups(value["groups"], about) : undefined;
    case "get-one": {
      const page = readPage(value, about);
      if (page === undefined || page.places.length > 1) return undefined;
      return { places: page.places, write: (items) => writeAll(page.places, items, search)[0] ?? null };
    }
    default: {
      const page = readPage(value, about);
      if (page === undefined) return undefined;
      return { places: page.places, write: (items) => writeAll(page.places, items, search) };
    }
  }
}

/**
 * Reads a list of points. Where more was fetched than asked for, only what may be given counts: as many are passed over
 * and kept as were asked for; `next` is the first that is left over.
 */
function readPage(
  value: Json | undefined,
  { search, ask, collection, narrowing, exact, handling }: About,
): { readonly places: readonly Place[]; readonly next?: Json } | undefined {
  if (!Array.isArray(value)) return undefined;
  const all = value.map((one) => readPoint(one, ask, collection, narrowing));
  const places = all.filter((one) => one !== undefined);
  if (places.length < all.length) return undefined;
  if (exact || narrowing === undefined || handling === "get" || handling === "get-one") return { places };
  const kept: Place[] = [];
  let passed = 0;
  let counted = 0;
  for (const place of places) {
    const open = holds(
      narrowing.condition,
      readDocument(place.item.metadata, collection.fields.values(), collection.constants),
    );
    if (open && passed < search.offset) {
      passed += 1;
      continue;
    }
    if (open && counted === Math.min(search.limit, narrowing.topK))
      return { places: kept, next: place.point["id"] ?? null };
    if (open) counted += 1;
    kept.push(place);
  }
  return { places: kept };
}

function readGroups(value: Json | undefined, about: About): Part | undefined {
  const { search } = about;
  if (!Array.isArray(value)) return undefined;
  const groups: { readonly id: Json; readonly places: readonly Place[] }[] = [];
  for (const one of value) {
    const id = isObject(one) ? one["id"] : undefined;
    const page = isObject(one) ? readPage(one["hits"], about) : undefined;
    // points that were looked up elsewhere aren't ours to look at
    if (!isObject(one) || id === undefined || page === undefined || isObject(one["lookup"])) return undefined;
    groups.push({ id, places: page.places });
  }
  const path = search.group?.path ?? "";
  return {
    places: groups.flatMap(({ places }) => places),
    write(items) {
      let from = 0;
      const rebuilt: Json[] = [];
      for (const { id, places } of groups) {
        // a group's id is what its points say: where that is masked, it isn't told
        const mine = items
          .slice(from, from + places.length)
          .map((item, i) => (item !== undefined && unchanged(item, places[i], path) ? item : undefined));
        from += places.length;
        const hits = writeAll(places, mine, search);
        if (hits.length > 0) rebuilt.push({ id, hits });
      }
      return { groups: rebuilt };
    },
  };
}

function readPoint(
  value: Json,
  ask: number,
  collection: CollectionConfig,
  narrowing: Narrowing | undefined,
): Place | undefined {
  const id = isObject(value) ? idOf(value["id"]) : undefined;
  if (!isObject(value) || id === undefined) return undefined;
  const payload = value["payload"] ?? {};
  if (!isObject(payload)) return undefined;
  const score = plainNumber(value["score"]);
  const place = collection.text?.join(".") ?? "";
  const hidden = narrowing?.hidden.some((path) => place === path || place.startsWith(`${path}.`)) ?? true;
  const text = collection.text === undefined || hidden ? undefined : at(payload, collection.text);
  return {
    point: value,
    item: {
      ...{ ask, id, metadata: payload },
      ...(typeof text === "string" ? { text } : {}),
      ...(score === undefined ? {} : { score }),
    },
  };
}

/** Writes the points that are left, of members that are known. */
function writeAll(
  places: readonly Place[],
  items: readonly (FoundItem | undefined)[],
  search: Search,
): JsonObject[] {
  return places.flatMap((place, i) => {
    const item = items[i];
    if (item === undefined) return [];
    const { point } = place;
    const payload = select(item.metadata, search.select);
    const out: JsonObject = {};
    for (const name of ["id", "version", "score"]) if (point[name] !== undefined) out[name] = point[name];
    if (payload !== undefined) out["payload"] = payload;
    if (search.facts.vectors === true && point["vector"] !== undefined) out["vector"] = point["vector"];
    if (point["shard_key"] !== undefined) out["shard_key"] = point["shard_key"];
    // what it is sorted by is told again there
    const order = point["order_value"];
    if (order !== undefined && order !== null && unchanged(item, place, search.order ?? ""))
      out["order_value"] = order;
    return [out];
  });
}

/** Whether what stands at a path is what the store said: not masked, not taken out. */
function unchanged({ metadata }: FoundItem, place: Place | undefined, path: string): boolean {
  if (place === undefined) return false;
  const steps = parsePath(path);
  if (steps === undefined) return false;
  const names = steps.map(({ name }) => name);
  return (
    JSON.stringify(plainOf(at(metadata, names))) === JSON.stringify(plainOf(at(place.item.metadata, names)))
  );
}

function plainOf(value: Json | undefined): unknown {
  return value === undefined || typeof value !== "object" || value === null
    ? (value ?? null)
    : String(Object.keys(value));
}

function plain(value: Json): Found {
  return { kind: "found", items: [], rebuild: () => value };
}

const counted: ReadonlySet<string> = new Set(["points_count", "vectors_count", "indexed_vectors_count"]);

/** Reads what tells of no document by itself. */
function readPlain(
  { handling, collection, asks }: QdrantOperation,
  result: Json | undefined,
  told: (result: Json) => JsonObject,
): Found | Refusal {
  if (result === undefined) return refuse("upstream_invalid");
  const names = (list: Json | undefined, member: string): string[] | undefined => {
    if (!Array.isArray(list)) return undefined;
    const found = list.map((one) =>
      isObject(one) && typeof one[member] === "string" ? one[member] : undefined,
    );
    return found.every((one) => one !== undefined) ? found : undefined;
  };
  switch (handling) {
    case "collections":
    case "aliases": {
      const [member, named] =
        handling === "aliases" ? ["aliases", "collection_name"] : ["collections", "name"];
      const listed = isObject(result) ? result[member ?? ""] : undefined;
      const collections = names(listed, named ?? "");
      if (collections === undefined || !Array.isArray(listed)) return refuse("upstream_invalid");
      return {
        ...{ kind: "found", items: [], collections },
        rebuild: (_items, kept = []) => told({ [member ?? ""]: listed.filter((_, i) => kept[i] === true) }),
      };
    }
    case "describe": {
      if (!isObject(result)) return refuse("upstream_invalid");
      const schema = result["payload_schema"];
      // how many points there are, whosever they are; the members may be missing
      const shown = Object.fromEntries(Object.entries(result).filter(([name]) => !counted.has(name)));
      if (!isObject(schema)) return plain(told(shown));
      const hidden = collection?.hidden ?? [];
      const open = Object.entries(schema).filter(
        ([name]) =>
          !hidden.some((path) => name === path || name.startsWith(`${path}.`) || path.startsWith(`${name}.`)),
      );
      // of each field, clients want a number
      const fields = open.map(([name, one]) => [name, isObject(one) ? { ...one, points: 0 } : one] as const);
      return plain(told({ ...shown, payload_schema: Object.fromEntries(fields) }));
    }
    case "count": {
      const count = isObject(result) ? plainNumber(result["count"]) : undefined;
      if (count === undefined) return refuse("upstream_invalid");
      return { kind: "found", items: [], count, rebuild: () => told({ count }) };
    }
    default:
      // where documents could be in an answer, its form must be known
      return asks.some(({ effect }) => effect === "find") ? refuse("upstream_invalid") : plain(told(result));
  }
}

/** What a store says of itself at its root. */
function root(value: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const name of ["title", "version", "commit"])
    if (typeof value[name] === "string") out[name] = value[name];
  return out;
}
