/** Where the cases run: a real gateway, a real sidecar, and a store that gives every document, whatever it is asked. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDemoIssuer } from "../../demo/issuer.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { startSidecar } from "../../sidecar/main.js";
import type { Served } from "../gateway/world.js";
import { json, startUpstream } from "../gateway/world.js";
import { bundleCache, root } from "../world.js";
import { answerOf } from "./answers.js";
import type { Attack } from "./attack.js";

/** The gateway's own, for the store. */
export const credential = "store-key-of-the-gateway-41aa";
/** In a header of every request of a client's. */
export const canary = "canary-51c7";

export interface Lab {
  readonly url: string;
  readonly upstream: Served;
  /** Whose documents some are, and somebody of another tenant. */
  token(who: "caller" | "stranger"): Promise<string>;
  close(): Promise<void>;
}

const fields = {
  tenant: "tenant",
  class: "class",
  salary: { path: "salary", type: "number" },
};
const limits = { top_k: 50, offset: 100, dimensions: 8, written: 4, fetched: 200 };

/** Starts all; `answers` of the attack that is tried stand before the usual ones. */
export async function startLab(): Promise<Lab> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-bypass-retrieval-"));
  const socket = join(directory, "pdp.sock");
  const issuer = await createDemoIssuer({ now: Date.now });
  const upstream = await startUpstream((req, res) => {
    json(res, answerOf(req.url ?? ""));
  });
  const sidecar = await startSidecar({
    bundles: [join(root, "test/bypass-retrieval/policy")],
    addresses: [`unix://${socket}`],
    diagnosticAddresses: [],
    config: {
      decision_logs: { file: join(directory, "decisions.jsonl") },
      identity: { issuers: [issuer.issuerConfig() as unknown as Json] },
    },
    sets: [],
    watch: false,
    cacheDir: bundleCache,
    log: { level: "error", format: "json" },
    version: "test",
  });
  const store = (kind: string, collections: object, more: object = {}): object => ({
    ...{ kind, url: `${upstream.url}/${kind}`, region: "eu", environment: "prod", collections },
    ...{ api_key: { value: credential }, ...more },
  });
  const one = (name: string, more: object = {}): object => ({
    name,
    fields,
    limits,
    hidden: ["pin"],
    ...more,
  });
  const gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket, deadline_ms: 20_000 },
      stores: {
        qdrant: store("qdrant", {
          "qdrant-docs": one("docs"),
          "qdrant-notes": one("notes"),
          "qdrant-shut": one("shut"),
        }),
        chroma: store("chroma", { "chroma-docs": one("docs"), "chroma-shut": one("shut") }),
        elasticsearch: store("elasticsearch", {
          "search-docs": one("docs", {
            mapping: {
              tenant: { type: "keyword", uniform: true },
              class: { type: "keyword", uniform: true },
            },
            vector: "embedding",
          }),
          "search-notes": one("notes", { mapping: { tenant: "keyword", class: "keyword" } }),
          "search-shut": one("shut"),
        }),
        pinecone: store("pinecone", { "pinecone-docs": one("docs", { text: "note" }) }),
        weaviate: store("weaviate", {
          "weaviate-docs": one("Docs", {
            schema: {
              ...{ tenant: "keyword", class: "keyword" },
              ...{ salary: "int", note: "text", pin: "text", name: "text" },
            },
          }),
          "weaviate-shut": one("Shut", { schema: { note: "text" } }),
        }),
        http: store("http", { "http-docs": one("docs") }),
        milvus: store("milvus", {
          "milvus-docs": one("docs", {
            schema: {
              id: "varchar",
              vector: "float_vector",
              tenant: "varchar",
              class: "varchar",
              salary: "int64",
              note: "varchar",
              pin: "varchar",
            },
          }),
        }),
      },
    } as unknown as Json,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  return {
    ...{ url: gateway.address, upstream },
    token: (who) => issuer.token(who === "caller" ? "senior" : "contractor"),
    async close() {
      await gateway.close();
      await Promise.all([sidecar.close(), upstream.close()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Tells whether a request asks Chroma for the id of a collection: that is known for some seconds. */
export function isAddress(method: string | undefined, path: string | undefined): boolean {
  return method === "GET" && /^\/chroma\/.*\/collections\/docs$/.test(path ?? "");
}

/** Puts an attack's answers before the usual ones. */
export function answerBy(upstream: Served, { answers = [] }: Attack): void {
  const left = [...answers];
  upstream.answer = (req, res) => {
    const own = left.length > 0 && !isAddress(req.method, req.url);
    json(res, own ? left.shift() : answerOf(req.url ?? ""));
  };
}
