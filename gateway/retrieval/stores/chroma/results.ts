import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse } from "../../../../sidecar/contract.js";
import type { Found, FoundItem, Narrowed, StoreAnswer } from "../../adapter.js";
import { presentCollection, resultsOfManagement } from "./results-management.js";
import type { ChromaOperation, Include } from "./operation.js";
import { includes } from "./operation.js";
import { mostFetched } from "./narrow.js";

/** Reads what a Chroma server answered. */
export function results(operation: ChromaOperation, sent: Narrowed, answer: StoreAnswer): Found | Refusal {
  const { deed } = operation;
  switch (deed.kind) {
    case "query":
      return readTable(answer.value, deed.include, columnsSent(sent), operation.asks.length);
    case "get":
      return readTable(answer.value, deed.include, columnsSent(sent), undefined);
    case "count":
      return readCount(answer.value);
    case "delete": {
      const deleted = isObject(answer.value) ? answer.value["deleted"] : undefined;
      const value = typeof deleted === "number" ? { deleted } : {};
      return { kind: "found", items: [], rebuild: () => value };
    }
    case "write":
    case "modify":
    case "drop":
      return { kind: "found", items: [], rebuild: () => ({}) };
    case "describe":
    case "create": {
      const { collection } = operation;
      const value = collection && presentCollection(answer.value, collection.store, collection);
      if (value === undefined) return refuse("upstream_invalid");
      return { kind: "found", items: [], rebuild: () => value };
    }
    default:
      return resultsOfManagement(operation, answer);
  }
}

/** A count, or what was listed to be counted. */
function readCount(value: Json | undefined): Found | Refusal {
  const count = isObject(value) && Array.isArray(value["ids"]) ? value["ids"].length : value;
  if (typeof count !== "number") return refuse("upstream_invalid");
  // there may be more
  if (isObject(value) && count >= mostFetched) return refuse("retrieval_limit", `a count to ${mostFetched}`);
  return { kind: "found", items: [], count, rebuild: () => count };
}

/** A column of an answer: a list for each query, or, of `get`, one. */
type Column = readonly (readonly Json[])[];

/**
 * Reads ids with the columns beside them. INVARIANT: all columns have the form of the ids; a document without metadata where
 * all were asked for with it makes no answer.
 */
function readTable(
  value: Json | undefined,
  include: readonly Include[],
  sent: readonly Json[],
  queries: number | undefined,
): Found | Refusal {
  if (!isObject(value)) return refuse("upstream_invalid");
  const ids = columnOf(value["ids"], queries);
  if (ids?.every((list) => list.every((id) => typeof id === "string")) !== true)
    return refuse("upstream_invalid");
  const table = new Map<Include, Column>();
  for (const name of includes) {
    const given = value[name];
    if (given === undefined || given === null) continue;
    const column = columnOf(given, queries);
    if (column === undefined || !alike(column, ids)) return refuse("upstream_invalid");
    table.set(name, column);
  }
  const metadatas = table.get("metadatas");
  if (metadatas === undefined) return refuse("upstream_invalid");
  const items: FoundItem[] = [];
  for (const [ask, list] of ids.entries())
    for (const [i, id] of list.entries()) {
      const metadata = metadatas[ask]?.[i] ?? null;
      if (metadata !== null && !isObject(metadata)) return refuse("upstream_invalid");
      const text = table.get("documents")?.[ask]?.[i];
      const distance = plainNumber(table.get("distances")?.[ask]?.[i] ?? undefined);
      items.push({
        ...{ ask, id: String(id), metadata: metadata ?? {} },
        ...(typeof text === "string" ? { text } : {}),
        // the nearest first: what is given is higher where it is nearer
        ...(distance === undefined ? {} : { score: distance === 0 ? 0 : -distance }),
      });
    }
  const given = include.filter((one) => sent.includes(one));
  return {
    kind: "found",
    items,
    rebuild: (left) => rebuild({ ids, table, given, flat: queries === undefined }, left),
  };
}

function columnsSent({ request: { body } }: Narrowed): readonly Json[] {
  const sent = isObject(body) ? body["include"] : undefined;
  return Array.isArray(sent) ? sent : [];
}

function columnOf(value: Json | undefined, queries: number | undefined): Column | undefined {
  if (!Array.isArray(value)) return undefined;
  if (queries === undefined) return [value];
  const lists = value.filter((one): one is Json[] => Array.isArray(one));
  return lists.length === value.length && lists.length === queries ? lists : undefined;
}

function alike(column: Column, ids: Column): boolean {
  return column.length === ids.length && column.every((list, i) => list.length === ids[i]?.length);
}

interface Table {
  readonly ids: Column;
  readonly table: ReadonlyMap<Include, Column>;
  /** What the caller asked for, and may have. */
  readonly given: readonly Include[];
  readonly flat: boolean;
}

function rebuild({ ids, table, given, flat }: Table, left: readonly (FoundItem | undefined)[]): JsonObject {
  const write = (of: (item: FoundItem, ask: number, i: number) => Json): Json => {
    let place = 0;
    const lists = ids.map((list, ask) => {
      const out: Json[] = [];
      for (let i = 0; i < list.length; i++) {
        const item = left[place++];
        if (item !== undefined) out.push(of(item, ask, i));
      }
      return out;
    });
    return flat ? (lists[0] ?? []) : lists;
  };
  const out: JsonObject = { ids: write((item) => item.id) };
  for (const name of includes) {
    if (flat && name === "distances") continue;
    const column = table.get(name);
    if (!given.includes(name) || column === undefined) out[name] = null;
    else if (name === "metadatas")
      out[name] = write(({ metadata }) => (Object.keys(metadata).length === 0 ? null : metadata));
    else if (name === "documents") out[name] = write(({ text }) => text ?? null);
    else out[name] = write((_item, ask, i) => column[ask]?.[i] ?? null);
  }
  out["include"] = [...given];
  return out;
}

/** What the server says where nothing is found. */
export function empty({ deed, asks }: ChromaOperation): Json | Refusal {
  if (deed.kind === "count") return 0;
  if (deed.kind !== "query" && deed.kind !== "get") return refuse("nothing_allowed");
  const ids: Column = deed.kind === "get" ? [[]] : asks.map(() => []);
  const table = new Map(deed.include.map((name) => [name, ids]));
  return rebuild({ ids, table, given: deed.include, flat: deed.kind === "get" }, []);
}

/** Reads what a look-up found. */
export function lookedUp({ value }: StoreAnswer): readonly FoundItem[] | Refusal {
  const found = readTable(value, ["metadatas"], ["metadatas"], undefined);
  return found.kind === "refusal" ? found : found.items;
}
