import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import type { QueryFacts, StoreOperation } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type { Handling } from "./routes.js";
import type { Selector } from "./select-payload.js";

/** A request that finds documents, read. */
export interface Search {
  /** As it came, without what is absent. INVARIANT: every member was read. */
  readonly body: JsonObject;
  readonly facts: QueryFacts;
  readonly limit: number;
  readonly offset: number;
  readonly select: Selector;
  /** The points whose vectors are searched by. */
  readonly examples: readonly string[];
  readonly namespace?: string;
  /** Of grouped ones. */
  readonly group?: { readonly path: string; readonly size: number };
  /** The path that it is sorted by. */
  readonly order?: string;
}

/** One write or change, read. */
export interface Change {
  readonly kind:
    | "upsert"
    | "delete"
    | "set-payload"
    | "overwrite-payload"
    | "delete-payload"
    | "update-vectors"
    | "delete-vectors";
  readonly body: JsonObject;
  /** The points that it is on; absent: those of its filter. */
  readonly ids?: readonly string[];
  /** The place of its first ask in the operation's. */
  readonly ask: number;
  /** The place of the ask that brings its payload, where that isn't the first. */
  readonly brings?: number;
}

export interface QdrantOperation extends StoreOperation {
  readonly handling: Handling;
  readonly path: readonly string[];
  /** Parameters of the path's query. */
  readonly query: readonly (readonly [string, string])[];
  readonly collection?: CollectionConfig;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly searches: readonly Search[];
  readonly changes: readonly Change[];
  /** Of what is neither. */
  readonly body?: Json;
}
