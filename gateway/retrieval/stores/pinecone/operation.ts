import type { JsonObject } from "../../../../sidecar/contract.js";
import type { StoreOperation } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type { Handling } from "./routes.js";

/** A request to Pinecone, read. */
export interface PineconeOperation extends StoreOperation {
  readonly handling: Handling;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: readonly string[];
  /** Parameters of the path's query. */
  readonly query: readonly (readonly [string, string])[];
  /** As it came, without what is absent. INVARIANT: every member was read. */
  readonly body?: JsonObject;
  /** Of records, one to a line. */
  readonly lines?: readonly JsonObject[];
  readonly collection?: CollectionConfig;
  /** As it came: the default's has two spellings. */
  readonly namespace?: string;
  readonly version: string;
  /** Whether metadata, and vectors, were asked for. */
  readonly shows: { readonly metadata: boolean; readonly values: boolean };
  /** Of records: which fields were asked for. */
  readonly fields?: readonly string[];
  /** Of a list: what its ids begin with. */
  readonly prefix?: string;
}

/** What is found of a page's place in a token of ours: which operation gave it. */
export const pages = { list: "l", metadata: "m" } as const;
