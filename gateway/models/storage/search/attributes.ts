/** What files in a store are described by when they are put there. Source: OpenAI API reference, "Create vector store file". */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { StoreAction } from "../store-operations.js";
import { isValue } from "./filters.js";

/** Pairs of a file, and characters of a key. */
const limits = { pairs: 16, key: 64 } as const;

/**
 * Gives the attributes of the files that a request puts into a store, or changes; of several with the same, once.
 * Undefined where it does neither.
 */
export function attributesIn(
  what: StoreAction,
  body: JsonObject,
): readonly JsonObject[] | undefined | Refusal {
  const { attributes, files, file_ids: ids } = body;
  switch (what) {
    case "attach":
    case "alterFile":
      return readAll([attributes]);
    case "attachAll":
      if (!Array.isArray(files)) return Array.isArray(ids) ? readAll([attributes]) : undefined;
      // what stands beside would be passed over
      if (Array.isArray(ids) || isObject(attributes))
        return refuse("invalid_request", "files stand alone, each with its own attributes");
      return readAll(files.map((one) => (isObject(one) ? one["attributes"] : null)));
    case "create":
      return Array.isArray(ids) && ids.length > 0 ? [{}] : undefined;
    default:
      return undefined;
  }
}

function readAll(all: readonly (Json | undefined)[]): readonly JsonObject[] | Refusal {
  const read = all.map(readOne);
  const known = read.filter((one) => one !== undefined);
  return known.length < read.length ? refuse("invalid_request", "attributes") : known;
}

export function readOne(value: Json | undefined): JsonObject | undefined {
  if (value === undefined || value === null) return {};
  return isObject(value) && fits(value) ? value : undefined;
}

function fits(attributes: JsonObject): boolean {
  const pairs = Object.entries(attributes);
  return (
    pairs.length <= limits.pairs && pairs.every(([key, one]) => key.length <= limits.key && isValue(one))
  );
}

/** Puts stamped attributes where the request has them; a refusal where they find no place. */
export function withAttributes(
  what: StoreAction,
  body: JsonObject,
  stamped: readonly JsonObject[],
): JsonObject | Refusal {
  if (!stamped.every(fits)) return refuse("document_refused", "too many attributes");
  const [first = {}] = stamped;
  const { files } = body;
  if (what === "create")
    return Object.keys(first).length === 0
      ? body
      : refuse("document_refused", "file_ids: put files into the store once it is made");
  if (what === "attachAll" && Array.isArray(files)) {
    const placed = files.map((file, i): Json =>
      isObject(file) ? { ...file, ...placeOf(file, stamped[i] ?? {}) } : file,
    );
    return { ...body, files: placed };
  }
  return { ...body, ...placeOf(body, first) };
}

/** None are written where none were given and none are needed. */
function placeOf(given: JsonObject, attributes: JsonObject): JsonObject {
  return isObject(given["attributes"]) || Object.keys(attributes).length > 0 ? { attributes } : {};
}
