/** The stores that are spoken to, by their kind. */
import type { Adapter } from "../adapter.js";
import type { KindSettings, StoreKind } from "../config.js";
import { chroma } from "./chroma/adapter.js";
import { settings as chromaSettings } from "./chroma/settings.js";
import { http } from "./http/adapter.js";
import { settings as httpSettings } from "./http/mapping.js";
import { milvus } from "./milvus/adapter.js";
import { milvusSettings } from "./milvus/settings.js";
import { postgresSettings } from "../postgres/settings.js";
import { pinecone, pineconeSettings } from "./pinecone/adapter.js";
import { qdrant, qdrantSettings } from "./qdrant/adapter.js";
import { elasticsearch, opensearch } from "./search/adapter.js";
import { searchSettings } from "./search/settings.js";
import { weaviate } from "./weaviate/adapter.js";
import { weaviateSettings } from "./weaviate/settings.js";

/** INVARIANT: a kind without an adapter serves nothing. */
export const adapters: Partial<Record<StoreKind, Adapter>> = {
  chroma,
  elasticsearch,
  http,
  milvus,
  opensearch,
  pinecone,
  qdrant,
  weaviate,
};

/** What kinds have beside in the configuration. */
export const kindSettings: Partial<Record<StoreKind, KindSettings>> = {
  chroma: chromaSettings,
  elasticsearch: { ...searchSettings, keyScheme: "ApiKey" },
  http: httpSettings,
  milvus: milvusSettings,
  opensearch: { ...searchSettings, keyScheme: "Basic" },
  postgres: postgresSettings,
  pinecone: pineconeSettings,
  qdrant: qdrantSettings,
  weaviate: weaviateSettings,
};
