import type { ActionName, JsonObject } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import { members, text, unread } from "../strict.js";
import type { About, Read } from "./read-parts.js";
import type { Handling } from "./routes.js";

interface Managed {
  readonly action: ActionName;
  /** Members of the body that the store knows; absent: there is none. */
  readonly body?: readonly string[];
}

/** What is of indexes as a whole. `source_collection` isn't known: it copies records that nobody looked at. */
const table: Partial<Record<Handling, Managed>> = {
  "list-indexes": { action: "collection.list" },
  "describe-index": { action: "collection.describe" },
  "create-index": {
    action: "collection.create",
    body: ["name", "dimension", "metric", "spec", "deletion_protection", "tags", "vector_type"],
  },
  "create-for-model": {
    action: "collection.create",
    body: [...["name", "cloud", "region", "deletion_protection", "tags", "schema", "read_capacity", "embed"]],
  },
  "configure-index": {
    action: "collection.update",
    body: ["spec", "deletion_protection", "tags", "embed"],
  },
  "delete-index": { action: "collection.delete" },
};

/** Reads a request to the control plane. */
export function readIndexes(
  { form, body: given, query, lists }: StoreRequest,
  store: StoreConfig,
  about: About,
): Read {
  const managed = table[about.handling];
  if (managed === undefined) return unread("unknown_operation");
  if (form === "ndjson") return unread("unsupported_media_type");
  if (query.size > 0 || (lists?.get("ids") ?? []).length > 0)
    return unread("invalid_request", "a parameter of the path's query");
  const { action, body: known } = managed;
  const body: JsonObject | undefined = known === undefined ? undefined : members(given, known, "the body");
  if (known === undefined && given !== undefined) members(given, [], "the body");
  const name =
    about.values["index_name"] ?? (action === "collection.create" ? text(body?.["name"], "name", 256) : "");
  // the pod's own specification may name a collection to copy from
  for (const part of Object.values(specOf(body))) {
    if (typeof part === "object" && part !== null && "source_collection" in part)
      return unread("invalid_request", "source_collection copies records that nobody looked at");
  }
  const describes = action === "collection.list" || action === "collection.describe";
  return {
    shows: { metadata: true, values: true },
    ...(body === undefined ? {} : { body }),
    asks: [
      {
        action,
        effect: describes ? "describe" : "manage",
        name,
        collection: name === "" ? undefined : store.byName(name),
      },
    ],
  };
}

function specOf(body: JsonObject | undefined): JsonObject {
  const spec = body?.["spec"];
  return spec === undefined ? {} : members(spec, ["serverless", "pod", "byoc"], "spec");
}
