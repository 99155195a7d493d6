import type { Json } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../config.js";
import { list, members, text, unread, whole } from "../strict.js";

/**
 * Reads `shard_key` (documentation, Distributed deployment, User-defined sharding).
 * @returns the namespace that it stands for, where the collection is so configured
 */
export function readShard(
  value: Json | undefined,
  collection: CollectionConfig | undefined,
): string | undefined {
  if (value === undefined) return undefined;
  if (collection?.namespaceField !== undefined) {
    // one key, said in one way: a number, several, or one to fall back to would reach others
    if (typeof value !== "string") return unread("invalid_request", "shard_key must be one text");
    return text(value, "shard_key", 256);
  }
  const keys = isObject(value)
    ? Object.values(members(value, ["target", "fallback"], "shard_key"))
    : Array.isArray(value)
      ? list(value, "shard_key", 1_024)
      : [value];
  for (const key of keys) {
    if (typeof key === "string") text(key, "shard_key", 256);
    else whole(key, "shard_key", 0);
  }
  return undefined;
}
