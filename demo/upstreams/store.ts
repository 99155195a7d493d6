/** A document store for the demo: `POST /collections/{name}/query`, ranked by BM25. */
import { collections } from "./documents.js";
import { rank } from "./rank.js";
import { readRecord, sendJson, startUpstream } from "./receive.js";
import type { Upstream } from "./receive.js";

const DEFAULT_TOP_K = 5;
const LARGEST_TOP_K = 100;

/** Starts the store. It filters nothing by caller: what may be seen is decided before it. */
export function startStore({ port }: { readonly port: number }): Promise<Upstream> {
  return startUpstream(port, async (asked, _req, res) => {
    const name = /^\/collections\/([a-z0-9-]+)\/query$/.exec(asked.path)?.[1];
    const documents = name === undefined ? undefined : collections.get(name);
    if (documents === undefined) return sendJson(res, 404, { error: "there is no such collection" });
    if (asked.method !== "POST") return sendJson(res, 405, { error: "queries are sent by POST" });
    const { query, top_k = DEFAULT_TOP_K } = readRecord(asked.body) ?? {};
    if (typeof query !== "string") return sendJson(res, 400, { error: "query must be a string" });
    if (typeof top_k !== "number" || !Number.isInteger(top_k) || top_k < 1 || top_k > LARGEST_TOP_K)
      return sendJson(res, 400, { error: `top_k must be a whole number from 1 to ${LARGEST_TOP_K}` });
    sendJson(res, 200, { documents: rank(documents, query, top_k) });
  });
}
