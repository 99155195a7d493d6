/** Scroll ids and points in time: what a client gets says which indices it is of, and the rest is sealed to who got it. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../../../sidecar/contract.js";
import type { Cursors } from "../../cursors.js";

export interface Place {
  readonly kind: "scroll" | "pit";
  /** The store's own id. */
  readonly id: string;
  /** As the request named them. */
  readonly names: string;
  /** What is kept of the search that it began with. */
  readonly more: JsonObject;
}

export function sealPlace(place: Place, cursors: Cursors): string {
  const { kind, id, names, more } = place;
  const sealed = cursors.give(stringifyJson({ kind, id, more }), names);
  return `${Buffer.from(names).toString("base64url")}.${sealed}`;
}

/** Undefined where it wasn't given to somebody like this, or for another use. */
export function openPlace(given: Json | undefined, kind: Place["kind"], cursors: Cursors): Place | undefined {
  if (typeof given !== "string" || given.length > 16_384) return undefined;
  const [prefix = "", sealed = "", ...others] = given.split(".");
  if (others.length > 0) return undefined;
  const names = Buffer.from(prefix, "base64url").toString();
  const text = cursors.take(sealed, names);
  if (text === undefined) return undefined;
  const value = parseJson(text);
  if (!isObject(value) || value["kind"] !== kind) return undefined;
  const { id, more } = value;
  return typeof id === "string" && isObject(more) ? { kind, id, names, more } : undefined;
}
