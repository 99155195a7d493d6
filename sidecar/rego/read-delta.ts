import type { Json } from "../contract.js";
import { isObject } from "../contract.js";
import type { Entries } from "./archive.js";
import type { Manifest, Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { digestOfParts } from "./digest.js";
import { permits, readManifest } from "./manifest.js";
import { readJson } from "./read-json.js";

/** One change of the data. `upsert` makes the objects on the way to its place, `add` doesn't; both set what is there. */
export type DeltaOperation =
  | {
      readonly op: "add" | "replace" | "upsert";
      readonly path: readonly string[];
      readonly value: Json;
    }
  | { readonly op: "remove"; readonly path: readonly string[] };

/** A delta bundle: changes of the data of another bundle. */
export interface Delta {
  readonly kind: "delta";
  /** Its own. */
  readonly manifest: Manifest;
  /** `metadata.base`: revision or digest of the bundle that it is about. */
  readonly base: string;
  readonly operations: readonly DeltaOperation[];
  /** SHA-256 (hex) over its files, signatures left out. */
  readonly digest: string;
}

const patchFile = "patch.json";
const known: readonly string[] = [patchFile, ".manifest", ".signatures.json"];
/** More operations in one delta are refused: each may move a whole array. */
const mostOperations = 10_000;
/** Longest path in segments. */
const mostSegments = 128;

/** Tells a delta bundle by its file. OPA takes one whose list is empty for a bundle without data, and erases all. */
export function isDelta(entries: Entries): boolean {
  return [...entries.keys()].some((place) => place === patchFile || place.endsWith(`/${patchFile}`));
}

/**
 * Reads a delta bundle: `/patch.json` with `{"data": [{"op", "path", "value"}]}`, and `/.manifest`, whose `metadata.base`
 * names what it is about. Source: OPA 1.22, v1/bundle/bundle.go; beyond it, `add` and the base.
 */
export function readDelta(entries: Entries): Delta | Rejected {
  const other = [...entries.keys()].find((place) => !known.includes(place));
  if (other !== undefined)
    return rejected(
      "bundle_data",
      "a delta bundle holds /patch.json and /.manifest, and nothing else",
      other,
    );
  const texts = new Map<string, string>();
  for (const place of [patchFile, ".manifest"]) {
    const text = decode(entries.get(place) ?? new TextEncoder().encode("{}"));
    if (text === undefined) return rejected("invalid_utf8", "the file is not valid UTF-8", place);
    texts.set(place, text);
  }
  const read = readManifest(texts.get(".manifest"));
  if (read.kind === "rejected") return read;
  const { manifest } = read;
  const base = manifest.metadata?.["base"];
  if (typeof base !== "string" || base === "") {
    const message =
      "metadata.base must name the bundle that the changes are about, by its revision or digest";
    return rejected("delta_base", message, ".manifest");
  }
  const patch = readJson(patchFile, texts.get(patchFile) ?? "");
  if (patch.kind === "rejected") return patch;
  const operations = readOperations(patch.document, manifest.roots ?? [""]);
  if (!Array.isArray(operations)) return operations;
  const files = [...entries].filter(([place]) => place !== ".signatures.json");
  files.sort(([a], [b]) => (a < b ? -1 : 1));
  return { kind: "delta", manifest, base, operations, digest: digestOfParts(files.flat()) };
}

function readOperations(document: Json, roots: readonly string[]): DeltaOperation[] | Rejected {
  const { data, ...others } = document as Record<string, Json>;
  const refused = (message: string): Rejected => rejected("bundle_data", message, patchFile);
  const [stranger] = Object.keys(others);
  if (stranger !== undefined) return refused(`it holds ${stranger}: data is all that can be changed`);
  if (data !== undefined && !Array.isArray(data)) return refused("data must be a list of operations");
  const list = data ?? [];
  if (list.length > mostOperations) return refused(`it has more than ${mostOperations} operations`);
  const operations: DeltaOperation[] = [];
  for (const [i, item] of list.entries()) {
    const operation = readOperation(item);
    if (typeof operation === "string") return refused(`data[${i}]: ${operation}`);
    if (!permits(roots, operation.path)) {
      const message = `the roots ${JSON.stringify(roots)} don't permit changes at '${operation.path.join("/")}'`;
      return rejected("roots_violated", message, patchFile);
    }
    operations.push(operation);
  }
  return operations;
}

/** Gives what is wrong where something is. */
function readOperation(item: Json): DeltaOperation | string {
  if (!isObject(item)) return "an operation is an object";
  const { op, path, value, ...others } = item;
  const [stranger] = Object.keys(others);
  if (stranger !== undefined) return `an operation has op, path and value, and no ${stranger}`;
  if (typeof path !== "string") return "path must be a string";
  const segments = segmentsOf(path);
  if (segments === undefined) return "its path can't be read, or is too long";
  if (segments.length === 0) return "its path must name a member: give a whole bundle to change all data";
  if (op === "remove") return value === undefined ? { op, path: segments } : "what is removed has no value";
  if (op !== "add" && op !== "replace" && op !== "upsert") return "op must be add, remove, replace or upsert";
  return value === undefined ? `${op} needs a value` : { op, path: segments, value };
}

/** As OPA: escapes of URLs first, those of JSON pointers then. */
function segmentsOf(path: string): string[] | undefined {
  const trimmed = path.replace(/^\/+|\/+$/g, "");
  if (trimmed === "") return [];
  try {
    const segments = trimmed
      .split("/")
      .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
    // what is no Unicode text is no key of JSON
    return segments.length > mostSegments || segments.some((part) => /\p{Cs}/u.test(part))
      ? undefined
      : segments;
  } catch {
    return undefined;
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
