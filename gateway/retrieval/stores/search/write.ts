/** Documents that are written, changed and deleted one by one. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, refuse } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../config.js";
import { readValue } from "../../document.js";
import type { Context, Planned } from "./context.js";
import { isRefusal, withoutItems } from "./context.js";
import { writesOtherwise } from "./dotted.js";
import { isId } from "./get.js";
import { pick, tellShards } from "./hits.js";
import { readWritten } from "./names.js";
import { pathOf, readParameters } from "./parameters.js";
import { whole } from "./numbers.js";
import { settingsOf } from "./settings.js";

const ofWrite = [
  "_index",
  "_type",
  "_id",
  "_version",
  "result",
  "forced_refresh",
  "_seq_no",
  "_primary_term",
  "status",
];

/** What may be told of a document that was written. */
export function writtenOf(value: Json | undefined): JsonObject {
  return isObject(value) ? tellShards(value, pick(value, ofWrite)) : {};
}

/** `_doc` with and without an id, `_create/{id}`. */
export function planWrite({ request, store, path }: Context): Planned | Refusal {
  const parameters = readParameters(request, "write", ["pipeline"]);
  if (isRefusal(parameters)) return parameters;
  const named = readWritten(path["index"] ?? "", store);
  if (isRefusal(named)) return named;
  const { name, collection } = named;
  const pipeline = pipelineOf(request.query.get("pipeline"), collection);
  if (typeof pipeline === "object") return pipeline;
  const document = request.body;
  if (request.form !== "json" || !isObject(document))
    return refuse("invalid_request", "a document is an object");
  const wrong = checkDocument(document, collection);
  if (wrong !== undefined) return wrong;
  const { id } = path;
  if (id !== undefined && !isId(id)) return refuse("invalid_request", "the id");
  const kind = request.segments[1] ?? "_doc";
  return {
    kind: "operation",
    asks: [
      {
        ...{ action: "retrieval.write", effect: "write", name, collection, documents: [document] },
        ...(id === undefined ? {} : { ids: [id] }),
      },
    ],
    plan: {
      narrow([narrowing]) {
        const stored = narrowing?.documents?.[0] ?? document;
        const bad = notUniform(stored, collection);
        if (bad !== undefined) return refuse("document_refused", bad);
        const to = pathOf([name, kind, ...(id === undefined ? [] : [id])], {
          ...parameters,
          ...(pipeline === undefined ? {} : { pipeline }),
        });
        const method = id === undefined ? "POST" : "PUT";
        return { kind: "narrowed", request: { method, path: to, body: stored }, exact: [true] };
      },
      empty: () => refuse("nothing_allowed"),
      results: ({ value }) => withoutItems(writtenOf(value)),
    },
  };
}

export function planDelete({ request, store, path }: Context): Planned | Refusal {
  const parameters = readParameters(request, "write");
  if (isRefusal(parameters)) return parameters;
  const named = readWritten(path["index"] ?? "", store);
  if (isRefusal(named)) return named;
  const { id } = path;
  if (!isId(id) || request.form !== "none") return refuse("invalid_request", "the id");
  const { name, collection } = named;
  return {
    kind: "operation",
    asks: [{ action: "retrieval.delete", effect: "change", name, collection, ids: [id] }],
    plan: {
      narrow: () => ({
        kind: "narrowed",
        request: { method: "DELETE", path: pathOf([name, "_doc", id], parameters) },
        // by its id, which was looked at before
        exact: [true],
      }),
      empty: () => refuse("nothing_allowed"),
      results: ({ value }) => withoutItems(writtenOf(value)),
    },
  };
}

