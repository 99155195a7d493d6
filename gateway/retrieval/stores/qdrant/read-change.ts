import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { StoreAsk } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import { namesOf, parsePath } from "./json-path.js";
import type { Change } from "./operation.js";
import { readId } from "./read-id.js";
import { readOwnFilter } from "./read-query.js";
import { readShard } from "./read-shard.js";
import { readVectors } from "./read-vector.js";
import { Facts, list, members, text, unread } from "../strict.js";

export interface ReadChange {
  readonly change: Omit<Change, "ask" | "brings">;
  readonly asks: readonly StoreAsk[];
}

/** Reads a write, or what changes points that are there. */
export function readChange(
  kind: Change["kind"] | "clear-payload",
  value: Json | undefined,
  name: string,
  collection: CollectionConfig | undefined,
): ReadChange {
  const about = { name, collection };
  switch (kind) {
    case "upsert":
      return readUpsert(value, about);
    case "update-vectors": {
      const body = members(value, ["points", "shard_key", "update_filter"], "the body");
      const facts = new Facts();
      readOwnFilter(body["update_filter"], facts);
      const points = list(body["points"], "points").map((one) => {
        const point = withVector(members(one, ["id", "vector", "vectors"], "a point"));
        readVectors(point["vector"], facts);
        return point;
      });
      const ids = points.map(({ id }) => readId(id));
      return changed("update-vectors", { ...body, points }, { ...about, facts, ids }, "retrieval.update");
    }
    case "delete": {
      const { body, facts, ids } = readChosen(value, []);
      return changed(kind, body, { ...about, facts, ids }, "retrieval.delete");
    }
    case "delete-vectors": {
      const { body, facts, ids } = readChosen(value, ["vector"]);
      for (const one of list(body["vector"], "vector", 256)) text(one, "vector", 256);
      return changed(kind, body, { ...about, facts, ids }, "retrieval.update");
    }
    case "delete-payload": {
      const { body, facts, ids } = readChosen(value, ["keys"]);
      for (const one of list(body["keys"], "keys", 1_024))
        if (isRead(pathOf(one), collection)) return refuseRead();
      return changed(kind, body, { ...about, facts, ids }, "retrieval.update");
    }
    case "clear-payload":
      // what policy goes by would be gone
      if (collection !== undefined && collection.fields.size > 0)
        return unread(
          "document_refused",
          "a payload that policy reads can't be cleared; write the point anew",
        );
      return unread("unknown_operation");
    case "set-payload":
    case "overwrite-payload":
      return readPayload(kind, value, about);
  }
}

interface About {
  readonly name: string;
  readonly collection: CollectionConfig | undefined;
}

/** Update points: a list of points, or a batch by columns. */
function readUpsert(value: Json | undefined, { name, collection }: About): ReadChange {
  const facts = new Facts();
  const known = ["points", "batch", "shard_key", "update_filter", "update_mode"];
  const body = members(value, known, "the body");
  if ((body["points"] === undefined) === (body["batch"] === undefined))
    return unread("invalid_request", "the body has points or batch");
  readOwnFilter(body["update_filter"], facts);
  const mode = body["update_mode"];
  if (mode !== undefined && !["upsert", "insert_only", "update_only"].some((one) => one === mode))
    return unread("invalid_request", "update_mode");
  const namespace = readShard(body["shard_key"], collection);
  const points = body["batch"] === undefined ? list(body["points"], "points") : byPoint(body["batch"]);
  const read = points.map((one) => {
    const point = withVector(members(one, ["id", "vector", "vectors", "payload"], "a point"));
    readVectors(point["vector"], facts);
    const { payload = {} } = point;
    return {
      point,
      id: readId(point["id"]),
      payload: isObject(payload) ? payload : unread("invalid_request", "payload must be an object"),
    };
  });
  const ids = read.map(({ id }) => id);
  // of two under one id the store keeps one: which isn't said
  if (new Set(ids).size < ids.length) return unread("invalid_request", "an id stands twice");
  delete body["batch"];
  return {
    change: { kind: "upsert", body: { ...body, points: read.map(({ point }) => point) }, ids },
    asks: [
      {
        ...{ action: "retrieval.write", effect: "write", name, collection, ids },
        ...(namespace === undefined ? {} : { namespace }),
        documents: read.map(({ payload }) => payload),
      },
    ],
  };
}

/** Turns columns into points, so that there is one form. */
function byPoint(value: Json): JsonObject[] {
  const { ids, vectors, payloads } = members(value, ["ids", "vectors", "payloads"], "batch");
  const all = list(ids, "ids");
  const column = (one: Json | undefined, place: string): readonly Json[] => {
    const found = list(one, place);
    return found.length === all.length ? found : unread("invalid_request", `${place}: as many as ids`);
  };
  const named = isObject(vectors)
    ? Object.keys(vectors).map((name) => [name, column(vectors[name], "vectors")] as const)
    : undefined;
  const single = named === undefined ? column(vectors, "vectors") : [];
  const kept = payloads === undefined ? undefined : column(payloads, "payloads");
  return all.map((id, i) => {
    const vector: JsonObject = Object.create(null) as JsonObject;
    for (const [name, found] of named ?? []) vector[name] = found[i] ?? null;
    return {
      id,
      vector: named === undefined ? (single[i] ?? null) : vector,
      ...(kept?.[i] === undefined || kept[i] === null ? {} : { payload: kept[i] }),
    };
  });
}

