/** What a request to Chroma would do, read so that `narrow` and `results` need nothing else. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import type { StoreOperation } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";

export const includes = ["distances", "documents", "embeddings", "metadatas", "uris"] as const;
export type Include = (typeof includes)[number];

/** Which documents are meant. */
export interface Chosen {
  readonly ids?: readonly string[];
  /** As it came, strictly read. */
  readonly where?: JsonObject;
  readonly whereDocument?: JsonObject;
}

/** The columns of a write; each is as long as `ids`. */
export interface Records {
  readonly ids: readonly string[];
  readonly embeddings?: Json;
  readonly metadatas?: readonly (JsonObject | null)[];
  readonly documents?: Json;
  readonly uris?: Json;
}

export type Deed =
  | { readonly kind: "pass" }
  | { readonly kind: "identity" }
  | { readonly kind: "tenant" }
  | { readonly kind: "databases" }
  | { readonly kind: "database" }
  | {
      readonly kind: "list";
      /** The store's name, by which ids are made. */
      readonly store: string;
      readonly limit: number;
      readonly offset: number;
      /** Only how many there are. */
      readonly counted: boolean;
    }
  | { readonly kind: "create"; readonly body: JsonObject }
  | { readonly kind: "describe" }
  | { readonly kind: "modify"; readonly body: JsonObject }
  | { readonly kind: "drop" }
  | {
      readonly kind: "query";
      readonly chosen: Chosen;
      readonly embeddings: readonly Json[];
      readonly results: number;
      readonly include: readonly Include[];
    }
  | {
      readonly kind: "get";
      readonly chosen: Chosen;
      readonly limit: number;
      readonly offset: number;
      readonly include: readonly Include[];
    }
  | { readonly kind: "count" }
  | { readonly kind: "delete"; readonly chosen: Chosen; readonly limit?: number }
  | { readonly kind: "write"; readonly verb: "add" | "upsert" | "update"; readonly records: Records };

/** Where in the server the request goes. */
export interface Place {
  readonly tenant: string;
  readonly database: string;
}

export interface ChromaOperation extends StoreOperation {
  readonly place: Place;
  /** Of what is done to one collection, where it is configured. */
  readonly collection?: CollectionConfig;
  readonly deed: Deed;
}