/** `_update/{id}` with a part of a document that nothing depends on: no script, and none that would be made. */
export function planUpdate({ request, store, path }: Context): Planned | Refusal {
  const parameters = readParameters(request, "write", ["retry_on_conflict", "_source"]);
  if (isRefusal(parameters)) return parameters;
  const retries = request.query.get("retry_on_conflict");
  if (retries !== undefined && !/^\d$/.test(retries)) return refuse("filter_refused", "retry_on_conflict");
  if (!["false", undefined].includes(request.query.get("_source")))
    return refuse("filter_refused", "_source");
  const named = readWritten(path["index"] ?? "", store);
  if (isRefusal(named)) return named;
  const { name, collection } = named;
  const { id } = path;
  if (!isId(id)) return refuse("invalid_request", "the id");
  const change = readChange(request.body, collection);
  if (isRefusal(change)) return change;
  return {
    kind: "operation",
    asks: [{ action: "retrieval.update", effect: "change", name, collection, ids: [id] }],
    plan: {
      narrow: () => ({
        kind: "narrowed",
        request: {
          method: "POST",
          path: pathOf([name, "_update", id], {
            ...parameters,
            ...(retries === undefined ? {} : { retry_on_conflict: retries }),
          }),
          body: change,
        },
        exact: [true],
      }),
      empty: () => refuse("nothing_allowed"),
      results: ({ value }) => withoutItems(writtenOf(value)),
    },
  };
}

/** Reads the body of an update. INVARIANT: what policy sees of the document stays as it is. */
export function readChange(
  body: Json | undefined,
  collection: CollectionConfig | undefined,
): JsonObject | Refusal {
  if (!isObject(body)) return refuse("invalid_request", "an update is an object");
  const { doc, detect_noop: noop, ...others } = body;
  if (Object.keys(others).length > 0 || !isObject(doc) || (noop !== undefined && typeof noop !== "boolean"))
    return refuse("filter_refused", "an update brings doc, and no script or upsert");
  const paths = [...(collection?.fields.values() ?? [])].map((field) => field.path.join("."));
  if (touches(doc, [...paths, ...(collection?.hidden ?? [])]))
    return refuse("document_refused", "what policy sees of a document is written with all of it");
  return { doc, ...(noop === undefined ? {} : { detect_noop: noop }) };
}

function touches(doc: JsonObject, paths: readonly string[]): boolean {
  return Object.entries(doc).some(([key, value]) => {
    const inner = paths.flatMap((path) =>
      path === key || key.startsWith(`${path}.`)
        ? [""]
        : path.startsWith(`${key}.`)
          ? [path.slice(key.length + 1)]
          : [],
    );
    if (inner.length === 0) return false;
    return inner.includes("") || !isObject(value) || touches(value, inner);
  });
}

/** Refuses a document whose fields the store would see and nobody else. */
export function checkDocument(
  document: JsonObject,
  collection: CollectionConfig | undefined,
): Refusal | undefined {
  return collection !== undefined && writesOtherwise(document, collection)
    ? refuse("document_refused", "a field is written in another way than it is configured to be")
    : undefined;
}

export function pipelineOf(
  given: Json | undefined,
  collection: CollectionConfig | undefined,
): string | undefined | Refusal {
  if (given === undefined) return undefined;
  return typeof given === "string" && settingsOf(collection).pipelines.includes(given)
    ? given
    : refuse("filter_refused", "the parameter pipeline");
}

/** Names a field that is stated to be uniform and wouldn't be, were this document written. */
export function notUniform(
  document: JsonObject,
  collection: CollectionConfig | undefined,
): string | undefined {
  if (collection === undefined) return undefined;
  const { mapping } = settingsOf(collection);
  for (const { name, path, type, form } of collection.fields.values()) {
    const mapped = mapping[name];
    if (mapped?.uniform !== true) continue;
    let found: Json | undefined = document;
    for (const key of path) {
      if (Array.isArray(found) || found === undefined || found === null) break;
      found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
    }
    if (found === undefined) continue;
    const value = readValue(found, type, form);
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return name;
    const texts = type === "strings" || type === "string" ? [value].flat() : [];
    if (texts.some((one) => typeof one === "string" && one.length > mapped.ignoreAbove)) return name;
    const number = found instanceof JsonNumber ? Number(found.text) : found;
    const limit = whole[mapped.type];
    if (limit !== undefined && typeof number === "number")
      if (!Number.isInteger(number) || number < -limit || number >= limit) return name;
    // "T" and "Z" are capital letters to the store
    if (type === "time" && typeof found === "string" && !/^[^tz ]+$/.test(found)) return name;
  }
  return undefined;
}
