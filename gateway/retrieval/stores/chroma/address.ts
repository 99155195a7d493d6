/**
 * How collections are addressed. Chroma's routes for documents take a collection's UUID alone: tried with 1.5.9, a UUID
 * is served under any tenant's and any database's path. So no UUID of Chroma's is given to a client or taken from one:
 * clients get an id that stands for the configured name, and the gateway asks the store for the UUID that the name has.
 */
import { createHash } from "node:crypto";
import type { Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { SentRequest, StoreAnswer } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { Place } from "./operation.js";

/** Gives the id that clients know a collection by: a UUID of form 8 (RFC 9562 section 5.8), made of names alone. */
export function clientId({ store, name }: Pick<CollectionConfig, "store" | "name">): string {
  const hash = createHash("sha256")
    .update(JSON.stringify(["chroma", store, name]))
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join("-");
}

const known = new WeakMap<StoreConfig, ReadonlyMap<string, CollectionConfig>>();

/** Finds a collection by the id that clients know it by. */
export function byClientId(store: StoreConfig, id: string): CollectionConfig | undefined {
  let ids = known.get(store);
  if (ids === undefined) {
    ids = new Map([...store.collections.values()].map((one) => [clientId(one), one]));
    known.set(store, ids);
  }
  return ids.get(id.toLowerCase());
}

/** The path of a database's collections. */
export function collectionsPath({ tenant, database }: Place): string {
  return `/api/v2/tenants/${encodeURIComponent(tenant)}/databases/${encodeURIComponent(database)}/collections`;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Makes a request to a collection's own route: the UUID is asked for first, for a name may come to stand for another. */
export function toCollection(
  place: Place,
  { name }: CollectionConfig,
  route: string,
  sent: Omit<SentRequest, "path" | "addressed">,
): SentRequest {
  const path = collectionsPath(place);
  return {
    ...sent,
    path: `${path}/{id}${route}`,
    addressed: {
      by: { method: "GET", path: `${path}/${encodeURIComponent(name)}` },
      path: ({ value }: StoreAnswer): string | Refusal => {
        const id = isObject(value) && value["name"] === name ? value["id"] : undefined;
        if (typeof id !== "string" || !uuid.test(id)) return refuse("upstream_invalid");
        return `${path}/${id.toLowerCase()}${route}`;
      },
    },
  };
}
