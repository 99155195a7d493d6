/** A server that is true to the form of Pinecone's data plane and control plane (its OpenAPI documents), with records in memory. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { matches, type Metadata } from "./matches.js";

export type { Metadata } from "./matches.js";

export interface Stored {
  readonly id: string;
  readonly values: number[];
  readonly metadata: Metadata;
}

export interface PineconeServer {
  readonly url: string;
  /** By their namespaces; the default's is `__default__`. */
  readonly namespaces: Map<string, Stored[]>;
  close(): Promise<void>;
}

type Body = Record<string, unknown>;

/** @param namespaces records by the name of their namespace */
export async function startPinecone(namespaces: Record<string, readonly Stored[]>): Promise<PineconeServer> {
  const all = new Map(Object.entries(namespaces).map(([name, records]) => [name, [...records]]));
  const server = createServer((req, res) => {
    void answer(req, res, all);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    namespaces: all,
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

async function answer(req: IncomingMessage, res: ServerResponse, all: Map<string, Stored[]>): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const url = new URL(req.url ?? "/", "http://x");
  const lines = req.headers["content-type"] === "application/x-ndjson";
  try {
    if (req.headers["x-pinecone-api-version"] === undefined)
      throw new Wrong(400, "X-Pinecone-Api-Version is required");
    const body = lines
      ? {
          lines: text
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line) as Body),
        }
      : text === ""
        ? {}
        : (JSON.parse(text) as Body);
    const [status, value] = route(`${req.method} ${url.pathname}`, url.searchParams, body, all);
    res
      .writeHead(status, { "content-type": "application/json" })
      .end(value === undefined ? "" : JSON.stringify(value));
  } catch (error) {
    const status = error instanceof Wrong ? error.status : 500;
    const said = { code: 3, message: error instanceof Error ? error.message : "?", details: [] };
    res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said));
  }
}

const index = (name: string) => ({
  ...{ name, dimension: 2, metric: "dotproduct", host: `${name}-x.svc.pinecone.io`, vector_type: "dense" },
  ...{ deletion_protection: "disabled", spec: { serverless: { cloud: "aws", region: "eu-west-1" } } },
  status: { ready: true, state: "Ready" },
});

function route(
  at: string,
  query: URLSearchParams,
  body: Body,
  all: Map<string, Stored[]>,
): [number, unknown] {
  if (at === "GET /indexes") return [200, { indexes: [index("docs"), index("secret")] }];
  if (at === "GET /indexes/docs" || at === "GET /indexes/secret") return [200, index(at.slice(13))];
  if (at === "DELETE /indexes/docs") return [202, undefined];
  if (at === "PATCH /indexes/docs") return [200, index("docs")];
  const [, named, action] =
    /^(?:POST|GET|DELETE) \/(?:records\/namespaces|namespaces)\/([^/]+)(?:\/(search|upsert))?$/.exec(at) ??
    [];
  // "__default__", or no name at all
  const name =
    (named === undefined ? undefined : decodeURIComponent(named)) ??
    query.get("namespace") ??
    (body["namespace"] as string | undefined) ??
    "";
  const namespace = name === "" ? "__default__" : name;
  const records = all.get(namespace) ?? [];
  const usage = { readUnits: 1 };
  if (action === "search") return [200, search(records, body)];
  if (action === "upsert") {
    for (const { _id, ...fields } of body["lines"] as Body[])
      put(all, namespace, { id: String(_id), values: [0, 0], metadata: fields as Metadata });
    return [201, undefined];
  }
  switch (at.replace(/(?<=\/namespaces\/).*/, "{namespace}")) {
    case "POST /query":
      return [200, { results: [], matches: near(records, body), namespace: name, usage }];
    case "GET /vectors/fetch": {
      const ids = query.getAll("ids");
      const found = records.filter(({ id }) => ids.includes(id));
      return [200, { vectors: byId(found), namespace: name, usage }];
    }
    case "POST /vectors/fetch_by_metadata": {
      // "Fetch records by metadata" needs a filter
      if (body["filter"] === undefined) throw new Wrong(400, "filter is required");
      const found = records.filter(({ metadata }) => matches(body["filter"], metadata));
      const { page, next } = paged(
        found,
        (body["limit"] as number | undefined) ?? 100,
        body["paginationToken"],
      );
      return [200, { vectors: byId(page), namespace: name, usage, ...next }];
    }
    case "GET /vectors/list": {
      const found = records.filter(({ id }) => id.startsWith(query.get("prefix") ?? ""));
      const { page, next } = paged(
        found,
        Number(query.get("limit") ?? 100),
        query.get("paginationToken") ?? undefined,
      );
      return [200, { vectors: page.map(({ id }) => ({ id })), namespace: name, usage, ...next }];
    }
    case "POST /vectors/upsert": {
      const vectors = body["vectors"] as Stored[];
      for (const one of vectors) put(all, namespace, { ...one, metadata: one.metadata ?? {} });
      return [200, { upsertedCount: vectors.length }];
    }
    case "POST /vectors/update": {
      const {
        id,
        filter,
        setMetadata = {},
        values,
        dryRun,
      } = body as {
        id?: string;
        filter?: unknown;
        setMetadata?: Metadata;
        values?: number[];
        dryRun?: boolean;
      };
      const meant = records.filter((one) =>
        id === undefined ? matches(filter, one.metadata) : one.id === id,
      );
      if (dryRun !== true)
        for (const one of meant)
          put(all, namespace, {
            ...one,
            values: values ?? one.values,
            metadata: { ...one.metadata, ...setMetadata },
          });
      return [200, id === undefined ? { matchedRecords: meant.length } : {}];
    }
    case "POST /vectors/delete": {
      const { ids, deleteAll, filter } = body as { ids?: string[]; deleteAll?: boolean; filter?: unknown };
      const gone = (one: Stored): boolean =>
        deleteAll === true ||
        (ids === undefined ? filter !== undefined && matches(filter, one.metadata) : ids.includes(one.id));
      all.set(
        namespace,
        records.filter((one) => !gone(one)),
      );
      return [200, {}];
    }
    case "POST /describe_index_stats": {
      const counts = Object.fromEntries([...all].map(([one, { length }]) => [one, { vectorCount: length }]));
      return [
        200,
        {
          namespaces: counts,
          dimension: 2,
          indexFullness: 0,
          totalVectorCount: records.length,
          metric: "dotproduct",
          vectorType: "dense",
        },
      ];
    }
    case "GET /namespaces/{namespace}":
      return [200, { name: namespace, record_count: records.length, indexed_fields: { fields: ["tenant"] } }];
    case "DELETE /namespaces/{namespace}":
      all.delete(namespace);
      return [200, {}];
    default:
      throw new Wrong(404, "Not found");
  }
}

