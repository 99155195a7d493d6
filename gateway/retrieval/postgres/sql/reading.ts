/** What is known of a statement that was read. */
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { StoreSettings, Table } from "../settings.js";
import type { Node } from "./nodes.js";

/** A place in a statement that names a table. */
export interface TableUse {
  readonly index: number;
  /** As the store's configuration calls it, or as the statement does where it isn't there. */
  readonly name: string;
  readonly collection: CollectionConfig | undefined;
  readonly table: Table | undefined;
  /** What its columns are called by. */
  readonly alias: string;
  /** Its rows are the statement's: each can be looked at. */
  readonly top: boolean;
}

/** Something that distances are measured from. */
export type Operand = { readonly param: number } | { readonly text: string };

export interface Reading {
  /** With `{Table: {index}}` where a table stood. */
  readonly tree: Node;
  readonly uses: readonly TableUse[];
  /** The highest number of a parameter. */
  readonly params: number;
  readonly operands: readonly Operand[];
  /** Store's paths that are filtered and sorted by. */
  readonly fields: readonly string[];
  readonly vectors: boolean;
  readonly sorts: boolean;
  readonly matches: boolean;
  readonly filters: boolean;
  /** Whether it asks within itself. */
  readonly nested: boolean;
}

export interface ReadParts {
  readonly store: Pick<StoreConfig, "byName">;
  readonly settings: Pick<StoreSettings, "schema" | "vectorSchema">;
  /** The nodes of tables whose rows are the statement's. */
  readonly top: ReadonlySet<Node>;
}
