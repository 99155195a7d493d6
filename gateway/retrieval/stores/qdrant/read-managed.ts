import type { ActionName, Json } from "../../../../sidecar/contract.js";
import type { StoreAsk } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type { Handling } from "./routes.js";
import { members, text, unread } from "../strict.js";

interface Managed {
  readonly action: ActionName;
  /** Members of the body that the store knows; absent: there is none. */
  readonly body?: readonly string[];
}

/** What is of collections as a whole. `init_from` isn't known: it copies another collection. */
const table: Partial<Record<Handling, Managed>> = {
  none: { action: "store.describe" },
  collections: { action: "collection.list" },
  aliases: { action: "collection.list" },
  describe: { action: "collection.describe" },
  create: {
    action: "collection.create",
    body: [
      ...["vectors", "sparse_vectors", "shard_number", "sharding_method", "replication_factor", "metadata"],
      ...["write_consistency_factor", "on_disk_payload", "payload", "hnsw_config", "wal_config"],
      ...["optimizers_config", "quantization_config", "strict_mode_config"],
    ],
  },
  update: {
    action: "collection.update",
    body: [
      ...["vectors", "sparse_vectors", "optimizers_config", "params", "hnsw_config", "quantization_config"],
      ...["strict_mode_config", "metadata"],
    ],
  },
  drop: { action: "collection.delete" },
  index: { action: "collection.update", body: ["field_name", "field_schema"] },
  "drop-index": { action: "collection.update" },
  vector: { action: "collection.update", body: ["dense", "sparse"] },
  "drop-vector": { action: "collection.update" },
  snapshots: { action: "collection.snapshot" },
  snapshot: { action: "collection.snapshot" },
  "drop-snapshot": { action: "collection.snapshot" },
};

/** Reads a request that is about a collection or the store, not about documents. */
export function readManaged(
  handling: Handling,
  given: Json | undefined,
  { name, collection }: { readonly name: string; readonly collection: CollectionConfig | undefined },
): { readonly asks: readonly StoreAsk[]; readonly body?: Json } {
  const managed = table[handling];
  if (managed === undefined) return unread("unknown_operation");
  const { action, body: known } = managed;
  const describes = action.endsWith(".describe") || action === "collection.list";
  const asks: StoreAsk[] = [{ action, effect: describes ? "describe" : "manage", name, collection }];
  if (known === undefined) {
    // an empty body says nothing
    if (given !== undefined && given !== null) members(given, [], "the body");
    return { asks };
  }
  const body = members(given ?? {}, known, "the body");
  if (handling === "index") text(body["field_name"], "field_name", 1_024);
  return { asks, body };
}
