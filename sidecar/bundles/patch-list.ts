import type { Json } from "../contract.js";
import { isObject } from "../contract.js";
import type { Operation } from "./change-json.js";

/** More operations in one list are refused: each may move a whole array. */
const mostOperations = 10_000;
/** Longest path in segments. */
const mostSegments = 128;

/**
 * Splits the path of a data URL as OPA's storage does: slashes at both ends don't count, empty segments between do.
 * Undefined where an escape is wrong or the path is longer than any document is deep.
 */
export function parseDataPath(path: string): string[] | undefined {
  const trimmed = path.replace(/^\/+|\/+$/g, "");
  if (trimmed === "") return [];
  try {
    const segments = trimmed.split("/").map(decodeURIComponent);
    return segments.length > mostSegments ? undefined : segments;
  } catch {
    return undefined;
  }
}

/**
 * Reads a JSON Patch (RFC 6902) of `add`, `remove` and `replace`, whose paths continue the one of the URL; gives OPA's
 * message where it is none. Stricter than OPA: what adds or replaces needs its `value`.
 */
export function parsePatchList(body: Json, base: string): Operation[] | string {
  if (!Array.isArray(body)) return "the body must be an array of JSON Patch operations";
  if (body.length > mostOperations) return `more than ${mostOperations} operations in one list`;
  const operations: Operation[] = [];
  for (const item of body) {
    if (!isObject(item)) return "each JSON Patch operation must be an object";
    const { op, path, value } = item;
    if (typeof op !== "string" || typeof path !== "string") return "an operation needs op and path";
    if (op !== "add" && op !== "remove" && op !== "replace") return `bad patch operation: ${op}`;
    const segments = parseDataPath(`${base.replace(/^\/+|\/+$/g, "")}/${path.replace(/^\/+|\/+$/g, "")}`);
    if (segments === undefined) return `bad patch path: ${path}`;
    const place = segments.map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (op === "remove") operations.push({ op, path: place });
    else if (value === undefined) return `the operation ${op} needs a value`;
    else operations.push({ op, path: place, value });
  }
  return operations;
}
