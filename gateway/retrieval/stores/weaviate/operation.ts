/** A request to Weaviate that is understood. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import type { Narrowed, SentRequest, StoreOperation } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type { Where } from "./where.js";

/** What is selected of an object, by name; nested where it has members. */
export interface Tree {
  readonly [name: string]: Tree | true;
}

/** One class of a `Get` or an `Aggregate`. */
export interface ClassQuery {
  readonly collection: CollectionConfig;
  readonly className: string;
  /** The answer's name for it. */
  readonly key: string;
  /** Arguments, as JSON, beside `where`, `limit` and `offset`. */
  readonly rest: JsonObject;
  readonly where: Where | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly selected: Tree;
  /** Of `_additional`. */
  readonly additional: Tree;
  /** A text is searched for in all properties, seen or not. */
  readonly everywhere: boolean;
}

export interface GraphqlOperation extends StoreOperation {
  readonly doing: "get" | "aggregate";
  readonly classes: readonly ClassQuery[];
}

/** Objects by REST: one by its id, or a list. */
export interface ObjectsOperation extends StoreOperation {
  readonly doing: "object" | "objects";
  readonly collection: CollectionConfig;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly limit: number;
  readonly vectors: boolean;
}

export interface WriteOperation extends StoreOperation {
  readonly doing: "write";
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly batch: boolean;
  readonly objects: readonly JsonObject[];
  /** Of each object: its ask, and which document of it. */
  readonly places: readonly { readonly ask: number; readonly at: number }[];
}

export interface DropOperation extends StoreOperation {
  readonly doing: "drop";
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
}

export interface DropManyOperation extends StoreOperation {
  readonly doing: "drop-many";
  readonly collection: CollectionConfig;
  readonly query: readonly (readonly [string, string])[];
  readonly where: Where;
  readonly rest: JsonObject;
  /** As it came; what is told again. */
  readonly match: Json;
}

export interface ManageOperation extends StoreOperation {
  readonly doing: "manage";
  readonly request: SentRequest;
  readonly lists: boolean;
}

export type WeaviateOperation =
  GraphqlOperation | ObjectsOperation | WriteOperation | DropOperation | DropManyOperation | ManageOperation;

export interface WeaviateNarrowed extends Narrowed {
  readonly hidden: readonly string[];
}
