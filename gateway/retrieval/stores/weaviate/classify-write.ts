import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { StoreAsk, StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import { list, members, longText as text, unread } from "../strict.js";
import { collectionOf, isPropertyName, queryOf } from "./read-target.js";
import { idOf, tenantOf } from "./classify-graphql.js";
import type { WriteOperation } from "./operation.js";
import type { Matched } from "./routes.js";

interface ReadObject {
  readonly object: JsonObject;
  readonly collection: CollectionConfig;
  readonly tenant: string | undefined;
}

/** Reads an object: properties without references, which lead to other collections. */
function readObject(value: Json | undefined, store: StoreConfig): ReadObject {
  const given = members(value, ["class", "id", "properties", "vector", "vectors", "tenant"], "the object");
  const collection = collectionOf(store, given["class"]);
  const properties = given["properties"] ?? {};
  if (!isObject(properties)) return unread("invalid_request", "properties");
  for (const [name, one] of Object.entries(properties)) {
    if (!isPropertyName(name))
      return unread("invalid_request", "a property's name begins with a small letter");
    if (Array.isArray(one) && one.some((each) => isObject(each) && ("beacon" in each || "href" in each)))
      return unread("invalid_request", "references aren't written");
  }
  const tenant = given["tenant"] === undefined ? undefined : text(given["tenant"], "tenant", 64);
  const object: JsonObject = { ...given, properties };
  if (given["id"] !== undefined) object["id"] = idOf(given["id"]);
  return { object, collection, tenant };
}

function asksOf(read: readonly ReadObject[]): Pick<WriteOperation, "asks" | "places"> {
  const groups = new Map<string, { first: ReadObject; objects: JsonObject[] }>();
  const places = read.map((one) => {
    const key = JSON.stringify([one.collection.key, one.tenant ?? null]);
    const group = groups.get(key) ?? { first: one, objects: [] };
    groups.set(key, group);
    return { ask: [...groups.keys()].indexOf(key), at: group.objects.push(one.object) - 1 };
  });
  const asks = [...groups.values()].map(({ first: { collection, tenant }, objects }): StoreAsk => {
    const ids = objects.flatMap(({ id }) => (typeof id === "string" ? [id] : []));
    return {
      ...{ action: "retrieval.write", effect: "write", name: collection.name, collection },
      ...tenantOf(collection, tenant),
      documents: objects.map(({ properties }) => (isObject(properties) ? properties : {})),
      ...(ids.length === 0 ? {} : { ids: [...new Set(ids)] }),
    };
  });
  return { asks, places };
}

/** Reads `POST /v1/objects` and `PUT /v1/objects/{class}/{id}`. */
export function readAdd(
  request: StoreRequest,
  store: StoreConfig,
  { route, values }: Matched,
): WriteOperation {
  const query = queryOf(request, ["consistency_level"]);
  const read = readObject(request.body, store);
  const { object, collection } = read;
  const puts = route.handled === "put-object";
  if (puts) {
    const id = idOf(values.get("id"));
    if (collection !== collectionOf(store, values.get("class"))) return unread("invalid_request", "class");
    if (object["id"] !== undefined && object["id"] !== id) return unread("invalid_request", "id");
    object["id"] = id;
  }
  const path = puts ? `/v1/objects/${collection.name}/${idOf(object["id"])}` : "/v1/objects";
  return {
    ...{ kind: "operation", route: route.name, doing: "write", method: puts ? "PUT" : "POST", path, query },
    ...{ batch: false, objects: [object] },
    ...asksOf([read]),
  };
}

/** Reads `POST /v1/batch/objects`. */
export function readAddMany(request: StoreRequest, store: StoreConfig, { route }: Matched): WriteOperation {
  const query = queryOf(request, ["consistency_level"]);
  const body = members(request.body, ["objects", "fields"], "the body");
  const read = list(body["objects"], "objects").map((one) => readObject(one, store));
  if (read.length === 0) return unread("invalid_request", "objects");
  return {
    ...{
      kind: "operation",
      route: route.name,
      doing: "write",
      method: "POST",
      path: "/v1/batch/objects",
      query,
    },
    ...{ batch: true, objects: read.map(({ object }) => object) },
    ...asksOf(read),
  };
}