function put(all: Map<string, Stored[]>, namespace: string, record: Stored): void {
  const records = all.get(namespace) ?? [];
  const at = records.findIndex(({ id }) => id === record.id);
  if (at < 0) records.push(record);
  else records[at] = record;
  all.set(namespace, records);
}

function near(records: readonly Stored[], body: Body): unknown[] {
  const { id, vector, topK, filter, includeMetadata, includeValues } = body;
  const to = id === undefined ? (vector as number[]) : (records.find((one) => one.id === id)?.values ?? []);
  return records
    .filter(({ metadata }) => matches(filter, metadata))
    .map((one) => ({ one, score: dot(one.values, to) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, topK as number)
    .map(({ one, score }) => ({
      ...{ id: one.id, score, values: includeValues === true ? one.values : [] },
      ...(includeMetadata === true ? { metadata: one.metadata } : {}),
    }));
}

/** An index that embeds texts: here, near is what has most letters in common. */
function search(records: readonly Stored[], body: Body): unknown {
  const { query, fields } = body as { query: Body; fields?: string[] };
  const { text = "" } = (query["inputs"] ?? {}) as { text?: string };
  const hits = records
    .filter(({ metadata }) => matches(query["filter"], metadata))
    .map((one) => ({
      one,
      score: [...text].filter((letter) => String(one.metadata["body"]).includes(letter)).length,
    }))
    .sort((a, b) => b.score - a.score)
    .slice(0, query["top_k"] as number)
    .map(({ one, score }) => ({
      ...{ _id: one.id, _score: score },
      fields: Object.fromEntries(
        Object.entries(one.metadata).filter(([name]) => fields === undefined || fields.includes(name)),
      ),
    }));
  return { result: { hits }, usage: { read_units: 5, embed_total_tokens: 2 } };
}

function byId(records: readonly Stored[]): Record<string, Stored> {
  return Object.fromEntries(records.map((one) => [one.id, one]));
}

function paged(records: readonly Stored[], limit: number, token: unknown) {
  const from = typeof token === "string" ? Number(token) : 0;
  const more = records.length > from + limit;
  return {
    page: records.slice(from, from + limit),
    next: more ? { pagination: { next: String(from + limit) } } : {},
  };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, one, i) => sum + one * (b[i] ?? 0), 0);
}
