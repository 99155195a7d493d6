/** What stores say, in their own forms: every document, whatever they are asked. */
import { documents } from "./attack.js";

const all = Object.entries(documents);
const uuid = "11111111-2222-4333-8444-555555555555";

/** The answer to a request at a path, which begins with the kind of the store. */
export function answerOf(target: string): unknown {
  const [, kind = "", path = ""] = /^\/([a-z]+)(\/[^?]*)?/.exec(target) ?? [];
  return Object.hasOwn(by, kind) ? by[kind]?.(path) : {};
}

const by: Readonly<Record<string, (path: string) => unknown>> = {
  qdrant(path) {
    const points = all.map(([id, payload], i) => ({
      ...{ id: i + 1, version: 1, score: 1 - i / 100 },
      payload: { ...payload, name: id, pin: "pin-0000" },
    }));
    const say = (result: unknown) => ({ result, status: "ok", time: 0.001, usage: null });
    if (path.endsWith("/query")) return say({ points });
    if (path.endsWith("/batch")) return say([{ points }, { points }]);
    if (path.endsWith("/scroll")) return say({ points, next_page_offset: 12 });
    if (path.endsWith("/count")) return say({ count: all.length });
    if (path === "/collections")
      return say({ collections: ["docs", "notes", "shut", "other"].map((name) => ({ name })) });
    return say(points);
  },
  chroma(path) {
    if (/\/collections\/[a-z]+$/.test(path)) return { id: uuid, name: "docs", metadata: null };
    const metadatas = all.map(([id, metadata]) => ({ ...metadata, name: id, pin: "pin-0000" }));
    const ids = all.map(([id]) => id);
    const texts = all.map(([id]) => `text of ${id}`);
    if (path.endsWith("/query")) {
      const distances = [all.map((_, i) => i / 100)];
      return {
        ids: [ids],
        metadatas: [metadatas],
        documents: [texts],
        distances,
        embeddings: null,
        uris: null,
        include: [],
      };
    }
    if (path.endsWith("/count")) return all.length;
    return { ids, metadatas, documents: texts, embeddings: null, uris: null, include: [] };
  },
  elasticsearch(path) {
    const hits = all.map(([id, source], i) => ({
      ...{ _index: "docs", _id: id, _score: 1 - i / 100 },
      _source: { ...source, name: id, pin: "pin-0000", embedding: [1, 0] },
    }));
    const total = { value: hits.length, relation: "eq" };
    const answer = {
      took: 1,
      timed_out: false,
      _shards: { total: 1, successful: 1, skipped: 0, failed: 0 },
      hits: { total, max_score: 1, hits },
    };
    if (path.endsWith("/_msearch"))
      return { took: 1, responses: [answer, answer].map((one) => ({ ...one, status: 200 })) };
    if (path.endsWith("/_count")) return { count: all.length, _shards: answer._shards };
    if (path.endsWith("/_mget")) return { docs: hits.map((hit) => ({ ...hit, found: true })) };
    return answer;
  },
  pinecone(path) {
    const matches = all.map(([id, metadata], i) => ({
      ...{ id, score: 1 - i / 100, values: [] },
      metadata: { ...metadata, pin: "pin-0000" },
    }));
    const namespace = "";
    if (path.endsWith("/query")) return { matches, namespace, usage: { readUnits: 1 } };
    const vectors = Object.fromEntries(matches.map((one) => [one.id, { ...one, score: undefined }]));
    if (path.endsWith("/fetch")) return { vectors, namespace, usage: { readUnits: 1 } };
    if (path.endsWith("/list"))
      return { vectors: matches.map(({ id }) => ({ id })), namespace, usage: { readUnits: 1 } };
    return {};
  },
  weaviate() {
    const Docs = all.map(([id, properties], i) => ({
      ...{ ...properties, name: id, pin: "pin-0000" },
      _additional: { id: `00000000-0000-4000-8000-00000000000${i.toString(16)}`, distance: i / 100 },
    }));
    return { data: { Get: { Docs } } };
  },
  http() {
    const found = all.map(([id, document]) => ({ id, text: document["note"], ...document, pin: "pin-0000" }));
    return { documents: found };
  },
  milvus() {
    const data = all.map(([id, row], i) => ({ id, distance: 1 - i / 100, ...row, pin: "pin-0000" }));
    return { code: 0, cost: 0, data, topks: [data.length] };
  },
};
