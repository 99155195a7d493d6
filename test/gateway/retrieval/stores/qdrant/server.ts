/** A server that is true to the form of Qdrant's REST API (its OpenAPI document), with documents in memory. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { matches, type Payload, type Point, type Value, valuesAt } from "./matches.js";

export type { Payload, Point } from "./matches.js";

export interface QdrantServer {
  readonly url: string;
  readonly collections: Map<string, Point[]>;
  close(): Promise<void>;
}

interface Body {
  [name: string]: unknown;
  filter?: unknown;
  limit?: number;
  offset?: number | string | null;
  query?: unknown;
  prefetch?: Body | Body[];
  with_payload?: unknown;
  with_vector?: unknown;
  searches?: Body[];
  group_by?: string;
  group_size?: number;
  key?: string;
}

interface Scored {
  readonly point: Point;
  readonly score: number;
}

/** @param collections points by the name of their collection */
export async function startQdrant(collections: Record<string, readonly Point[]>): Promise<QdrantServer> {
  const all = new Map(Object.entries(collections).map(([name, points]) => [name, [...points]]));
  const server = createServer((req, res) => {
    void answer(req, res, all);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    collections: all,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

class Wrong extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function answer(req: IncomingMessage, res: ServerResponse, all: Map<string, Point[]>): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const say = (status: number, value: unknown): void => {
    res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  try {
    const { pathname } = new URL(req.url ?? "/", "http://x");
    const segments = pathname
      .split("/")
      .filter((one) => one !== "")
      .map(decodeURIComponent);
    if (segments.length === 0)
      return say(200, { title: "qdrant - vector search engine", version: "1.18.0", commit: "x" });
    const result = route(`${req.method}`, segments, text === "" ? {} : (JSON.parse(text) as Body), all);
    say(200, { usage: null, result, status: "ok", time: 0.0001 });
  } catch (error) {
    const status = error instanceof Wrong ? error.status : 500;
    say(status, { status: { error: error instanceof Error ? error.message : "?" }, time: 0 });
  }
}

function route(method: string, segments: string[], body: Body, all: Map<string, Point[]>): unknown {
  const [first, name, ...rest] = segments;
  if (first === "aliases")
    return { aliases: [{ alias_name: "latest", collection_name: [...all.keys()][0] }] };
  if (first !== "collections") throw new Wrong(404, "Not found");
  if (name === undefined) return { collections: [...all.keys()].map((one) => ({ name: one })) };
  const at = `${method} ${rest.join("/")}`;
  if (at === "GET exists") return { exists: all.has(name) };
  if (at === "PUT ") {
    all.set(name, []);
    return true;
  }
  const points = all.get(name);
  if (points === undefined) throw new Wrong(404, `Not found: Collection \`${name}\` doesn't exist!`);
  switch (at) {
    case "GET ":
      return {
        ...{ status: "green", optimizer_status: "ok", segments_count: 1, points_count: points.length },
        config: { params: { vectors: { size: 2, distance: "Dot" } } },
        payload_schema: {
          tenant: { data_type: "keyword", points: points.length },
          secret: { data_type: "keyword", points: 1 },
        },
      };
    case "DELETE ":
      return all.delete(name);
    case "PUT index":
      return { operation_id: 1, status: "completed" };
    case "POST points/query":
      return { points: query(points, body).map(writer(body)) };
    case "POST points/query/batch":
      return (body.searches ?? []).map((one) => ({ points: query(points, one).map(writer(one)) }));
    case "POST points/query/groups":
      return { groups: groups(points, body, query(points, { ...body, limit: 1_000 })) };
    case "POST points/search":
      return query(points, older(body)).map(writer(body));
    case "POST points/search/batch":
      return (body.searches ?? []).map((one) => query(points, older(one)).map(writer(one)));
    case "POST points/search/groups":
      return { groups: groups(points, body, query(points, { ...older(body), limit: 1_000 })) };
    case "POST points/recommend":
    case "POST points/discover":
      return query(points, older(body)).map(writer(body));
    case "POST points/scroll": {
      const found = byId(points.filter((one) => matches(body.filter, one)));
      const { offset = null, limit = 10 } = body;
      const from = offset === null ? 0 : found.findIndex((one) => compareIds(one.id, offset) >= 0);
      const page = from < 0 ? [] : found.slice(from, from + limit);
      const next = from < 0 ? undefined : found[from + limit];
      return { points: page.map((point) => written(point, body, true)), next_page_offset: next?.id ?? null };
    }
    case "POST points": {
      const ids = body["ids"] as unknown[];
      return ids
        .flatMap((id) => points.filter((one) => one.id === id))
        .map((point) => written(point, body, true));
    }
    case "POST points/count":
      return { count: points.filter((one) => matches(body.filter, one)).length };
    case "POST facet": {
      const counts = new Map<Value, number>();
      for (const one of points.filter((point) => matches(body.filter, point))) {
        const values = new Set(
          valuesAt(one.payload, body.key ?? "").flatMap((value) => (Array.isArray(value) ? value : [value])),
        );
        for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      return { hits: [...counts].map(([value, count]) => ({ value, count })) };
    }
    case "POST points/search/matrix/pairs": {
      const found = points.filter((one) => matches(body.filter, one)).slice(0, 10);
      return {
        pairs: found
          .slice(1)
          .map((one) => ({ a: found[0]?.id, b: one.id, score: dot(one.vector, found[0]?.vector ?? []) })),
      };
    }
    default:
      return write(at, body, name, points, all);
  }
}

/** Writes; "operation_id" and "status" come back. */
function write(at: string, body: Body, name: string, points: Point[], all: Map<string, Point[]>): unknown {
  const done = { operation_id: 7, status: "completed" };
  const chosen = (one: Body): Point[] => {
    const ids = one["points"] as unknown[] | undefined;
    return points.filter((point) =>
      ids === undefined ? matches(one.filter, point) : ids.includes(point.id),
    );
  };
  const change = (one: Body, payload: (point: Point) => Payload): void => {
    for (const point of chosen(one))
      points.splice(points.indexOf(point), 1, { ...point, payload: payload(point) });
  };
  const { payload: given = {}, keys = [] } = body as { payload?: Payload; keys?: string[] };
  switch (at) {
    case "PUT points":
      for (const one of body["points"] as Point[]) {
        const before = points.findIndex(({ id }) => id === one.id);
        const stored = { ...one, payload: one.payload ?? {} };
        // "update_filter": what is there and doesn't match it stays
        if (before < 0) points.push(stored);
        else if (matches(body["update_filter"], points[before] as Point)) points[before] = stored;
      }
      return done;
    case "PUT points/vectors":
      for (const one of body["points"] as Point[]) {
        const before = points.findIndex(({ id }) => id === one.id);
        const point = points[before];
        if (point !== undefined && matches(body["update_filter"], point))
          points[before] = { ...point, vector: one.vector };
      }
      return done;
    case "POST points/delete": {
      const gone = chosen(body);
      all.set(
        name,
        points.filter((one) => !gone.includes(one)),
      );
      return done;
    }
    case "POST points/payload":
      // null takes a key away (lib/segment/src/common/utils.rs, merge_map)
      change(body, (point) =>
        Object.fromEntries(
          Object.entries({ ...point.payload, ...given }).filter(([, value]) => value !== null),
        ),
      );
      return done;
    case "PUT points/payload":
      change(body, () => given);
      return done;
    case "POST points/payload/delete":
      change(body, ({ payload }) =>
        Object.fromEntries(Object.entries(payload).filter(([key]) => !keys.includes(key))),
      );
      return done;
    case "POST points/vectors/delete":
      return done;
    case "POST points/batch": {
      const operations = body["operations"] as Record<string, Body>[];
      const places: Record<string, string> = {
        ...{ upsert: "PUT points", delete: "POST points/delete", set_payload: "POST points/payload" },
        ...{ overwrite_payload: "PUT points/payload", delete_payload: "POST points/payload/delete" },
        ...{ update_vectors: "PUT points/vectors", delete_vectors: "POST points/vectors/delete" },
      };
      return operations.map((one) => {
        const [kind = ""] = Object.keys(one);
        return write(places[kind] ?? kind, one[kind] ?? {}, name, all.get(name) ?? [], all);
      });
    }
    default:
      throw new Wrong(404, "Not found");
  }
}

/** The forms before the Query API, as a query. */
function older(body: Body): Body {
  const { vector, positive, negative, target, context, ...rest } = body as Body & Record<string, unknown>;
  if (vector !== undefined)
    return { ...rest, query: Array.isArray(vector) ? vector : (vector as { vector: unknown }).vector };
  if (target !== undefined) return { ...rest, query: { discover: { target, context } } };
  return { ...rest, query: { recommend: { positive, negative } } };
}

/** "Hybrid Queries": the prefetches' results, or all points, filtered, then scored. */
function query(points: Point[], body: Body): Scored[] {
  const prefetches =
    body.prefetch === undefined ? [] : Array.isArray(body.prefetch) ? body.prefetch : [body.prefetch];
  const inner = prefetches.map((one) => query(points, one));
  const among = prefetches.length === 0 ? points : [...new Set(inner.flat().map(({ point }) => point))];
  const found = among.filter((one) => matches(body.filter, one));
  const scored = found.map((point) => ({ point, score: score(point, body.query, points) }));
  if (body.query !== undefined) scored.sort((a, b) => b.score - a.score);
  else scored.sort((a, b) => compareIds(a.point.id, b.point.id));
  const offset = typeof body.offset === "number" ? body.offset : 0;
  return scored.slice(offset, offset + (body.limit ?? 10));
}

function score(point: Point, asked: unknown, points: Point[]): number {
  const vectorOf = (one: unknown): number[] => {
    if (Array.isArray(one)) return one as number[];
    const example = points.find(({ id }) => id === one);
    if (example === undefined) throw new Wrong(404, `Not found: No point with id ${String(one)} found`);
    return example.vector;
  };
  if (typeof asked !== "object" || asked === null || Array.isArray(asked))
    return asked === undefined ? 0 : dot(point.vector, vectorOf(asked));
  const { nearest, recommend, discover } = asked as Record<string, Record<string, unknown>>;
  if (nearest !== undefined) return dot(point.vector, vectorOf(nearest));
  if (discover !== undefined) return dot(point.vector, vectorOf(discover["target"]));
  const positive = (recommend?.["positive"] ?? []) as unknown[];
  return positive.reduce<number>((sum, one) => sum + dot(point.vector, vectorOf(one)), 0);
}

function groups(_points: Point[], body: Body, found: Scored[]): unknown[] {
  const out = new Map<Value, Scored[]>();
  for (const one of found) {
    for (const id of valuesAt(one.point.payload, body.group_by ?? "").flat() as Value[]) {
      const group = out.get(id) ?? [];
      if (group.length < (body.group_size ?? 3)) out.set(id, [...group, one]);
    }
  }
  return [...out].slice(0, body.limit ?? 10).map(([id, hits]) => ({ id, hits: hits.map(writer(body)) }));
}

function writer(body: Body): (one: Scored) => unknown {
  return ({ point, score: of }) => ({ version: 3, score: of, ...(written(point, body, false) as object) });
}

function written(point: Point, { with_payload, with_vector }: Body, standard: boolean): unknown {
  const asked = with_payload ?? standard;
  const include = Array.isArray(asked) ? (asked as string[]) : (asked as { include?: string[] }).include;
  const payload =
    asked === false
      ? undefined
      : include === undefined
        ? point.payload
        : Object.fromEntries(
            Object.entries(point.payload).filter(([key]) =>
              include.some((one) => one === key || one.startsWith(`${key}.`)),
            ),
          );
  return {
    id: point.id,
    ...(payload === undefined ? {} : { payload }),
    ...(with_vector === true ? { vector: point.vector } : {}),
  };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, one, i) => sum + one * (b[i] ?? 0), 0);
}

/** Numbers go before UUIDs. */
function compareIds(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
}

function byId(points: readonly Point[]): Point[] {
  return [...points].sort((a, b) => compareIds(a.id, b.id));
}