/** `vectors` is another name for it. */
function withVector(point: JsonObject): JsonObject {
  const { vectors, ...others } = point;
  if (vectors === undefined) return point;
  return others["vector"] === undefined
    ? { ...others, vector: vectors }
    : unread("invalid_request", "vector stands twice");
}

/** Set payload, Overwrite payload. */
function readPayload(
  kind: "set-payload" | "overwrite-payload",
  value: Json | undefined,
  about: About,
): ReadChange {
  const { collection } = about;
  const { body, facts, ids } = readChosen(value, ["payload", "key"]);
  const { payload, key } = body;
  if (!isObject(payload)) return unread("invalid_request", "payload must be an object");
  if (kind === "set-payload") {
    const names = Object.keys(payload);
    const prefix = key === undefined ? "" : `${pathOf(key)}.`;
    const paths =
      names.length === 0 && key !== undefined ? [pathOf(key)] : names.map((name) => `${prefix}${name}`);
    if (key !== undefined) paths.push(...listsOf(key));
    const { change, asks } = changed(kind, body, { ...about, facts, ids }, "retrieval.update");
    if (!paths.some((path) => isRead(path, collection))) return { change, asks };
    // members of the payload are replaced one by one: the whole is looked at, so each point must be known
    if (key !== undefined || ids === undefined) return refuseRead();
    const merged = asks.map((one) => ({
      ...one,
      ...{ effect: "write" as const, merged: true, documents: ids.map(() => payload) },
    }));
    return { change, asks: merged };
  }
  if (key !== undefined) return unread("invalid_request", "key is for Set payload");
  const { change, asks } = changed(kind, body, { ...about, facts, ids }, "retrieval.update");
  const [first] = asks;
  if (first === undefined) throw new Error("a change without an ask");
  const { query: _query, ids: _ids, ...rest } = first;
  // what is chosen must be the caller's, and what it becomes too
  return { change, asks: [first, { ...rest, effect: "write", documents: [payload] }] };
}

/** Reads what a change is on: ids, or a filter. */
function readChosen(value: Json | undefined, more: readonly string[]) {
  const body = members(value, ["points", "filter", "shard_key", ...more], "the body");
  const facts = new Facts();
  // where both are given, the store takes the ids and forgets the filter
  if ((body["points"] === undefined) === (body["filter"] === undefined))
    return unread("invalid_request", "the body has points or filter");
  readOwnFilter(body["filter"], facts);
  const ids =
    body["points"] === undefined ? undefined : list(body["points"], "points").map((id) => readId(id));
  return { body, facts, ids };
}

function changed(
  kind: Change["kind"],
  body: JsonObject,
  {
    name,
    collection,
    facts,
    ids,
  }: About & { readonly facts: Facts; readonly ids: readonly string[] | undefined },
  action: "retrieval.delete" | "retrieval.update",
): ReadChange {
  const namespace = readShard(body["shard_key"], collection);
  if (ids !== undefined) facts.kind("ids");
  return {
    change: { kind, body, ...(ids === undefined ? {} : { ids }) },
    asks: [
      {
        ...{ action, effect: "change", name, collection },
        ...(namespace === undefined ? {} : { namespace }),
        query: facts.tell(ids?.length ?? 0),
        ...(ids === undefined ? {} : { ids }),
      },
    ],
  };
}

function pathOf(value: Json): string {
  const steps = typeof value === "string" ? parsePath(value) : undefined;
  return steps === undefined ? unread("invalid_request", "a key must be a path, as a.b") : namesOf(steps);
}

/** What a key takes for a list: the store makes it one, whatever it was (lib/segment/src/json_path, value_set). */
function listsOf(key: Json): string[] {
  const steps = (typeof key === "string" ? parsePath(key) : undefined) ?? [];
  return steps.flatMap(({ kind }, i) => (kind === "key" ? [] : [namesOf(steps.slice(0, i))]));
}

/** Tells whether a path leads to, or through, what policy reads or nobody may see. */
function isRead(path: string, collection: CollectionConfig | undefined): boolean {
  if (collection === undefined) return false;
  const read = [
    ...[...collection.fields.values()].map((field) => field.path.join(".")),
    ...collection.hidden,
  ];
  return read.some((one) => one === path || one.startsWith(`${path}.`) || path.startsWith(`${one}.`));
}

function refuseRead(): never {
  return unread("document_refused", "a field that policy reads is changed with the whole point, or by ids");
}
