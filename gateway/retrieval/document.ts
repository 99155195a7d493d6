/** What policy sees of a stored document: the configured fields of its metadata, each of its one type. */
import type { Json, JsonObject, Scalar } from "../../sidecar/contract.js";
import { plainNumber } from "../../sidecar/contract.js";
import { at } from "./path.js";

export const fieldTypes = ["string", "number", "boolean", "time", "strings"] as const;
/** `time`: seconds since the epoch for policy; `strings`: a list of texts. */
export type FieldType = (typeof fieldTypes)[number];

export const timeForms = ["rfc3339", "epoch_s", "epoch_ms"] as const;
export type TimeForm = (typeof timeForms)[number];

export interface FieldConfig {
  /** The name that policy uses. */
  readonly name: string;
  /** Where the store keeps it, member by member. */
  readonly path: readonly string[];
  readonly type: FieldType;
  /** How the store writes a time. */
  readonly form?: TimeForm;
}

export type Value = Scalar | readonly string[];

/** By the names that policy uses; what is missing, null or of another type isn't there. No prototype. */
export type Document = Readonly<Record<string, Value | undefined>>;

/**
 * Reads the configured fields out of a document's metadata.
 * @param constants what holds of all documents of the collection; it stands above what a document says of itself
 */
export function readDocument(
  metadata: JsonObject,
  fields: Iterable<FieldConfig>,
  constants: Readonly<Record<string, Value>> = {},
): Document {
  const document = Object.create(null) as Record<string, Value | undefined>;
  for (const { name, path, type, form } of fields) {
    const value = readValue(at(metadata, path), type, form);
    if (value !== undefined) document[name] = value;
  }
  return Object.assign(document, constants);
}

/** Gives a stored value as policy sees it; undefined where it isn't of the field's type. */
export function readValue(
  value: Json | undefined,
  type: FieldType,
  form: TimeForm = "rfc3339",
): Value | undefined {
  switch (type) {
    case "string":
      return typeof value === "string" ? value : undefined;
    case "number":
      return plainNumber(value);
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "strings":
      return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
    case "time":
      return readTime(value, form);
  }
}

/** RFC 3339 section 5.6: with a zone, always. */
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

function readTime(value: Json | undefined, form: TimeForm): number | undefined {
  if (form === "rfc3339") {
    if (typeof value !== "string" || !rfc3339.test(value)) return undefined;
    const at = Date.parse(value.replace(" ", "T"));
    return Number.isNaN(at) ? undefined : at / 1_000;
  }
  const number = plainNumber(value);
  return number === undefined || form === "epoch_s" ? number : number / 1_000;
}
