/** Reads JSON into closed shapes, member by member: what isn't named has no way through. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";

/** What is wrong with a value, by place and never by content. */
export class ShapeRefused extends Error {
  override readonly name = "ShapeRefused";
}

export interface How {
  /** Requests: what isn't known is refused by name. Answers: it is left out. */
  readonly strict: boolean;
  /** Most items of one list. */
  readonly mostItems: number;
}

/** Gives the value rebuilt; undefined where it says nothing. @throws ShapeRefused */
export type Read = (value: Json, at: string, how: How) => Json | undefined;

const fail = (at: string, what: string): never => {
  throw new ShapeRefused(`${at} ${what}`);
};

/** Any text; the empty one says nothing, as in Protocol Buffers. */
export const text: Read = (value, at) =>
  value === "" ? undefined : typeof value === "string" ? value : fail(at, "must be text");

/** A text that may be empty. */
export const anyText: Read = (value, at) => (typeof value === "string" ? value : fail(at, "must be text"));

/** An id: a text of bearable length without controls. */
export const id: Read = (value, at) => {
  if (value === "") return undefined;
  const fits = typeof value === "string" && value.length <= 1_024 && !/[\u0000-\u001f\u007f]/.test(value);
  return fits ? value : fail(at, "must be an id");
};

export const flag: Read = (value, at) =>
  typeof value === "boolean" ? value : fail(at, "must be true or false");

/** A whole number from 0 to 2³¹ - 1. */
export const count: Read = (value, at) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31
    ? value
    : fail(at, "must be a whole number");

/** A free object: Protocol Buffers' Struct. */
export const struct: Read = (value, at) => (isObject(value) ? value : fail(at, "must be an object"));

/** Anything at all. */
export const anything: Read = (value) => value;

/** Base64 of either alphabet. */
export const base64: Read = (value, at) =>
  typeof value === "string" && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value) ? value : fail(at, "must be base64");

/** RFC 3339, as Protocol Buffers write it. */
export const timestamp: Read = (value, at) =>
  typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value)
    ? value
    : fail(at, "must be a timestamp");

export const word =
  (...words: readonly string[]): Read =>
  (value, at) =>
    typeof value === "string" && words.includes(value)
      ? value
      : fail(at, "is not a word that is known there");

export const list =
  (item: Read): Read =>
  (value, at, how) => {
    if (!Array.isArray(value)) return fail(at, "must be a list");
    if (value.length > how.mostItems) fail(at, "has too many items");
    const items = value.map((one, i) => item(one, `${at}[${i}]`, how) ?? fail(`${at}[${i}]`, "is empty"));
    return items;
  };

export interface Shape {
  readonly fields: Readonly<Record<string, Read>>;
  readonly required?: readonly string[];
  /** Exactly one of these must be there. */
  readonly oneOf?: readonly string[];
  /** In these null is a value; elsewhere it says nothing. */
  readonly nullable?: readonly string[];
}

/** An object of a closed shape, which may be recursive. */
export const object =
  (shape: () => Shape): Read =>
  (value, at, how) => {
    if (!isObject(value)) return fail(at, "must be an object");
    const { fields, required = [], oneOf = [], nullable = [] } = shape();
    const out = Object.create(null) as JsonObject;
    for (const [name, member] of Object.entries(value)) {
      const read = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (read === undefined) {
        if (how.strict) fail(place(at, name), "is not known there");
        continue;
      }
      if (member === null && !nullable.includes(name)) continue;
      const got = read(member, place(at, name), how);
      if (got !== undefined) out[name] = got;
    }
    for (const name of required) if (out[name] === undefined) fail(place(at, name), "is required");
    const given = oneOf.filter((name) => out[name] !== undefined);
    if (oneOf.length > 0 && given.length !== 1) fail(at, `must have one of ${oneOf.join(", ")}`);
    return out;
  };

/** INVARIANT: names that a client chose stand in no message unless they are plain. */
const place = (at: string, name: string): string =>
  `${at}.${/^[A-Za-z][A-Za-z0-9_]{0,31}$/.test(name) ? name : "(a name)"}`;
