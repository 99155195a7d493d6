/** Words questions on documents as the gateway does, without a gateway. */
import type { StoreAsk } from "../../gateway/retrieval/adapter.js";
import type { CollectionConfig, StoreConfig } from "../../gateway/retrieval/config.js";
import { readDocument } from "../../gateway/retrieval/document.js";
import { describeResults } from "../../gateway/retrieval/serve/describe.js";
import type { DecisionRequest, JsonObject } from "../../sidecar/contract.js";
import { configure } from "./configure.js";
import type { Shelf } from "./documents.js";

/** What is asked about, and for whom. */
export interface Aim {
  readonly store: StoreConfig;
  readonly collection: CollectionConfig;
  readonly token: string;
}

export function aimAt(of: Shelf, token: string): Aim {
  return { ...configure("qdrant", of), token };
}

/** Asks about what came back: one decision for each batch of metadata. */
export function askAboutDocuments(
  { store, collection, token }: Aim,
  batches: readonly (readonly JsonObject[])[],
  obligations: readonly string[],
  queries = 1,
): DecisionRequest {
  const { name, fields, constants } = collection;
  const calls = batches.map((documents) => {
    const query = { kinds: ["vector"], top_k: documents.length, dimensions: 384 } as const;
    const ask: StoreAsk = { action: "retrieval.query", effect: "find", name, collection, query };
    return describeResults(
      ...([store, "points.query", ask] as const),
      documents.map((one) => readDocument(one, fields.values(), constants)),
      { queries, narrow: 0, window_s: 600 },
    );
  });
  return { calls, ...about(token, name), obligations };
}

/** Who asks, and how. */
export function about(token: string, name: string): Pick<DecisionRequest, "credentials" | "context"> {
  return {
    credentials: { bearer: token },
    context: {
      request: { id: "bench", method: "POST", path: `/stores/bench/collections/${name}/points/query` },
      source: { ip: "127.0.0.1" },
      environment: "demo",
    },
  };
}
