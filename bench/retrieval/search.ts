/** A client of the store's API that is as quick as can be: one connection, one request at a time. */
import { Client } from "undici";

export interface Search {
  readonly collection: string;
  /** Which query it is: the vector's first number. */
  readonly index: number;
  readonly topK: number;
  readonly offset?: number;
  /** The store's own filter, as text. */
  readonly filter?: string;
}

export interface Searcher {
  /** Gives the answer's bytes. @throws Error where it isn't 200 */
  search(search: Search): Promise<Buffer>;
  close(): Promise<void>;
}

export interface Point {
  readonly id: number;
  readonly score: number;
  readonly payload: Record<string, unknown>;
}

/** @param dimensions of the vectors */
export function connect(origin: string, prefix: string, dimensions: number, token?: string): Searcher {
  const client = new Client(origin, { keepAliveTimeout: 60_000 });
  const headers: Record<string, string> = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const rest = Array.from({ length: dimensions - 1 }, (_, i) => (Math.sin(i) / 10).toFixed(7)).join(",");
  return {
    async search({ collection, index, topK, offset, filter }) {
      const more = `${offset === undefined ? "" : `,"offset":${offset}`}${filter === undefined ? "" : `,"filter":${filter}`}`;
      const answer = await client.request({
        ...{ path: `${prefix}/collections/${collection}/points/query`, method: "POST", headers },
        body: `{"query":[${(index / 1e6).toFixed(6)},${rest}],"limit":${topK},"with_payload":true${more}}`,
      });
      const bytes = Buffer.from(await answer.body.arrayBuffer());
      if (answer.statusCode !== 200)
        throw new Error(`${answer.statusCode}: ${bytes.toString("utf8", 0, 500)}`);
      return bytes;
    },
    close: () => client.close(),
  };
}

/** Reads the points of an answer. */
export function pointsOf(bytes: Buffer): readonly Point[] {
  return (JSON.parse(bytes.toString()) as { result: { points: Point[] } }).result.points;
}

/** Asks the store what it filtered by last: what the gateway sent it. */
export async function lastFilter(store: string, collection: string): Promise<string> {
  return (await fetch(`${store}/collections/${collection}/last-filter`)).text();
}

/** Asks the store what it gave since it was asked last. */
export async function given(store: string): Promise<{ requests: number; documents: number; bytes: number }> {
  return (await (await fetch(`${store}/given`)).json()) as {
    requests: number;
    documents: number;
    bytes: number;
  };
}
