/** Reads the bodies of Chroma's routes for documents: fields that aren't known are refused by name. */
import { createHash } from "node:crypto";
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, refuse, stringifyJson } from "../../../../sidecar/contract.js";
import type { QueryFacts } from "../../adapter.js";
import type { Chosen, Include, Records } from "./operation.js";
import { includes } from "./operation.js";
import { readFilters } from "./where.js";

/** Reads a body that may hold these fields; `null` is as good as absent to the server. */
export function readBody(body: Json | undefined, known: readonly string[]): JsonObject | Refusal {
  if (!isObject(body)) return refuse("invalid_request", "the body must be an object");
  const other = Object.keys(body).find((key) => !known.includes(key));
  if (other !== undefined) return refuse("invalid_request", `unknown field ${name(other)}`);
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(body)) if (value !== null) out[key] = value;
  return out;
}

/** A field's name as it may stand in a message. */
function name(key: string): string {
  return /^[A-Za-z0-9_]{1,64}$/.test(key) ? key : "(unprintable)";
}

export function isRefusal(value: object | undefined): value is Refusal {
  return value !== undefined && "kind" in value && value.kind === "refusal";
}

/** Reads a whole number that isn't negative. */
export function readNumber(value: Json | undefined, otherwise: number): number | undefined {
  if (value === undefined) return otherwise;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export interface ReadChosen {
  readonly kind: "chosen";
  readonly chosen: Chosen;
  readonly fields: readonly string[];
}

/** Reads `ids`, `where` and `where_document`. */
export function readChosen(body: JsonObject): ReadChosen | Refusal {
  const ids = body["ids"] === undefined ? undefined : readIds(body["ids"]);
  // to some of the server's routes none means all
  if (ids === null || ids?.length === 0) return refuse("invalid_request", "ids");
  const filters = readFilters(body["where"], body["where_document"]);
  if (filters.kind === "refusal") return filters;
  const { where, whereDocument, fields } = filters;
  return {
    kind: "chosen",
    fields,
    chosen: {
      ...(ids === undefined ? {} : { ids }),
      ...(where === undefined ? {} : { where }),
      ...(whereDocument === undefined ? {} : { whereDocument }),
    },
  };
}

/** Null where they are none. */
function readIds(value: Json | undefined): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  const ids = value.filter((one) => typeof one === "string" && one !== "" && one.length <= 1_024);
  return ids.length === value.length ? (ids as string[]) : null;
}

/** Reads which columns the answer shall have; undefined where one isn't known. */
export function readInclude(
  value: Json | undefined,
  otherwise: readonly Include[],
): readonly Include[] | undefined {
  if (value === undefined) return otherwise;
  if (!Array.isArray(value)) return undefined;
  const out = value.map((one) => includes.find((known) => known === one));
  return out.every((one) => one !== undefined) ? [...new Set(out)] : undefined;
}

export interface Vectors {
  readonly values: readonly Json[];
  readonly facts: readonly Pick<QueryFacts, "dimensions" | "bytes" | "sha256">[];
}

/** Reads vectors: lists of numbers, or the same in base64 (`supports_base64_encoding`; writes only). */
export function readVectors(
  value: Json | undefined,
  allowed: { readonly encoded: boolean; readonly absent: boolean },
): Vectors | undefined {
  if (!Array.isArray(value)) return undefined;
  const facts: Pick<QueryFacts, "dimensions" | "bytes" | "sha256">[] = [];
  for (const one of value) {
    const dimensions = one === null && allowed.absent ? 0 : dimensionsOf(one, allowed.encoded);
    if (dimensions === undefined) return undefined;
    const text = stringifyJson(one);
    const sha256 = createHash("sha256").update(text).digest("hex");
    facts.push({ dimensions, bytes: Buffer.byteLength(text), sha256 });
  }
  return { values: value, facts };
}

function dimensionsOf(value: Json, encoded: boolean): number | undefined {
  if (typeof value === "string") {
    if (!encoded || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return undefined;
    return Math.floor(Buffer.byteLength(value, "base64") / 4);
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.every((one) => typeof one === "number" || one instanceof JsonNumber)
    ? value.length
    : undefined;
}

/** Reads what is written, column by column: all as long as `ids`, which are each another's. */
export function readRecords(
  body: JsonObject,
  verb: "add" | "upsert" | "update",
): (Records & { readonly kind: "records" }) | Refusal {
  const ids = readIds(body["ids"]);
  if (ids === null || ids.length === 0) return refuse("invalid_request", "ids");
  if (new Set(ids).size < ids.length) return refuse("invalid_request", "ids: one stands twice");
  const { embeddings, metadatas, documents, uris } = body;
  const update = verb === "update";
  if (
    embeddings === undefined
      ? !update
      : !fits(readVectors(embeddings, { encoded: true, absent: update })?.values)
  )
    return refuse("invalid_request", "embeddings");
  if (documents !== undefined && !fits(texts(documents))) return refuse("invalid_request", "documents");
  if (uris !== undefined && !fits(texts(uris))) return refuse("invalid_request", "uris");
  const read = metadatas === undefined ? undefined : readMetadatas(metadatas);
  if (metadatas !== undefined && !fits(read)) return refuse("invalid_request", "metadatas");
  return {
    kind: "records",
    ids,
    ...(embeddings === undefined ? {} : { embeddings }),
    ...(read === undefined ? {} : { metadatas: read }),
    ...(documents === undefined ? {} : { documents }),
    ...(uris === undefined ? {} : { uris }),
  };

  function fits(column: readonly unknown[] | undefined): boolean {
    return column !== undefined && column.length === ids?.length;
  }
}

function texts(value: Json): readonly Json[] | undefined {
  return Array.isArray(value) && value.every((one) => one === null || typeof one === "string")
    ? value
    : undefined;
}

function readMetadatas(value: Json): readonly (JsonObject | null)[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const out = value.filter((one): one is JsonObject | null => one === null || isMetadata(one));
  return out.length === value.length ? out : undefined;
}

/** Scalars, lists of scalars, sparse vectors, and null, which takes a key away; the server refuses other shapes itself. */
function isMetadata(value: Json): value is JsonObject {
  return isObject(value) && Object.keys(value).every((key) => key !== "" && !/^(?:#|\$|chroma:)/.test(key));
}
