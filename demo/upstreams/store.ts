/**
 * A document store for the demo, spoken to as one speaks to OpenSearch: `_search`, `_count`, `_mget`, `_doc`, of its API what
 * the demo needs. Texts are ranked by BM25. It filters nothing by caller: what may be seen is decided before it.
 */
import type { DemoDocument, Shelf } from "./documents.js";
import { collections } from "./documents.js";
import { BadQuery, readQuery } from "./match.js";
import { isRecord, readRecord, sendJson, startUpstream } from "./receive.js";
import type { Received, Upstream } from "./receive.js";

const DEFAULT_SIZE = 10;
/** The window of results of an index. */
const LARGEST_SIZE = 10_000;

interface Said {
  readonly status: number;
  readonly value: unknown;
}

/** Starts the store, with the demo's documents. What is written is gone with it. */
export function startStore({ port }: { readonly port: number }): Promise<Upstream> {
  const shelves = new Map([...collections].map(([name, shelf]) => [name, { ...shelf }]));
  return startUpstream(port, async (asked, _req, res) => {
    const { status, value } = answer(shelves, asked);
    sendJson(res, status, value);
    return Promise.resolve();
  });
}

function answer(shelves: ReadonlyMap<string, Record<string, DemoDocument>>, asked: Received): Said {
  const [path = ""] = asked.path.split("?");
  const [index = "", what = "", id = ""] = path.slice(1).split("/").map(decodeURIComponent);
  const body = asked.body.length === 0 ? {} : readRecord(asked.body);
  if (body === undefined) return fault(400, "parse_exception", "the body must be an object");
  if (index === "_mget" && what === "") return getAll(shelves, body);
  const shelf = shelves.get(index);
  if (shelf === undefined) return fault(404, "index_not_found_exception", "there is no such index");
  try {
    switch (`${asked.method} ${what}`) {
      case "GET _search":
      case "POST _search":
        return search(index, shelf, body);
      case "GET _count":
      case "POST _count":
        return { status: 200, value: { count: found(shelf, body["query"]).length, _shards: shards } };
      case "PUT _doc":
      case "POST _doc": {
        const known = Object.hasOwn(shelf, id);
        const name = id === "" ? `doc-${Object.keys(shelf).length + 1}` : id;
        shelf[name] = body as unknown as DemoDocument;
        const result = known ? "updated" : "created";
        return { status: known ? 200 : 201, value: { _index: index, _id: name, result, _shards: shards } };
      }
      case "DELETE _doc": {
        const result = Object.hasOwn(shelf, id) ? "deleted" : "not_found";
        delete shelf[id];
        return { status: result === "deleted" ? 200 : 404, value: { _index: index, _id: id, result } };
      }
      default:
        return fault(400, "illegal_argument_exception", "the demo's store doesn't do that");
    }
  } catch (error) {
    if (error instanceof BadQuery) return fault(400, "parsing_exception", error.message);
    throw error;
  }
}

const shards = { total: 1, successful: 1, skipped: 0, failed: 0 };

function search(index: string, shelf: Shelf, body: Record<string, unknown>): Said {
  const { query, size = DEFAULT_SIZE, from = 0, _source: source } = body;
  if (!isPlace(size) || !isPlace(from))
    return fault(400, "illegal_argument_exception", `size and from are up to ${LARGEST_SIZE}`);
  const all = found(shelf, query);
  const page = all.slice(from, from + size);
  const hits = page.map(({ id, score }) => {
    const document = shelf[id] as unknown as Record<string, unknown>;
    return { _index: index, _id: id, _score: score, _source: viewed(document, source) };
  });
  return {
    status: 200,
    value: {
      ...{ took: 1, timed_out: false, _shards: shards },
      hits: { total: { value: all.length, relation: "eq" }, max_score: all[0]?.score ?? null, hits },
    },
  };
}

function isPlace(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= LARGEST_SIZE;
}

function found(shelf: Shelf, query: unknown): { readonly id: string; readonly score: number }[] {
  const match = readQuery(query, shelf);
  return Object.entries(shelf)
    .flatMap(([id, document]) => {
      const score = match(id, document);
      return score === undefined ? [] : [{ id, score: Math.round(score * 1e4) / 1e4 }];
    })
    .sort((a, b) => b.score - a.score);
}

/** Source filtering, by whole names. */
function viewed(document: Record<string, unknown>, source: unknown): Record<string, unknown> | undefined {
  if (source === false) return undefined;
  const { includes, excludes } = isRecord(source) ? source : { includes: source };
  return Object.fromEntries(
    Object.entries(document).filter(
      ([name]) =>
        (!Array.isArray(includes) || includes.includes(name)) &&
        !(Array.isArray(excludes) && excludes.includes(name)),
    ),
  );
}

function getAll(
  shelves: ReadonlyMap<string, Readonly<Record<string, DemoDocument>>>,
  { docs }: Record<string, unknown>,
): Said {
  const asked = Array.isArray(docs) ? docs.filter(isRecord) : [];
  return {
    status: 200,
    value: {
      docs: asked.map(({ _index, _id, _source: source }) => {
        const shelf = shelves.get(String(_index)) ?? {};
        const document = Object.hasOwn(shelf, String(_id)) ? shelf[String(_id)] : undefined;
        if (document === undefined) return { _index, _id, found: false };
        const given = viewed(document as unknown as Record<string, unknown>, source);
        return { _index, _id, found: true, _source: given };
      }),
    },
  };
}

function fault(status: number, type: string, reason: string): Said {
  return { status, value: { error: { root_cause: [{ type, reason }], type, reason }, status } };
}
