/**
 * OpenAI's stores of vectors in their documented form: files with attributes, searches with filters (OpenAI API reference,
 * "Vector store files", "Search vector store"). What it makes of a missing attribute isn't documented: both ways can be had.
 */
import type { Served } from "./world.js";
import { json, startUpstream } from "./world.js";

export type Attributes = Readonly<Record<string, unknown>>;
interface Filter {
  readonly type: string;
  readonly key?: string;
  readonly value?: unknown;
  readonly filters?: readonly Filter[];
}

export interface VectorStoreServer extends Served {
  /** By ids of files; one store, `vs_1`. */
  readonly files: Map<string, Attributes | null>;
  /** What a search is answered instead, where set. */
  say?: { readonly answer: unknown; readonly status: number };
}

/** @param missing whether `ne` and `nin` hold of a file without the attribute */
export async function startVectorStores({ missing = true } = {}): Promise<VectorStoreServer> {
  const files = new Map<string, Attributes | null>();
  let uploads = 0;
  const upstream = await startUpstream((req, res, text) => {
    const { method = "", url = "" } = req;
    const body = (text === "" || !text.startsWith("{") ? {} : JSON.parse(text)) as Record<string, unknown>;
    const [, id = ""] = /\/files\/([^/]+)$/.exec(url) ?? [];
    const attributes = (body["attributes"] ?? null) as Attributes | null;
    if (url === "/v1/files") return json(res, { id: `file-${++uploads}`, object: "file" });
    if (url === "/v1/vector_stores") return json(res, { id: "vs_1", object: "vector_store" });
    if (url.endsWith("/file_batches")) {
      for (const one of (body["file_ids"] ?? []) as string[]) files.set(one, attributes);
      for (const one of (body["files"] ?? []) as { file_id: string; attributes?: Attributes }[])
        files.set(one.file_id, one.attributes ?? null);
      return json(res, { id: "vsfb_1", object: "vector_store.files_batch", vector_store_id: "vs_1" });
    }
    if (url.endsWith("/search"))
      return json(res, server.say?.answer ?? found(files, body, missing), server.say?.status ?? 200);
    if (id !== "" && method === "GET" && !files.has(id))
      return json(res, { error: { message: "no such file" } }, 404);
    const name = id === "" ? String(body["file_id"]) : id;
    if (method === "POST") files.set(name, attributes);
    json(res, {
      ...{ id: name, object: "vector_store.file", vector_store_id: "vs_1" },
      ...{ status: "completed", attributes: files.get(name) ?? null },
    });
  });
  const server: VectorStoreServer = { ...upstream, files };
  return server;
}

function found(
  files: ReadonlyMap<string, Attributes | null>,
  body: Record<string, unknown>,
  missing: boolean,
) {
  const { query, filters, max_num_results: most = 10 } = body;
  const all = [...files].filter(
    ([, attributes]) => filters === undefined || matches(filters as Filter, attributes ?? {}, missing),
  );
  return {
    ...{ object: "vector_store.search_results.page", search_query: [query] },
    data: all.slice(0, Number(most)).map(([id, attributes], i) => ({
      ...{ file_id: id, filename: `${id}.txt`, score: 1 - i / 100, attributes, secret: "not for clients" },
      content: [{ type: "text", text: `text of ${id}` }],
    })),
    ...{ has_more: all.length > Number(most), next_page: all.length > Number(most) ? "next" : null },
  };
}

export function matches(
  { type, key = "", value, filters = [] }: Filter,
  has: Attributes,
  missing: boolean,
): boolean {
  if (type === "and") return filters.every((one) => matches(one, has, missing));
  if (type === "or") return filters.some((one) => matches(one, has, missing));
  const one = has[key];
  const negative = type === "ne" || type === "nin";
  if (one === undefined) return negative && missing;
  const listed = Array.isArray(value) ? value : [value];
  switch (type) {
    case "eq":
    case "in":
      return listed.includes(one);
    case "ne":
    case "nin":
      return !listed.includes(one);
    default: {
      if (typeof one !== typeof value) return false;
      const [a, b] = [one as number, value as number];
      return type === "lt" ? a < b : type === "lte" ? a <= b : type === "gt" ? a > b : a >= b;
    }
  }
}
