import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { StoreAsk } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type { Cursors } from "../../cursors.js";
import { unread } from "../strict.js";
import type { PineconeOperation } from "./operation.js";
import type { Handling } from "./routes.js";

/** What of a request is to be read. */
export interface About {
  readonly handling: Handling;
  readonly name: string;
  readonly collection: CollectionConfig | undefined;
  readonly cursors: Cursors;
  readonly values: Readonly<Record<string, string>>;
}

export type Read = Pick<PineconeOperation, "asks" | "shows"> &
  Partial<Pick<PineconeOperation, "body" | "lines" | "query" | "namespace" | "fields" | "prefix">>;

/** The default namespace has no name, or this one (guide "Implement multitenancy", Default namespace). */
const standard = "__default__";

/** Gives the one name of a namespace. */
export function namespaceOf(given: string | undefined): string {
  return given === undefined || given === "" ? standard : given;
}

/**
 * Reads a namespace. INVARIANT: the default's is left out of what is sent: that means the same to each revision of the API.
 * @returns undefined for the default's
 */
export function readNamespace(value: Json | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value.length > 512)
    return unread("invalid_request", "namespace must be a text");
  return namespaceOf(value) === standard ? undefined : value;
}

/** As {@link readNamespace}, of a body, which is left without the default's. */
export function takeNamespace(body: JsonObject): string | undefined {
  const namespace = readNamespace(body["namespace"]);
  if (namespace === undefined) delete body["namespace"];
  return namespace;
}

export function readId(value: Json | undefined): string {
  return typeof value === "string" && value !== "" && value.length <= 512
    ? value
    : unread("invalid_request", "an id must be a text of at most 512 characters");
}

/** Reads a token of a page that was given for this kind of pages. */
export function readToken(
  value: Json | undefined,
  kind: string,
  { collection, cursors }: About,
): string | undefined {
  if (value === undefined || value === "") return undefined;
  const taken =
    typeof value === "string" && collection !== undefined ? cursors.take(value, collection.key) : undefined;
  if (taken === undefined || !taken.startsWith(`${kind}:`)) return unread("unknown_cursor");
  return taken.slice(kind.length + 1);
}

/** Makes an ask of the index's documents. */
export function askOf(
  { name, collection }: About,
  what: Pick<StoreAsk, "action" | "effect">,
  more: Partial<StoreAsk> = {},
): StoreAsk {
  return { ...what, name, collection, ...more };
}

/** Reads metadata: flat, of texts, numbers, truth values and lists of texts (guide "Indexing overview", Metadata). */
export function readMetadata(value: Json | undefined): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) return unread("invalid_request", "metadata must be an object");
  for (const name of Object.keys(value)) {
    const one = value[name] ?? null;
    const fits = Array.isArray(one)
      ? one.every((each) => typeof each === "string")
      : one !== null && !isObject(one);
    if (name === "" || name.startsWith("$") || !fits)
      return unread("invalid_request", "metadata has a name or a value that can't be stored");
  }
  return value;
}

/** Of two under one id the store keeps one: which isn't said. */
export function distinct(ids: readonly string[]): readonly string[] {
  return new Set(ids).size === ids.length ? ids : unread("invalid_request", "an id stands twice");
}

/** Where all of a record is given. */
export const shown = { metadata: true, values: true };
