/** A request to Milvus that is understood. */
import type { JsonObject } from "../../../../sidecar/contract.js";
import type { Narrowed, StoreOperation } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type { Expression } from "./expression/ast.js";

/** What the caller's own filter says; absent where there is none. */
export interface CallerFilter {
  readonly expression?: Expression;
  /** The values of its templates, as they came. */
  readonly params?: JsonObject;
}

/** What the answer's rows may hold, by what the caller asked for. */
export interface Output {
  /** `*`: all columns and keys. */
  readonly all: boolean;
  /** `$meta`: all keys of the dynamic field. */
  readonly meta: boolean;
  readonly names: readonly string[];
}

interface Reading {
  readonly collection: CollectionConfig | undefined;
  readonly database: string;
  readonly output: Output;
  /** The caller takes 64-bit numbers as numbers, not as texts. */
  readonly numbers: boolean;
  /** What is sent beside filter, limits and output fields. */
  readonly rest: JsonObject;
}

export interface SearchOperation extends StoreOperation, Reading {
  readonly doing: "search";
  readonly groupSize: number;
  readonly filter: CallerFilter;
  readonly limit: number;
  readonly offset: number;
}

export interface HybridOperation extends StoreOperation, Reading {
  readonly doing: "hybrid";
  readonly groupSize: number;
  readonly path: string;
  readonly limit: number;
  readonly parts: readonly {
    readonly filter: CallerFilter;
    readonly limit: number;
    readonly rest: JsonObject;
  }[];
}

/** `get` too: it is a query by ids. */
export interface QueryOperation extends StoreOperation, Reading {
  readonly doing: "query";
  readonly filter: CallerFilter;
  readonly limit: number;
  readonly offset: number;
  readonly counts: boolean;
}

export interface WriteOperation extends StoreOperation {
  readonly doing: "write";
  readonly collection: CollectionConfig | undefined;
  readonly path: string;
  readonly body: JsonObject;
  /** As they came, JSON columns read. */
  readonly rows: readonly JsonObject[];
}

export interface DeleteOperation extends StoreOperation {
  readonly doing: "delete";
  readonly collection: CollectionConfig | undefined;
  readonly filter: CallerFilter;
  readonly body: JsonObject;
}

export interface ManageOperation extends StoreOperation {
  readonly doing: "manage";
  readonly path: string;
  readonly body: JsonObject;
  readonly lists: boolean;
  readonly counts: boolean;
}

export type MilvusOperation =
  SearchOperation | HybridOperation | QueryOperation | WriteOperation | DeleteOperation | ManageOperation;

/** What is sent, with what the caller may not see. */
export interface MilvusNarrowed extends Narrowed {
  readonly hidden: readonly string[];
}
